import type { LivePositions } from '../live-set.ts';

/** Positions `from` … `to`, `to` not included. */
export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/** So many records in a row that are here already are not asked about; fewer come once more for nothing. */
const heldMax = 16;
const countMax = 16_384;
const firstCount = 1024;

/** Cuts the positions of missing records, ascending, into ranges that hold about as many bytes as one answer may. */
export class RangeCutter {
  readonly #live: LivePositions;
  readonly #missing: LivePositions;
  readonly #answerBytes: number;
  readonly #givenBack: PositionRange[] = [];
  #cursor: number | null;
  #count = firstCount;

  /** `live`: all that the source may send; `missing`: those of them that are not here. */
  constructor(live: LivePositions, missing: LivePositions, answerBytes: number) {
    this.#live = live;
    this.#missing = missing;
    this.#answerBytes = answerBytes;
    this.#cursor = missing.next(1);
  }

  get exhausted(): boolean {
    return this.#cursor === null && this.#givenBack.length === 0;
  }

  next(): PositionRange | null {
    const returned = this.#givenBack.shift();
    if (returned !== undefined) return returned;
    if (this.#cursor === null) return null;
    const from = this.#cursor;
    let last = from;
    let following = this.#missing.next(from + 1);
    for (let count = 1; count < this.#count && following !== null && !this.#holdsBetween(last, following); count++) {
      last = following;
      following = this.#missing.next(last + 1);
    }
    this.#cursor = following;
    return { from, to: last + 1 };
  }

  #holdsBetween(last: number, following: number): boolean {
    return following - last > heldMax && this.#live.countBetween(last + 1, following - 1) > heldMax;
  }

  /** What an answer had no room for; it comes first. */
  giveBack(range: PositionRange): void {
    this.#givenBack.push(range);
  }

  /** So many records were so many bytes: the next ranges go by that. */
  answered(records: number, bytes: number): void {
    if (records === 0) return;
    const fitting = Math.floor((this.#answerBytes * records) / Math.max(1, bytes));
    this.#count = Math.max(1, Math.min(countMax, fitting));
  }
}
