import { Buffer } from 'node:buffer';
import { assert } from '@lockstep/kernel';
import type { Disk, Log } from '@lockstep/kernel';
import type { Entry } from '../../../node/index.ts';
import type { RecordDamage, RecordFiles } from '../../storage-types.ts';
import { createAtomically } from '../files.ts';
import type { RecordFault } from '../record.ts';
import { segmentSequence } from '../segment-format.ts';
import type { ByteSource } from './byte-source.ts';
import { FilePool } from './file-pool.ts';
import { mergeRecords } from './merge-records.ts';
import type { Pace } from './merge-records.ts';
import { openRecordFiles, recordsDirectory } from './open-records.ts';
import { RecordBag } from './record-bag.ts';
import { RecordCursor } from './record-cursor.ts';
import { RecordFile } from './record-file.ts';
import type { RecordFileInfo } from './record-file.ts';
import { encodeSidecar, sidecarEnding } from './sidecar-format.ts';
import type { SlotTable } from './slot-table.ts';
import { parseStoreName } from './store-format.ts';
import { StoreOutput } from './store-output.ts';

const openFilesMax = 64;
const noPace: Pace = () => Promise.resolve();

/** A file whose records are to be taken over. */
export interface RecordSource {
  readonly source: ByteSource;
  readonly table: SlotTable;
}

export interface RewriteResult {
  /** Records that the new files hold. */
  readonly kept: number;
  readonly bytes: number;
  /** Wanted records of which no file has an intact copy. If there are any, nothing was changed. */
  readonly damaged: readonly number[];
}

/**
 * The committed records below the log: retired segments, and store files made of what others left. A file is never changed; a rewrite
 * makes new ones and then removes the old. Whichever of them a crash leaves, they hold the same.
 */
export class RecordStore implements RecordFiles {
  readonly bag: RecordBag = new RecordBag();
  readonly #disk: Disk;
  readonly #fileBytes: number;
  readonly #pool: FilePool;
  #serial = 0;

  private constructor(disk: Disk, fileBytes: number) {
    this.#disk = disk;
    this.#fileBytes = fileBytes;
    this.#pool = new FilePool(disk, openFilesMax);
  }

  /**
   * @param fileBytes a store file is about as long as this at most.
   * @throws NewerFormatError, DiskError
   */
  static async open(disk: Disk, log: Log, fileBytes: number): Promise<RecordStore> {
    const store = new RecordStore(disk, fileBytes);
    const files = await openRecordFiles(disk, log, store.#pool);
    store.bag.replace([], files);
    for (const { path } of files) store.#serial = Math.max(store.#serial, serialOf(path));
    return store;
  }

  /**
   * A segment file of the log goes over to the record store: every record in it is committed, and none was replaced. The caller takes it
   * out of the log in the turn in which `entered` is called.
   */
  async takeSegment(id: number, path: string, table: SlotTable, bytes: number, entered: () => void): Promise<void> {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const retired = `${recordsDirectory}/${name}`;
    const sequence = segmentSequence(name);
    assert(sequence !== null && table.deltas === null, 'a segment without gaps retires');
    await createAtomically(this.#disk, `${retired}${sidecarEnding}`, [encodeSidecar(sequence, table)]);
    await this.#disk.rename(path, retired);
    await this.#disk.syncDirectory(recordsDirectory);
    await this.#disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    this.bag.add(new RecordFile(id, retired, 'segment', table, bytes, this.#pool));
    entered();
  }

  /** Durable when it resolves. In any order; any of them may be here already. */
  async add(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const sorted = [...entries].sort((a, b) => a.index - b.index);
    await this.#output(async (output) => {
      let last = 0;
      for (const { index, record } of sorted) {
        if (index !== last) await output.add(index, record);
        last = index;
      }
      this.bag.replace([], await output.finish());
    });
  }

