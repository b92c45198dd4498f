import type { DiskFile } from '@lockstep/kernel';
import { nextSourceId } from './records/byte-source.ts';
import type { ByteSource } from './records/byte-source.ts';
import { SlotTable } from './records/slot-table.ts';

/** Where the record of an entry stands in its segment. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

/** One file of the journal, with the places of those entries in it that no later write replaced. They are consecutive. */
export class Segment implements ByteSource {
  readonly id: number = nextSourceId();
  readonly path: string;
  readonly sequence: number;
  readonly file: DiskFile;
  /** Where the next write goes. */
  end: number;
  /** All before this is on disk. */
  syncedTo: number;
  /** The greatest index that was ever written here, replaced or not. */
  highestIndex = 0;
  #replaced = false;
  #first = 0;
  #count = 0;
  #offsets: Uint32Array = new Uint32Array(64);
  #lengths: Uint32Array = new Uint32Array(64);
  #readers = 0;
  #onUnread: (() => void) | null = null;

  constructor(path: string, sequence: number, file: DiskFile, end: number) {
    this.path = path;
    this.sequence = sequence;
    this.file = file;
    this.end = end;
    this.syncedTo = end;
  }

  get count(): number {
    return this.#count;
  }

  /** Meaningless while `count` is 0. */
  get firstIndex(): number {
    return this.#first;
  }

  get settledEnd(): number {
    return this.end;
  }

  /** Some of what was written here counts no more. */
  get replaced(): boolean {
    return this.#replaced;
  }

  push(index: number, offset: number, length: number): void {
    this.truncateFrom(index);
    if (this.#count === 0) this.#first = index;
    if (this.#count === this.#offsets.length) {
      this.#offsets = grown(this.#offsets);
      this.#lengths = grown(this.#lengths);
    }
    this.#offsets[this.#count] = offset;
    this.#lengths[this.#count] = length;
    this.#count++;
    this.highestIndex = Math.max(this.highestIndex, index);
  }

  /** Forgets the entries from `index` on. */
  truncateFrom(index: number): void {
    const count = Math.max(0, Math.min(this.#count, index - this.#first));
    if (count < this.#count) this.#replaced = true;
    this.#count = count;
  }

  /** Nothing that was written here so far counts any more, and nobody could tell from the file alone what does. */
  forget(): void {
    this.#count = 0;
    this.#replaced = true;
  }

  /** Null when the entry is not in this segment. */
  place(index: number): RecordPlace | null {
    const slot = index - this.#first;
    if (slot < 0 || slot >= this.#count) return null;
    return { offset: this.#offsets[slot]!, length: this.#lengths[slot]! };
  }

  /** The places of all entries that count. */
  table(): SlotTable {
    const offsets = new Uint32Array(this.#count + 1);
    offsets.set(this.#offsets.subarray(0, this.#count));
    if (this.#count > 0) offsets[this.#count] = offsets[this.#count - 1]! + this.#lengths[this.#count - 1]!;
    return new SlotTable(this.#first, null, offsets);
  }

  /** Bytes of the records of entries above `index`, up to `last`. */
  recordBytes(index: number, last: number): number {
    let bytes = 0;
    const end = Math.min(this.#count, last + 1 - this.#first);
    for (let slot = Math.max(0, index + 1 - this.#first); slot < end; slot++) bytes += this.#lengths[slot]!;
    return bytes;
  }

  /** Reads with the file kept open, even if the segment is dropped meanwhile. */
  async read(into: Uint8Array, position: number): Promise<number> {
    this.#readers++;
    try {
      return await this.file.read(into, position);
    } finally {
      this.#readers--;
      if (this.#readers === 0) this.#onUnread?.();
    }
  }

  /** Closes the file once nobody reads it. */
  async close(): Promise<void> {
    if (this.#readers > 0) await new Promise<void>((resolve) => (this.#onUnread = resolve));
    await this.file.close();
  }
}

function grown(table: Uint32Array): Uint32Array {
  const larger = new Uint32Array(table.length * 2);
  larger.set(table);
  return larger;
}
