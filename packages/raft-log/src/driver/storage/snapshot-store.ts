import { assert, DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile } from '@lockstep/kernel';
import { CorruptionError } from '../storage-types.ts';
import type { SnapshotInfo, SnapshotReceiver } from '../storage-types.ts';
import { removeTemporaries, temporaryEnding } from './files.ts';
import { checkEnds, scanSnapshot, SnapshotWriter } from './snapshot-format.ts';

export const snapshotDirectory = 'snapshot';

function snapshotName(index: number, term: number): string {
  return `${String(index).padStart(16, '0')}-${term}.snap`;
}

function pathOf({ index, term }: { readonly index: number; readonly term: number }): string {
  return `${snapshotDirectory}/${snapshotName(index, term)}`;
}

/** A snapshot that is whole and on disk, but not yet under its name. */
export interface ReadySnapshot {
  readonly info: SnapshotInfo;
  readonly temporary: string;
}

/** The newest snapshot's file; older ones go when it comes. */
export class SnapshotStore {
  readonly #disk: Disk;
  #info: SnapshotInfo | null;
  #transfers = 0;

  private constructor(disk: Disk, info: SnapshotInfo | null) {
    this.#disk = disk;
    this.#info = info;
  }

  /**
   * Finds the newest snapshot and removes what interrupted work has left. A damaged newest one is never passed over for an older one: the
   * journal between them is gone.
   * @throws CorruptionError, NewerFormatError
   */
  static async open(disk: Disk): Promise<SnapshotStore> {
    await disk.makeDirectory(snapshotDirectory);
    await removeTemporaries(disk, snapshotDirectory);
    const names = (await disk.list(snapshotDirectory)).filter((name) => /^\d{16}-\d+\.snap$/.test(name)).sort();
    const newest = names.pop();
    if (newest === undefined) return new SnapshotStore(disk, null);
    const path = `${snapshotDirectory}/${newest}`;
    const file = await disk.open(path, 'read');
    const ends = await checkEnds(file, path);
    await file.close();
    if ('detail' in ends) throw new CorruptionError(path, ends.offset, ends.detail);
    if (snapshotName(ends.index, ends.term) !== newest) {
      throw new CorruptionError(path, 0, `by its header it is ${snapshotName(ends.index, ends.term)}`);
    }
    for (const name of names) await disk.remove(`${snapshotDirectory}/${name}`);
    await disk.syncDirectory(snapshotDirectory);
    return new SnapshotStore(disk, ends);
  }

  get info(): SnapshotInfo | null {
    return this.#info;
  }

  /** Writes a snapshot under a temporary name. Chunks are pulled one at a time, as the disk takes them. */
  async prepare(index: number, term: number, chunks: Iterable<Uint8Array>): Promise<ReadySnapshot> {
    const temporary = this.#temporaryPath(index, term);
    const file = await this.#disk.open(temporary, 'create');
    try {
      const writer = new SnapshotWriter(file);
      await writer.begin({ index, term });
      for (const chunk of chunks) await writer.add(chunk);
      const bytes = await writer.end();
      await file.close();
      return { info: { index, term, bytes }, temporary };
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
    if (before !== null && pathOf(before) !== pathOf(info)) await this.#disk.remove(pathOf(before));
  }

  async discard({ temporary }: ReadySnapshot): Promise<void> {
    await this.#disk.remove(temporary);
  }

  /** A piece of the file; empty at its end; null when the newest is another, or was made such meanwhile. */
  async read(index: number, offset: number, bytesMax: number): Promise<Uint8Array | null> {
    const info = this.#info;
    if (info === null || info.index !== index) return null;
    let file: DiskFile;
    try {
      file = await this.#disk.open(pathOf(info), 'read');
    } catch (error) {
      if (error instanceof DiskError && error.code === 'ENOENT' && this.#info !== info) return null;
      throw error;
    }
    try {
      const bytes = new Uint8Array(Math.max(0, Math.min(bytesMax, info.bytes - offset)));
      return bytes.subarray(0, await file.read(bytes, offset));
    } finally {
      await file.close();
    }
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

  async receive(index: number, term: number): Promise<FileReceiver> {
    const temporary = this.#temporaryPath(index, term);
    return new FileReceiver(this.#disk, index, term, temporary, await this.#disk.open(temporary, 'create'));
  }

  #temporaryPath(index: number, term: number): string {
    return `${pathOf({ index, term })}.${++this.#transfers}${temporaryEnding}`;
  }
}

/** Bytes that a leader sent are not the snapshot that it announced. */
export class SnapshotDamagedError extends Error {
  override readonly name = 'SnapshotDamagedError';
}

export class FileReceiver implements SnapshotReceiver {
  readonly index: number;
  readonly term: number;
  readonly #disk: Disk;
  readonly #temporary: string;
  readonly #file: DiskFile;
  #offset = 0;
  #state: 'open' | 'finished' | 'discarded' = 'open';

  constructor(disk: Disk, index: number, term: number, temporary: string, file: DiskFile) {
    this.#disk = disk;
    this.index = index;
    this.term = term;
    this.#temporary = temporary;
    this.#file = file;
  }

  get offset(): number {
    return this.#offset;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#file.write([chunk], this.#offset);
    this.#offset += chunk.length;
  }

  async finish(): Promise<void> {
    const found = await scanSnapshot(this.#file, this.#temporary, () => {});
    if ('detail' in found) throw new SnapshotDamagedError(`byte ${found.offset}: ${found.detail}`);
    if (found.index !== this.index || found.term !== this.term) {
      throw new SnapshotDamagedError(
        `it is that of entry ${found.index}, term ${found.term}, not of ${this.index}, term ${this.term}`,
      );
    }
    await this.#file.sync();
    await this.#file.close();
    this.#state = 'finished';
  }

  async discard(): Promise<void> {
    if (this.#state === 'discarded') return;
    if (this.#state === 'open') await this.#file.close();
    this.#state = 'discarded';
    await this.#disk.remove(this.#temporary);
  }

  /** It is whole and on disk: `finish` has been through. */
  ready(): ReadySnapshot {
    assert(this.#state === 'finished', 'only a finished snapshot is installed');
    return { info: { index: this.index, term: this.term, bytes: this.#offset }, temporary: this.#temporary };
  }
}