  /** As `add`: whole records one behind the other, ascending, within a stretch and from one to the next. They must not change any more. */
  async addStretches(stretches: readonly Uint8Array[]): Promise<void> {
    if (stretches.length === 0) return;
    await this.#output(async (output) => {
      for (const { buffer, byteOffset, byteLength } of stretches) {
        await output.addStretch(Buffer.from(buffer, byteOffset, byteLength));
      }
      this.bag.replace([], await output.finish());
    });
  }

  /** Makes store files of the wanted records of these files, which stay; without those that are damaged. Durable when it resolves. */
  async copy(sources: readonly RecordSource[], wanted: (position: number) => boolean): Promise<RewriteResult> {
    return this.#output(async (output) => {
      const { damaged, kept } = await this.#merge(sources, wanted, noPace, output);
      const made = await output.finish();
      this.bag.replace([], made);
      return { kept, bytes: bytesOf(made), damaged };
    });
  }

  /**
   * Puts store files with the wanted records of these files in their place. Not two at a time that have a file in common. A crash leaves
   * the old files, the new ones, or both.
   */
  async rewrite(
    ids: readonly number[],
    wanted: (position: number) => boolean,
    pace: Pace = noPace,
  ): Promise<RewriteResult> {
    const old = this.bag.files.filter(({ id }) => ids.includes(id));
    const sources = old.map((file) => ({ source: file, table: file.table }));
    const result = await this.#output(async (output) => {
      const { damaged, kept } = await this.#merge(sources, wanted, pace, output);
      if (damaged.length > 0) {
        await output.giveUp();
        return { kept: 0, bytes: 0, damaged };
      }
      const made = await output.finish();
      this.bag.replace(old, made);
      return { kept, bytes: bytesOf(made), damaged };
    });
    if (result.damaged.length === 0) await this.#removeFiles(old);
    return result;
  }

  /** `damaged`: no file has an intact copy, not even one that is not among the sources. */
  async #merge(
    sources: readonly RecordSource[],
    wanted: (position: number) => boolean,
    pace: Pace,
    output: StoreOutput,
  ): Promise<{ readonly kept: number; readonly damaged: readonly number[] }> {
    const cursors = sources.map(({ source, table }) => new RecordCursor(source, table, wanted));
    const own = new Set(sources.map(({ source }) => source.id));
    const damaged: number[] = [];
    let kept = 0;
    const add = (position: number, record: Uint8Array): Promise<void> | null => {
      kept++;
      return output.add(position, record);
    };
    const lost = (position: number, fault: RecordFault): void => {
      for (const file of this.bag.files) if (own.has(file.id)) file.markDamaged(position, fault);
      if (this.bag.find(position) === null) damaged.push(position);
    };
    await mergeRecords(cursors, { add, damaged: lost }, pace);
    return { kept, damaged };
  }

  /** What was written takes no room when the work fails: a full disk may have been why. */
  async #output<T>(work: (output: StoreOutput) => Promise<T>): Promise<T> {
    const output = new StoreOutput(this.#disk, this.#fileBytes, this.#pool, () => ++this.#serial);
    try {
      return await work(output);
    } catch (error) {
      await output.giveUp();
      throw error;
    }
  }

  /** Reads all that these files say they hold, past the cache. What is found damaged is marked so, and returned. */
  async check(id: number, wanted: (position: number) => boolean, pace: Pace): Promise<readonly RecordDamage[]> {
    const file = this.bag.files.find((one) => one.id === id);
    if (file === undefined) return [];
    const cursor = new RecordCursor(file, file.table, wanted);
    const damages: RecordDamage[] = [];
    for (let { position } = cursor; position !== null; { position } = cursor) {
      if (cursor.record === null) await pace(await cursor.load());
      const { record } = cursor;
      if (typeof record === 'string') {
        // It was rewritten meanwhile: what can't be read in it any more is elsewhere.
        if (!this.bag.files.includes(file)) return [];
        damages.push(file.markDamaged(position, record)!);
      }
      cursor.advance();
    }
    return damages;
  }

  get files(): readonly RecordFileInfo[] {
    return this.bag.files;
  }

  recordBytes(id: number, wanted: (position: number) => boolean): number {
    const table = this.bag.files.find((file) => file.id === id)?.table;
    let bytes = 0;
    for (let slot = 0; table !== undefined && slot < table.count; slot++) {
      if (wanted(table.positionOf(slot))) bytes += table.offsets[slot + 1]! - table.offsets[slot]!;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #removeFiles(files: readonly RecordFile[]): Promise<void> {
    for (const { path, kind } of files) {
      await this.#pool.forget(path);
      await this.#disk.remove(path);
      // After the segment: alone it says nothing, and a start removes it.
      if (kind === 'segment') await this.#disk.remove(`${path}${sidecarEnding}`);
    }
    if (files.length > 0) await this.#disk.syncDirectory(recordsDirectory);
  }
}

function bytesOf(files: readonly RecordFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function serialOf(path: string): number {
  return parseStoreName(path.slice(recordsDirectory.length + 1))?.serial ?? 0;
}
