/**
 * Which of the applied records the state machine still refers to. It is held as a bitmap in pages, of which only those with something in them
 * exist: a full page costs a bit for each position, and what lies between two live records far apart costs nothing.
 */
export interface LivePositions {
  /** How many there are. */
  readonly size: number;
  has(position: number): boolean;
  /** How many lie in `from` … `to`, both included. */
  countBetween(from: number, to: number): number;
  /** The first one at or above `position`; null when there is none. In ascending order, pages that are not there cost a little each. */
  next(position: number): number | null;
}

const pageBits = 12;
const pagePositions = 1 << pageBits;
const pageWords = pagePositions / 32;

interface Page {
  readonly words: Uint32Array;
  count: number;
  /** Who may change it; others that share it see it as it was. */
  owner: LiveSet;
}

export class LiveSet implements LivePositions {
  #pages = new Map<number, Page>();
  #size = 0;
  /** The page used last: records are retained, and mostly released, in order. */
  #lastNumber = -1;
  #last: Page | null = null;

  get size(): number {
    return this.#size;
  }

  /** Harmless when it is in already. */
  retain(position: number): void {
    const page = this.#writablePage(Math.floor(position / pagePositions), true)!;
    const offset = position % pagePositions;
    const word = page.words[offset >>> 5]!;
    const bit = 1 << (offset & 31);
    if ((word & bit) !== 0) return;
    page.words[offset >>> 5] = word | bit;
    page.count += 1;
    this.#size += 1;
  }

  /** Harmless when it is not in. */
  release(position: number): void {
    if (!this.has(position)) return;
    const number = Math.floor(position / pagePositions);
    const page = this.#writablePage(number, false)!;
    const offset = position % pagePositions;
    page.words[offset >>> 5]! &= ~(1 << (offset & 31));
    page.count -= 1;
    this.#size -= 1;
    if (page.count > 0) return;
    this.#pages.delete(number);
    this.#lastNumber = -1;
    this.#last = null;
  }

  has(position: number): boolean {
    const page = this.#pages.get(Math.floor(position / pagePositions));
    if (page === undefined) return false;
    const offset = position % pagePositions;
    return (page.words[offset >>> 5]! & (1 << (offset & 31))) !== 0;
  }

  countBetween(from: number, to: number): number {
    if (to < from) return 0;
    const first = Math.floor(from / pagePositions);
    const last = Math.floor(to / pagePositions);
    let count = 0;
    // Whichever is shorter: the pages that there are, or those that there could be.
    if (last - first < this.#pages.size) {
      for (let number = first; number <= last; number++) count += this.#countInPage(number, from, to);
    } else {
      for (const number of this.#pages.keys()) count += this.#countInPage(number, from, to);
    }
    return count;
  }

  #countInPage(number: number, from: number, to: number): number {
    const page = this.#pages.get(number);
    const base = number * pagePositions;
    if (page === undefined || to < base || from >= base + pagePositions) return 0;
    if (from <= base && to >= base + pagePositions - 1) return page.count;
    return countBits(page.words, Math.max(0, from - base), Math.min(pagePositions - 1, to - base));
  }

  next(position: number): number | null {
    let number = Math.floor(position / pagePositions);
    const within = this.#nextInPage(number, position % pagePositions);
    if (within !== null) return within;
    // A few steps find a neighbour; across a wide gap the pages that exist are the shorter way.
    for (let step = 0; step < 64; step++) {
      number += 1;
      if (this.#pages.has(number)) return this.#nextInPage(number, 0);
    }
    let nearest = Infinity;
    for (const other of this.#pages.keys()) if (other > number && other < nearest) nearest = other;
    return nearest === Infinity ? null : this.#nextInPage(nearest, 0);
  }

  #nextInPage(number: number, from: number): number | null {
    const words = this.#pages.get(number)?.words;
    if (words === undefined) return null;
    let index = from >>> 5;
    let word = words[index]! & (-1 << (from & 31));
    for (;;) {
      if (word !== 0) return number * pagePositions + index * 32 + (31 - Math.clz32(word & -word));
      index += 1;
      if (index === pageWords) return null;
      word = words[index]!;
    }
  }

  /** As it is now, for good: costs a reference for each page, and later changes a copy of the page that they touch first. */
  freeze(): LivePositions {
    const frozen = new LiveSet();
    frozen.#pages = new Map(this.#pages);
    frozen.#size = this.#size;
    // The pages belong to what nobody changes; this set copies before it writes.
    for (const page of this.#pages.values()) page.owner = frozen;
    this.#lastNumber = -1;
    this.#last = null;
    return frozen;
  }

  #writablePage(number: number, create: boolean): Page | null {
    if (number === this.#lastNumber) return this.#last;
    let page = this.#pages.get(number) ?? null;
    if (page === null && !create) return null;
    if (page === null) page = { words: new Uint32Array(pageWords), count: 0, owner: this };
    else if (page.owner !== this) page = { words: page.words.slice(), count: page.count, owner: this };
    this.#pages.set(number, page);
    this.#lastNumber = number;
    this.#last = page;
    return page;
  }
}

/** Set bits in `from` … `to`, both included. */
function countBits(words: Uint32Array, from: number, to: number): number {
  let count = 0;
  for (let index = from >>> 5; index <= to >>> 5; index++) {
    let word = words[index]!;
    if (index === from >>> 5) word &= -1 << (from & 31);
    if (index === to >>> 5) word &= -1 >>> (31 - (to & 31));
    count += bitsOf(word);
  }
  return count;
}

/** Set bits of 32, added in pairs, in fours, in bytes. */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
