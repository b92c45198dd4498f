import { assert } from '@lockstep/kernel';

/**
 * Where the records of a file stand, by position, ascending. Four bytes a record where the positions are consecutive, else eight.
 * A record ends where the next begins, or somewhat earlier: how long it is, it says itself.
 */
export class SlotTable {
  readonly first: number;
  readonly count: number;
  /** Distances from `first`; null: consecutive. */
  readonly deltas: Uint32Array | null;
  /** One for each record, and behind the last where the records end. */
  readonly offsets: Uint32Array;

  constructor(first: number, deltas: Uint32Array | null, offsets: Uint32Array) {
    this.first = first;
    this.count = offsets.length - 1;
    this.deltas = deltas;
    this.offsets = offsets;
  }

  /** Meaningless for an empty table, as is `first`. */
  get last(): number {
    return this.positionOf(this.count - 1);
  }

  positionOf(slot: number): number {
    return this.first + (this.deltas === null ? slot : this.deltas[slot]!);
  }

  /** -1 when it is not here. */
  slotOf(position: number): number {
    const slot = this.slotFrom(position);
    return slot < this.count && this.positionOf(slot) === position ? slot : -1;
  }

  /** Of the first record at or above `position`; `count` when there is none. */
  slotFrom(position: number): number {
    const wanted = position - this.first;
    if (wanted <= 0) return 0;
    const { deltas } = this;
    if (deltas === null) return Math.min(wanted, this.count);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (deltas[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Gathers the places of records as they are written or found: positions ascending, offsets too. */
export class SlotTableBuilder {
  #first = 0;
  #count = 0;
  #dense = true;
  #deltas: Uint32Array = new Uint32Array(256);
  #offsets: Uint32Array = new Uint32Array(256);
  #last = 0;

  get count(): number {
    return this.#count;
  }

  /** Meaningless while `count` is 0. */
  get last(): number {
    return this.#last;
  }

  add(position: number, offset: number): void {
    if (this.#count === 0) this.#first = position;
    else assert(position > this.#last, 'records lie in the order of their positions');
    const delta = position - this.#first;
    assert(delta < 0x1_0000_0000 && offset < 0x1_0000_0000, 'a record file keeps within 32 bits');
    if (this.#count === this.#deltas.length) {
      this.#deltas = grown(this.#deltas);
      this.#offsets = grown(this.#offsets);
    }
    this.#dense &&= delta === this.#count;
    this.#deltas[this.#count] = delta;
    this.#offsets[this.#count] = offset;
    this.#last = position;
    this.#count++;
  }

  build(end: number): SlotTable {
    const offsets = new Uint32Array(this.#count + 1);
    offsets.set(this.#offsets.subarray(0, this.#count));
    offsets[this.#count] = end;
    return new SlotTable(this.#first, this.#dense ? null : this.#deltas.slice(0, this.#count), offsets);
  }
}

function grown(table: Uint32Array): Uint32Array {
  const larger = new Uint32Array(table.length * 2);
  larger.set(table);
  return larger;
}
