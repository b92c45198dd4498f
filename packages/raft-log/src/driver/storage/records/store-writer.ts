import { Buffer } from 'node:buffer';
import type { Disk, DiskFile } from '@lockstep/kernel';
import { recordIndexAt, recordLengthAt } from '../record.ts';
import { SlotTableBuilder } from './slot-table.ts';
import type { SlotTable } from './slot-table.ts';
import { encodeStoreHeader, encodeStoreTable } from './store-format.ts';

const blockBytes = 256 * 1024;
/** In portions: one sync of much would hold up the journal's. */
const unsyncedBytesMax = 4 * 1024 * 1024;

/** Writes one store file, under a temporary name. */
export class StoreWriter {
  readonly #file: DiskFile;
  readonly #slots = new SlotTableBuilder();
  #end = 0;
  #written = 0;
  #unsynced = 0;
  #pieces: Uint8Array[] = [];
  #block: Buffer = Buffer.alloc(0);
  #used = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
    this.#append(encodeStoreHeader());
  }

  static async create(disk: Disk, temporary: string): Promise<StoreWriter> {
    await disk.remove(temporary);
    return new StoreWriter(await disk.open(temporary, 'create'));
  }

  get count(): number {
    return this.#slots.count;
  }

  /** Of the file, as far as it has got; its table comes on top of it. */
  get bytes(): number {
    return this.#end;
  }

  /** So much was added that `flush` is due. */
  get full(): boolean {
    return this.#end - this.#written >= blockBytes;
  }

  /** Positions ascend. A large record must stay as it is until the next `flush`. */
  add(position: number, record: Uint8Array): void {
    this.#slots.add(position, this.#end);
    this.#append(record);
  }

  /**
   * From `offset` on as many of these records as the file has room for, at least one; positions ascend and are below `positionEnd`. They must stay as they
   * are until the next `flush`. Returns where it stopped.
   */
  addStretch(records: Buffer, offset: number, fileBytes: number, positionEnd: number): number {
    const base = this.#end - offset;
    let end = offset;
    while (end < records.length) {
      const position = recordIndexAt(records, end);
      const after = end + recordLengthAt(records, end);
      if (end > offset && (base + after > fileBytes || position >= positionEnd)) break;
      this.#slots.add(position, base + end);
      end = after;
    }
    this.#append(records.subarray(offset, end));
    return end;
  }

  #append(bytes: Uint8Array): void {
    this.#end += bytes.length;
    if (bytes.length > blockBytes / 4) {
      this.#endPiece();
      this.#pieces.push(bytes);
      return;
    }
    if (this.#used + bytes.length > this.#block.length) {
      this.#endPiece();
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
    }
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** What was put into the block goes; the rest of the block is there for the next. */
  #endPiece(): void {
    if (this.#used === 0) return;
    this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }

  async flush(): Promise<void> {
    this.#endPiece();
    const pieces = this.#pieces;
    const bytes = this.#end - this.#written;
    this.#pieces = [];
    await this.#file.write(pieces, this.#written);
    this.#written += bytes;
    this.#unsynced += bytes;
    if (this.#unsynced < unsyncedBytesMax) return;
    await this.#file.sync();
    this.#unsynced = 0;
  }

  /** The file is on disk, and closed. */
  async finish(): Promise<{ readonly table: SlotTable; readonly bytes: number }> {
    const table = this.#slots.build(this.#end);
    this.#append(encodeStoreTable(table));
    await this.flush();
    await this.#file.sync();
    await this.#file.close();
    return { table, bytes: this.#end };
  }

  /** Leaves the file as it is, closed. */
  async giveUp(): Promise<void> {
    await this.#file.close();
  }
}
