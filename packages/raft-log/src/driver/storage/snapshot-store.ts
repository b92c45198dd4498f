import { assert, DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import type { SnapshotInfo, SnapshotReader } from '../storage-types.ts';
import { removeTemporaries, temporaryEnding } from './files.ts';
import { FileReader, FileReceiver } from './snapshot-files.ts';
import type { ReadySnapshot } from './snapshot-files.ts';
import { checkEnds, scanSnapshot, SnapshotWriter } from './snapshot-format.ts';
import type { ChunkPace } from './snapshot-format.ts';

export const snapshotDirectory = 'snapshot';
/** Of a file that arrives from a leader. It stays when the node restarts: the transfer goes on where it stood. */
const partEnding = '.part';

function snapshotName(index: number, term: number): string {
  return `${String(index).padStart(16, '0')}-${term}.snap`;
}

function pathOf({ index, term }: { readonly index: number; readonly term: number }): string {
  return `${snapshotDirectory}/${snapshotName(index, term)}`;
}

/** The newest snapshot's file; older ones go when it comes. */
export class SnapshotStore {
  readonly #disk: Disk;
  #info: SnapshotInfo | null;
  #transfers = 0;
  #isDamaged = false;

  private constructor(disk: Disk, info: SnapshotInfo | null) {
    this.#disk = disk;
    this.#info = info;
  }

  /**
   * Finds the newest snapshot and removes what interrupted work has left. A damaged newest one is never passed over for an older one: the
   * journal between them is gone.
   * @param whole all of it is checked, else its ends.
   * @param mayLose is shown the damage of the newest one; when it resolves there is none.
   * @throws CorruptionError from `mayLose`, NewerFormatError
   */
  static async open(
    disk: Disk,
    whole: boolean,
    mayLose: (damage: CorruptionError) => Promise<void>,
  ): Promise<SnapshotStore> {
    await disk.makeDirectory(snapshotDirectory);
    await removeTemporaries(disk, snapshotDirectory);
    const names = await snapshotNames(disk);
    const newest = names.pop();
    if (newest === undefined) return new SnapshotStore(disk, null);
    const path = `${snapshotDirectory}/${newest}`;
    const ends = await check(disk, path, whole);
    if (ends instanceof CorruptionError) {
      await mayLose(ends);
      for (const name of [newest, ...names]) await disk.remove(`${snapshotDirectory}/${name}`);
      await disk.syncDirectory(snapshotDirectory);
      return new SnapshotStore(disk, null);
    }
    for (const name of names) await disk.remove(`${snapshotDirectory}/${name}`);
    await removePartsThrough(disk, newest);
    await disk.syncDirectory(snapshotDirectory);
    return new SnapshotStore(disk, ends);
  }

  get info(): SnapshotInfo | null {
    return this.#info;
  }

  /** The newest one's file was found damaged since it was written. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Reads the newest one's file from the disk. Null: it is as it was written, or another one took its place meanwhile. */
  async check(pace: ChunkPace): Promise<CorruptionError | null> {
    const info = this.#info;
    if (info === null) return null;
    const found = await this.#scan(info, pace);
    if (found === null || this.#info !== info) return null;
    this.#isDamaged = true;
    return found;
  }

  async #scan(info: SnapshotInfo, pace: ChunkPace): Promise<CorruptionError | null> {
    const path = pathOf(info);
    try {
      const file = await this.#disk.open(path, 'read');
      try {
        const found = await scanSnapshot(file, path, () => {}, pace);
        return 'detail' in found ? new CorruptionError(path, found.offset, found.detail) : null;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!(error instanceof DiskError && (error.code === 'EIO' || error.code === 'ENOENT'))) throw error;
      return new CorruptionError(path, 0, 'the disk can not read it');
    }
  }

  /** Writes a snapshot under a temporary name. Chunks are pulled one at a time, as the disk takes them. */
  async prepare(
    index: number,
    term: number,
    configuration: ConfigurationAt | null,
    chunks: Iterable<Uint8Array>,
  ): Promise<ReadySnapshot> {
    const temporary = this.#temporaryPath(index, term);
    const file = await this.#disk.open(temporary, 'create');
    try {
      const writer = new SnapshotWriter(file);
      await writer.begin({ index, term, configuration });
      for (const chunk of chunks) await writer.add(chunk);
      const bytes = await writer.end();
      await file.close();
      return { info: { index, term, bytes, configuration }, temporary };
    } catch (error) {
      await this.#giveUp(file, temporary);
      throw error;
    }
  }

  /** What went wrong before matters, not what goes wrong now. */
  async #giveUp(file: DiskFile, temporary: string): Promise<void> {
    try {
      await file.close();
      await this.#disk.remove(temporary);
    } catch {
      // The next start removes it.
    }
  }

  /** Makes it the newest; from here on a crash finds it. One call at a time. */
  async adopt({ info, temporary }: ReadySnapshot): Promise<void> {
    await this.#disk.rename(temporary, pathOf(info));
    await this.#disk.syncDirectory(snapshotDirectory);
    const before = this.#info;
    this.#info = info;
    this.#isDamaged = false;
    if (before !== null && pathOf(before) !== pathOf(info)) await this.#disk.remove(pathOf(before));
  }

  async discard({ temporary }: ReadySnapshot): Promise<void> {
    await this.#disk.remove(temporary);
  }

  async openReader(): Promise<SnapshotReader | null> {
    for (let info = this.#info; info !== null; info = this.#info) {
      try {
        const file = await this.#disk.open(pathOf(info), 'read');
        return new FileReader(info, file, () => {
          if (this.#info === info) this.#isDamaged = true;
        });
      } catch (error) {
        // Another one took its place just now.
        if (error instanceof DiskError && error.code === 'ENOENT' && this.#info !== info) continue;
        throw error;
      }
    }
    return null;
  }

  /** @throws CorruptionError when it is damaged, possibly after chunks were handed out. */
  async load(onChunk: (chunk: Uint8Array) => void): Promise<void> {
    assert(this.#info !== null, 'there is a snapshot to load');
    const path = pathOf(this.#info);
    const file = await this.#disk.open(path, 'read');
    try {
      const found = await scanSnapshot(file, path, onChunk);
      if ('detail' in found) throw new CorruptionError(path, found.offset, found.detail);
    } finally {
      await file.close();
    }
  }

  /** Takes up what is there of it; what is there of others is removed. */
  async receive(index: number, term: number, bytes: number): Promise<FileReceiver> {
    const name = `${snapshotName(index, term)}.${bytes}${partEnding}`;
    const parts = (await this.#disk.list(snapshotDirectory)).filter((other) => other.endsWith(partEnding));
    for (const other of parts) if (other !== name) await this.#disk.remove(`${snapshotDirectory}/${other}`);
    const path = `${snapshotDirectory}/${name}`;
    const file = await this.#disk.open(path, parts.includes(name) ? 'update' : 'create');
    return new FileReceiver(this.#disk, index, term, path, file, Math.min(bytes, await file.size()));
  }

  async makeShape(index: number, term: number, configuration: ConfigurationAt): Promise<FileReceiver> {
    const { info, temporary } = await this.prepare(index, term, configuration, []);
    const file = await this.#disk.open(temporary, 'update');
    const shape = new FileReceiver(this.#disk, index, term, temporary, file, info.bytes);
    const fault = await shape.finish(() => {});
    assert(fault === null, `what was just written is a snapshot, but: ${fault}`);
    return shape;
  }

  #temporaryPath(index: number, term: number): string {
    return `${pathOf({ index, term })}.${++this.#transfers}${temporaryEnding}`;
  }
}

function isSnapshotName(name: string): boolean {
  return /^\d{16}-\d+\.snap$/.test(name);
}

export async function hasSnapshots(disk: Disk): Promise<boolean> {
  return (await snapshotNames(disk)).length > 0;
}

/** Oldest first. */
async function snapshotNames(disk: Disk): Promise<string[]> {
  return (await disk.list(snapshotDirectory)).filter(isSnapshotName).sort();
}

/**
 * What the newest snapshot says of itself, only its ends looked at; null: there is none.
 * @throws NewerFormatError
 */
export async function newestSnapshotEnds(disk: Disk): Promise<SnapshotInfo | CorruptionError | null> {
  const newest = (await snapshotNames(disk)).at(-1);
  return newest === undefined ? null : check(disk, `${snapshotDirectory}/${newest}`, false);
}

/** @throws NewerFormatError */
async function check(disk: Disk, path: string, whole: boolean): Promise<SnapshotInfo | CorruptionError> {
  const file = await disk.open(path, 'read');
  try {
    const ends = await checkEnds(file, path);
    if ('detail' in ends) return new CorruptionError(path, ends.offset, ends.detail);
    const damage = whole ? await scanSnapshot(file, path, () => {}) : null;
    if (damage !== null && 'detail' in damage) return new CorruptionError(path, damage.offset, damage.detail);
    if (pathOf(ends) === path) return ends;
    return new CorruptionError(path, 0, `by its header it is ${snapshotName(ends.index, ends.term)}`);
  } catch (error) {
    if (!(error instanceof DiskError && error.code === 'EIO')) throw error;
    return new CorruptionError(path, 0, 'the disk can not read it');
  } finally {
    await file.close();
  }
}

/** Of transfers that this snapshot has overtaken. */
async function removePartsThrough(disk: Disk, snapshot: string): Promise<void> {
  for (const name of await disk.list(snapshotDirectory)) {
    if (name.endsWith(partEnding) && name.slice(0, 16) <= snapshot.slice(0, 16)) {
      await disk.remove(`${snapshotDirectory}/${name}`);
    }
  }
}
