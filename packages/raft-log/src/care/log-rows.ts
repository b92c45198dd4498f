import type { RecordTable } from './record-table.ts';

const none = 0xffff_ffff;

/** Which of the records make up the log above an index: of those with one index the last written, unless a later write voided it. */
export class LogRows {
  readonly #rows: Uint32Array;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly #voidings: ReadonlyMap<number, number>;

  /**
   * Rows before `fromRow` are of files that the log has left behind. `voidings`: rows in front of which a damaged record may have voided the entries
   * from that index on.
   */
  constructor(table: RecordTable, above: number, fromRow: number, voidings: ReadonlyMap<number, number>) {
    this.#voidings = voidings;
    this.firstIndex = above + 1;
    this.lastIndex = table.count === fromRow ? above : Math.max(above, table.index(table.count - 1));
    this.#rows = new Uint32Array(this.lastIndex - above).fill(none);
    // Backwards: what was written for an index voids all that was written before for it and what follows it.
    for (let row = table.count - 1, lowest = Infinity; row >= fromRow; row--) {
      const index = table.index(row);
      if (index < lowest) {
        lowest = index;
        if (index > above) this.#rows[index - this.firstIndex] = row;
      }
      lowest = Math.min(lowest, voidings.get(row) ?? Infinity);
    }
  }

  /** Null: lost, or not in the log. */
  row(index: number): number | null {
    const row = this.#rows[index - this.firstIndex];
    return row === undefined || row === none ? null : row;
  }

  /** From which index on entries may have been voided by a damaged record in front of that row; null: by none. */
  voidedBefore(row: number): number | null {
    return this.#voidings.get(row) ?? null;
  }

  /** Runs of entries that should be there and are not. */
  *holes(): Iterable<{ readonly from: number; readonly to: number }> {
    for (let index = this.firstIndex; index <= this.lastIndex; index++) {
      if (this.row(index) !== null) continue;
      const from = index;
      while (index < this.lastIndex && this.row(index + 1) === null) index++;
      yield { from, to: index };
    }
  }
}
