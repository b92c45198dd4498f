import type { Entry } from './types.ts';

/** How far the front of the array may be empty before it is cut off. */
const SLACK = 1024;

/** The newest entries, in memory. An array with a moving front: every operation costs only the entries that it touches. */
export class Tail {
  #slots: (Entry | undefined)[] = [];
  /** Slot of the oldest entry. */
  #head = 0;
  #firstIndex: number;
  #bytes = 0;

  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
  }

  /** Of the oldest entry here; where the next one goes when there is none. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** Record bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  get #nextIndex(): number {
    return this.#firstIndex + this.#slots.length - this.#head;
  }

  push(entry: Entry): void {
    this.#slots.push(entry);
    this.#bytes += entry.record.length;
  }

  /** Forgets `index` and all after it. */
  truncateFrom(index: number): void {
    if (index <= this.#firstIndex) {
      this.reset(index);
      return;
    }
    while (this.#nextIndex > index) this.#bytes -= this.#slots.pop()!.record.length;
  }

  reset(firstIndex: number): void {
    this.#slots = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#firstIndex = firstIndex;
  }

  /** Lets go of the oldest entries up to `limitIndex` while more than `bytesMax` is held. */
  shrink(limitIndex: number, bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#firstIndex <= limitIndex && this.#head < this.#slots.length) {
      this.#bytes -= this.#slots[this.#head]!.record.length;
      this.#slots[this.#head] = undefined;
      this.#head += 1;
      this.#firstIndex += 1;
    }
    if (this.#head > SLACK && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
  }

  get(index: number): Entry | null {
    if (index < this.#firstIndex) return null;
    return this.#slots[this.#head + index - this.#firstIndex] ?? null;
  }

  /** Entries `from` to `to`, both included, as far as they are here; null when `from` isn't. */
  slice(from: number, to: number): readonly Entry[] | null {
    if (from < this.#firstIndex || from >= this.#nextIndex) return null;
    const start = this.#head + from - this.#firstIndex;
    return this.#slots.slice(start, start + to - from + 1) as Entry[];
  }

  /** As `slice` to the end, but no more than `bytesMax` of records, and at least one entry. */
  sliceWithin(from: number, bytesMax: number): readonly Entry[] | null {
    if (from < this.#firstIndex || from >= this.#nextIndex) return null;
    const start = this.#head + from - this.#firstIndex;
    let end = start + 1;
    let bytes = this.#slots[start]!.record.length;
    while (end < this.#slots.length && bytes + this.#slots[end]!.record.length <= bytesMax) {
      bytes += this.#slots[end]!.record.length;
      end += 1;
    }
    return this.#slots.slice(start, end) as Entry[];
  }

  /** Record bytes of the entries `from` to `to`, as far as they are here. */
  bytesBetween(from: number, to: number): number {
    let bytes = 0;
    const last = Math.min(to, this.#nextIndex - 1);
    for (let index = Math.max(from, this.#firstIndex); index <= last; index += 1)
      bytes += this.#slots[this.#head + index - this.#firstIndex]!.record.length;
    return bytes;
  }
}
