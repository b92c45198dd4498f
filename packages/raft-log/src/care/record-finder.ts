import type { Buffer } from 'node:buffer';
import { assert } from '@lockstep/kernel';
import { decodeRecord } from '../driver/storage/record.ts';
import type { Entry } from '../node/index.ts';
import { LogRows } from './log-rows.ts';
import { RecordReader } from './record-reader.ts';
import type { Survey } from './survey.ts';
import type { StoredFile } from './survey-records.ts';
import type { ReadableDisk } from './types.ts';
import { wholeFile } from './whole-file.ts';

/** Finds intact records by position, wherever they are: in the log, in segments that it has left behind, in the record store. */
export class RecordFinder {
  readonly #disk: ReadableDisk;
  readonly #survey: Survey;
  readonly #reader: RecordReader;
  readonly #rows: LogRows;
  readonly #stored: readonly StoredFile[];
  /** The one used last, whole. */
  #open: { readonly file: StoredFile; readonly bytes: Buffer } | null = null;

  constructor(disk: ReadableDisk, survey: Survey) {
    const { records } = survey;
    this.#disk = disk;
    this.#survey = survey;
    this.#stored = survey.stored.filter(({ table }) => table.count > 0);
    this.#reader = new RecordReader(disk, survey);
    let lowest = Infinity;
    for (let row = 0; row < records.count; row++) lowest = Math.min(lowest, records.index(row));
    this.#rows = new LogRows(records, lowest === Infinity ? 0 : lowest - 1, 0, new Map());
  }

  has(position: number): boolean {
    return this.#row(position) !== null || this.#storedIn(position) !== undefined;
  }

  /** Null: no file holds it intact. */
  async read(position: number): Promise<Entry | null> {
    const row = this.#row(position);
    if (row !== null) return this.#reader.read(row);
    const file = this.#storedIn(position);
    if (file === undefined) return null;
    if (this.#open?.file !== file) this.#open = { file, bytes: await wholeFile(this.#disk, file.path) };
    const { bytes } = this.#open;
    const entry = decodeRecord(bytes, file.table.offsets[file.table.slotOf(position)]!, bytes.length);
    assert(typeof entry !== 'string', 'a record that was intact is so still: nobody else uses the directory');
    return entry;
  }

  async close(): Promise<void> {
    await this.#reader.close();
    this.#open = null;
  }

  #row(position: number): number | null {
    const { log } = this.#survey;
    // What the snapshot covers is committed, and was written once for good.
    return position >= log.firstIndex ? log.row(position) : this.#rows.row(position);
  }

  #storedIn(position: number): StoredFile | undefined {
    if (this.#open !== null && this.#open.file.table.slotOf(position) >= 0) return this.#open.file;
    return this.#stored.find(({ table }) => table.slotOf(position) >= 0);
  }
}
