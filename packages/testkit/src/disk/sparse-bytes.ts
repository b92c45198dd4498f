import { takeMemory } from '../memory.ts';

const PAGE = 4096;

/** A file's content. Only pages that were written take space, as in a sparse file; the rest reads as zeros. */
export class SparseBytes {
  #pages: (Uint8Array | undefined)[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Space taken, in whole pages. */
  get allocatedBytes(): number {
    let count = 0;
    for (const page of this.#pages) if (page !== undefined) count++;
    return count * PAGE;
  }

  /** How many bytes of new space a write there would take. */
  growthBytes(position: number, length: number): number {
    let count = 0;
    for (let page = Math.floor(position / PAGE); page * PAGE < position + length; page++) {
      if (this.#pages[page] === undefined) count++;
    }
    return count * PAGE;
  }

  write(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const index = Math.floor(at / PAGE);
      const offset = at - index * PAGE;
      const count = Math.min(PAGE - offset, bytes.length - done);
      this.#page(index).set(bytes.subarray(done, done + count), offset);
      done += count;
    }
    this.#length = Math.max(this.#length, position + bytes.length);
  }

  read(into: Uint8Array, position: number): number {
    const total = Math.max(0, Math.min(into.length, this.#length - position));
    let done = 0;
    while (done < total) {
      const at = position + done;
      const index = Math.floor(at / PAGE);
      const offset = at - index * PAGE;
      const count = Math.min(PAGE - offset, total - done);
      const page = this.#pages[index];
      if (page === undefined) into.fill(0, done, done + count);
      else into.set(page.subarray(offset, offset + count), done);
      done += count;
    }
    return total;
  }

  truncate(length: number): void {
    if (length < this.#length) {
      const keep = Math.ceil(length / PAGE);
      this.#pages.length = Math.min(this.#pages.length, keep);
      // What lies behind the new end in its page must read as zeros should the file grow again.
      this.#pages[keep - 1]?.fill(0, length - (keep - 1) * PAGE);
    }
    this.#length = length;
  }

  clone(): SparseBytes {
    const copy = new SparseBytes();
    copy.#pages = this.#pages.map((page) => page?.slice());
    copy.#length = this.#length;
    return copy;
  }

  #page(index: number): Uint8Array {
    let page = this.#pages[index];
    if (page === undefined) {
      page = takeMemory(PAGE);
      while (this.#pages.length < index) this.#pages.push(undefined);
      this.#pages[index] = page;
    }
    return page;
  }
}
