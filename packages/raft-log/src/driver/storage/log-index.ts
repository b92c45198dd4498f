import { assert } from '@lockstep/kernel';
import type { FormerLog } from './former-log.ts';
import type { RecordPlace, Segment } from './segment.ts';
import { TermRuns } from './term-runs.ts';

/** Which entries the journal holds, where, and of which terms. In memory only. */
export class LogIndex {
  /** Oldest first; the last one is written to. */
  readonly segments: Segment[] = [];
  readonly #terms = new TermRuns();
  #lastIndex = 0;

  /** The log goes on behind this entry, whatever it held before; the segments are the caller's to clear. */
  begin(previousIndex: number, previousTerm: number): void {
    this.#terms.begin(previousIndex, previousTerm);
    this.#lastIndex = previousIndex;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  /** `lastIndex + 1` when there is no entry. */
  get firstIndex(): number {
    return this.segments.find((segment) => segment.count > 0)?.firstIndex ?? this.#lastIndex + 1;
  }

  get active(): Segment {
    const segment = this.segments.at(-1);
    assert(segment !== undefined, 'a journal has a segment');
    return segment;
  }

  /** An entry of the active segment; it replaces the one with its index and all behind it. */
  push(index: number, term: number, offset: number, length: number): void {
    assert(index <= this.#lastIndex + 1, 'the log has no holes');
    if (index <= this.#lastIndex) for (const segment of this.segments) segment.truncateFrom(index);
    this.active.push(index, offset, length);
    this.#terms.push(index, term);
    this.#lastIndex = index;
  }

  /** Null when it is not known. `index` is at most `lastIndex`. */
  termAt(index: number): number | null {
    return this.#terms.termAt(index);
  }

  /** The runs of equal terms from the first entry to the last. */
  terms(): { index: number; term: number }[] {
    return this.firstIndex > this.#lastIndex ? [] : this.#terms.from(this.firstIndex);
  }

  locate(index: number): { segment: Segment; place: RecordPlace } | null {
    for (let i = this.segments.length - 1; i >= 0; i--) {
      const segment = this.segments[i]!;
      const place = segment.place(index);
      if (place !== null) return { segment, place };
    }
    return null;
  }

  /** Bytes of the records of entries above `index`, up to `last`. */
  recordBytes(index: number, last: number): number {
    return this.segments.reduce((sum, segment) => sum + segment.recordBytes(index, last), 0);
  }

  /**
   * The oldest segments that never held anything above `index`, as long as those that stay have `retainBytes` or more.
   * Only from the old end: the sequence of those that stay has no gap. What was replaced counts: a crash may undo the write
   * that replaced it.
   */
  needless(index: number, retainBytes: number): Segment[] {
    let staying = this.segments.reduce((sum, segment) => sum + segment.end, 0);
    const needless: Segment[] = [];
    for (const segment of this.segments.slice(0, -1)) {
      if (segment.highestIndex > index) break;
      staying -= segment.end;
      if (staying < retainBytes) break;
      needless.push(segment);
    }
    return needless;
  }

  /** Forgets all entries; the segments stay. `begin` is due next. */
  setAside(): FormerLog {
    const sources = this.segments.filter(({ count }) => count > 0);
    const former = {
      sources: sources.map((segment) => ({ source: segment, table: segment.table() })),
      terms: this.terms(),
      lastIndex: this.#lastIndex,
    };
    for (const segment of this.segments) segment.forget();
    return former;
  }

  /** Takes out the oldest segment. */
  removeOldest(segment: Segment): void {
    assert(
      this.segments[0] === segment && this.segments.length > 1,
      'segments go from the old end, the last one stays',
    );
    this.segments.shift();
    this.#terms.forgetBelow(this.firstIndex - 1);
  }
}
