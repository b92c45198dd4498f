import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import { decodeRecordOf } from '../record.ts';
import type { RecordFault } from '../record.ts';
import type { ByteSource } from './byte-source.ts';
import type { SlotTable } from './slot-table.ts';

const windowBytes = 256 * 1024;

/** Goes through the wanted records of one file in order, reading as much at a time as a disk likes, past the cache. */
export class RecordCursor {
  readonly #source: ByteSource;
  readonly #table: SlotTable;
  readonly #wanted: (position: number) => boolean;
  #slot = 0;
  #window: Buffer = Buffer.alloc(0);
  #windowOffset = 0;
  #loaded = -1;

  constructor(source: ByteSource, table: SlotTable, wanted: (position: number) => boolean) {
    this.#source = source;
    this.#table = table;
    this.#wanted = wanted;
    this.#skip();
  }

  /** Of the record that it stands at; null at the end. */
  get position(): number | null {
    return this.#slot < this.#table.count ? this.#table.positionOf(this.#slot) : null;
  }

  /** The record that it stands at, a view; null: `load` it first; or why it isn't what was written. */
  get record(): Uint8Array | RecordFault | null {
    const { offsets } = this.#table;
    const offset = offsets[this.#slot]!;
    const limit = offsets[this.#slot + 1]!;
    const windowEnd = this.#windowOffset + this.#window.length;
    if (this.#loaded !== this.#slot && (offset < this.#windowOffset || limit > windowEnd)) return null;
    const end = Math.min(limit, windowEnd);
    const start = Math.min(offset, end) - this.#windowOffset;
    const entry = decodeRecordOf(this.position!, this.#window, start, end - this.#windowOffset);
    return typeof entry === 'string' ? entry : entry.record;
  }

  /** Reads on from the record that it stands at. Says how many bytes. */
  async load(): Promise<number> {
    const { offsets, count } = this.#table;
    const offset = offsets[this.#slot]!;
    const end = Math.max(offsets[this.#slot + 1]!, Math.min(offsets[count]!, offset + windowBytes));
    const memory = Buffer.allocUnsafeSlow(end - offset);
    const length = offsets[this.#slot + 1]! - offset;
    let here = await this.#read(memory, offset);
    // A sector that can't be read takes all with it that is read together with it.
    if (here < length && length < memory.length) here = await this.#read(memory.subarray(0, length), offset);
    this.#window = memory.subarray(0, here);
    this.#windowOffset = offset;
    this.#loaded = this.#slot;
    return this.#window.length;
  }

  /** What can't be read is as good as cut off. */
  async #read(into: Uint8Array, position: number): Promise<number> {
    try {
      return await this.#source.read(into, position);
    } catch (error) {
      if (error instanceof DiskError && error.code === 'EIO') return 0;
      throw error;
    }
  }

  advance(): void {
    this.#slot++;
    this.#skip();
  }

  #skip(): void {
    while (this.#slot < this.#table.count && !this.#wanted(this.#table.positionOf(this.#slot))) this.#slot++;
  }
}
