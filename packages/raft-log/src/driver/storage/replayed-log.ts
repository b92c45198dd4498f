import type { Entry } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import type { JournalCut } from './cut-journal.ts';
import type { FormerLog, LogBase } from './former-log.ts';
import { FoundConfigurations } from './found-configurations.ts';
import { LogIndex } from './log-index.ts';
import type { SegmentHeader } from './segment-format.ts';

/** Where the log was lost, and from where on nothing that follows is known to be of it. */
export type LogLoss = Omit<JournalCut, 'behind'>;

/**
 * The log as its segments are read from the first byte to the last.
 *
 * **What damage costs.** What this node promised by its vote and its acknowledgements is that it has every entry which it acknowledged, and so asks no less of
 * a candidate than before (Raft §5.4.1). For entries up to the newest snapshot's, *S*, the snapshot keeps that promise: it is durable, and nothing in it is
 * uncommitted. The log's part up to S is there for followers that are a little behind, and its records are there for the messages that live. So damage there breaks no
 * promise, and needs no `abstaining`. That protects what lies above S alone, where an acknowledgement may be all that made a majority.
 *
 * Where damage lies can't be read from it: nobody knows how many entries it held, or whether they replaced older ones. What follows it tells. An entry voids what
 * stood at its index and behind it, so the log above an intact entry F is what was written from F on. With F ≤ S all that is above S is intact, whatever
 * was damaged, and the log begins anew at F. The entry S must be among what follows, so that its term can be compared with the snapshot's (an installation that was interrupted
 * leaves a log that differs), or the entry S + 1 be of the term of S, whose leader then had S before it (§5.3). When no such entry follows, something above S may
 * be gone: the log ends in front of the damage, and the node abstains.
 */
export class ReplayedLog {
  readonly index: LogIndex = new LogIndex();
  readonly configurations: FoundConfigurations = new FoundConfigurations();
  /** Damage below the snapshot, and what stood in front of each. */
  readonly passed: CorruptionError[] = [];
  readonly former: FormerLog[] = [];
  readonly #snapshot: LogBase;
  #loss: LogLoss | null = null;

  constructor(snapshot: LogBase) {
    this.#snapshot = snapshot;
  }

  /** Null: all that was read last is of the log. */
  get loss(): LogLoss | null {
    return this.#loss;
  }

  /** What was read is not what was written. Only the first damage since the log was last found counts. */
  lose(loss: LogLoss): void {
    this.#loss ??= loss;
  }

  /** A segment begins. `misfit`: why it can't follow those before. */
  begin(header: SegmentHeader, misfit: LogLoss | null): void {
    const { previousIndex, previousTerm } = header;
    if (misfit !== null) this.lose(misfit);
    const { index, term } = this.#snapshot;
    const found = previousIndex < index || (previousIndex === index && previousTerm === term);
    if (this.#loss !== null && index > 0 && found) this.#beginAnew(previousIndex, previousTerm);
  }

  /** A write's entries. Not null: why they can't follow what came before; then they were not taken in. */
  take(entries: readonly Entry[], path: string, offset: number): string | null {
    const [first] = entries;
    if (first === undefined) return null;
    const hole = holeIn(entries, this.#loss === null ? this.index.lastIndex : first.index - 1);
    const { index, term } = this.#snapshot;
    const found = first.index <= index || (first.index === index + 1 && first.term === term && index > 0);
    if (hole !== null && !(found && holeIn(entries, first.index - 1) === null)) return hole;
    if (hole !== null) this.lose({ damage: new CorruptionError(path, offset, hole), path, end: null });
    if (this.#loss !== null) {
      // Not known to be of the log.
      if (!found) return null;
      this.#beginAnew(first.index - 1, 0);
    }
    let at = offset;
    for (const entry of entries) {
      this.index.push(entry.index, entry.term, at, entry.record.length);
      this.configurations.take(entry);
      at += entry.record.length;
    }
    return null;
  }

  #beginAnew(previousIndex: number, previousTerm: number): void {
    this.passed.push(this.#loss!.damage);
    this.#loss = null;
    this.former.push(this.index.setAside());
    this.index.begin(previousIndex, previousTerm);
    // The snapshot says which one was in use there.
    this.configurations.clear();
  }
}

function holeIn(entries: readonly Entry[], lastIndex: number): string | null {
  let last = lastIndex;
  for (const { index } of entries) {
    if (index > last + 1) return `entry ${index} follows entry ${last}`;
    last = index;
  }
  return null;
}
