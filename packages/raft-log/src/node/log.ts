import { assert } from '@lockstep/kernel';
import type { Configuration, ConfigurationAt } from './configuration.ts';
import { Configurations } from './configurations.ts';
import type { Rules } from './rules.ts';
import { Tail } from './tail.ts';
import type { Entry, RecoveredLog } from './types.ts';

/** Entries of equal term, from `index` up to the next run or the log's end. */
interface Run {
  readonly index: number;
  readonly term: number;
}

/** Entries up to `last` are on disk once `batch` is. */
interface Write {
  readonly batch: number;
  last: number;
}

/**
 * This member's log as the Raft rules see it: the term of every entry, the newest entries themselves, and what of it is on disk.
 * The log in memory runs ahead of the disk; only `persistedIndex` may be promised to anybody.
 */
export class Log {
  readonly #runs: Run[];
  readonly #rules: Rules;
  readonly #tail: Tail;
  readonly configurations: Configurations;
  /** Not yet reported as on disk, oldest first. */
  readonly #writes: Write[] = [];
  #firstIndex: number;
  #lastIndex: number;
  #snapshotIndex: number;
  #snapshotTerm: number;
  #persistedIndex: number;
  #handedIndex: number;

  constructor(recovered: RecoveredLog, founding: Configuration, rules: Rules) {
    this.#rules = rules;
    this.configurations = new Configurations(founding, recovered.configurations, recovered.snapshotIndex);
    this.#runs = recovered.terms.map(({ index, term }) => ({ index, term }));
    this.#firstIndex = recovered.firstIndex;
    this.#lastIndex = recovered.lastIndex;
    this.#snapshotIndex = recovered.snapshotIndex;
    this.#snapshotTerm = recovered.snapshotTerm;
    this.#persistedIndex = recovered.lastIndex;
    this.#handedIndex = recovered.lastIndex;
    this.#tail = new Tail(recovered.lastIndex + 1);
    assert(recovered.firstIndex <= recovered.snapshotIndex + 1, 'the journal has a gap above the snapshot');
    assert(recovered.lastIndex >= recovered.snapshotIndex, 'the journal ends below the snapshot');
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get lastTerm(): number {
    return this.termAt(this.#lastIndex) ?? 0;
  }

  get snapshotIndex(): number {
    return this.#snapshotIndex;
  }

  /** What is on disk of the log as it now stands: a write that a truncation has overtaken doesn't count. */
  get persistedIndex(): number {
    return this.#persistedIndex;
  }

  /** The newest entries, those that are in memory. */
  get tail(): Tail {
    return this.#tail;
  }

  /** Null where it isn't known: beyond the end, or compacted away. */
  termAt(index: number): number | null {
    if (index === this.#snapshotIndex) return this.#snapshotTerm;
    if (index === 0) return 0;
    if (index < this.#firstIndex || index > this.#lastIndex) return null;
    return this.#runs[this.#runOf(index)]?.term ?? null;
  }

  /** Can an append begin at `index`: is that entry (if there is one) still to be had, and the term of the one before it known? */
  canSendFrom(index: number): boolean {
    return index >= this.#firstIndex && this.termAt(index - 1) !== null;
  }

  /** The last entry at or before `index` with at most that term; one below the first known entry when there is none. */
  lastNotAfter(index: number, term: number): number {
    let candidate = Math.min(index, this.#lastIndex);
    if (candidate < this.#firstIndex) return Math.min(candidate, this.#firstIndex - 1);
    for (let at = this.#runOf(candidate); at >= 0; at -= 1) {
      const run = this.#runs[at]!;
      if (run.term <= term) return candidate;
      candidate = run.index - 1;
    }
    return this.#firstIndex - 1;
  }

  /** Is a log that ends like that at least as complete as this one? Raft §5.4.1. */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.#lastIndex);
  }

  append(entry: Entry): void {
    assert(entry.index === this.#lastIndex + 1, 'an entry must follow the last one');
    this.#lastIndex = entry.index;
    if (this.#runs.at(-1)?.term !== entry.term) this.#runs.push({ index: entry.index, term: entry.term });
    this.#tail.push(entry);
    this.configurations.append(entry);
  }

  /**
   * Forgets `index` and all after it. Writes under way no longer tell anything about those places, even when the very same entries
   * come back: the disk will see the truncation in between.
   */
  truncateFrom(index: number): void {
    while (this.#runs.length > 0 && this.#runs.at(-1)!.index >= index) this.#runs.pop();
    this.#tail.truncateFrom(index);
    this.configurations.truncateFrom(index);
    this.#lastIndex = index - 1;
    this.#distrustFrom(index);
  }

  /** The log is now that snapshot and nothing else. `commitIndex`: up to where the old log agreed with it. */
  reset(index: number, term: number, configuration: ConfigurationAt | null, commitIndex: number): void {
    this.configurations.reset(configuration);
    this.#runs.length = 0;
    this.#tail.reset(index + 1);
    this.#firstIndex = index + 1;
    this.#lastIndex = index;
    this.#snapshotIndex = index;
    this.#snapshotTerm = term;
    this.#distrustFrom(commitIndex + 1);
    this.#handedIndex = index;
  }

  /** A durable snapshot stands for everything up to `index`. Of what it covers only the part after the one before may still be read. */
  snapshotTaken(index: number): void {
    if (index <= this.#snapshotIndex) return;
    const term = this.termAt(index);
    assert(term !== null, 'a snapshot beyond the log');
    this.dropBelow(this.#snapshotIndex + 1);
    this.#snapshotIndex = index;
    this.#snapshotTerm = term;
    this.configurations.dropBelow(index);
  }

  /** Entries below `index` are no longer in the journal. */
  dropBelow(index: number): void {
    if (index <= this.#firstIndex) return;
    this.#firstIndex = Math.max(this.#firstIndex, Math.min(index, this.#snapshotIndex + 1, this.#tail.firstIndex));
    let gone = 0;
    while (gone + 1 < this.#runs.length && this.#runs[gone + 1]!.index <= this.#firstIndex) gone += 1;
    this.#runs.splice(0, gone);
    if (this.#firstIndex > this.#lastIndex) this.#runs.length = 0;
  }

  get hasUnwritten(): boolean {
    return this.#handedIndex < this.#lastIndex;
  }

  /** Entries that have not yet been handed out for writing; `batch` takes them. */
  takeUnwritten(batch: number): readonly Entry[] {
    const entries = this.#tail.slice(this.#handedIndex + 1, this.#lastIndex);
    assert(entries !== null, 'an entry left memory before it was written');
    this.#handedIndex = this.#lastIndex;
    this.#writes.push({ batch, last: this.#lastIndex });
    return entries;
  }

  /** `batch` brings the snapshot at `index` to disk. */
  noteInstall(batch: number, index: number): void {
    this.#writes.push({ batch, last: index });
  }

  /** `batch` and all before it are on disk. */
  persisted(batch: number): void {
    while (this.#writes.length > 0 && this.#writes[0]!.batch <= batch) {
      const write = this.#writes.shift()!;
      if (write.last > this.#persistedIndex) this.#persistedIndex = write.last;
    }
  }

  #distrustFrom(index: number): void {
    this.#persistedIndex = Math.min(this.#persistedIndex, index - 1);
    this.#handedIndex = Math.min(this.#handedIndex, index - 1);
    if (!this.#rules.truncationVoidsWrites()) return;
    for (const write of this.#writes) write.last = Math.min(write.last, index - 1);
  }

  /** Position of the run that holds `index`; nearly always the last one. */
  #runOf(index: number): number {
    let low = 0;
    let high = this.#runs.length - 1;
    if (high < 0 || this.#runs[high]!.index <= index) return high;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle]!.index <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
