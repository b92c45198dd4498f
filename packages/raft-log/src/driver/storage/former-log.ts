import { DiskError } from '@lockstep/kernel';
import type { Log } from '@lockstep/kernel';
import type { RecordSource, RecordStore } from './records/record-store.ts';

/** An entry that the log rests on: the newest snapshot's last one; 0, 0 without a snapshot. */
export interface LogBase {
  readonly index: number;
  readonly term: number;
}

/** Entries that were found in front of damage, one behind the other, and are no part of the log any more: it begins behind the damage. */
export interface FormerLog {
  readonly sources: readonly RecordSource[];
  /** The runs of equal terms, oldest first. */
  readonly terms: readonly LogBase[];
  readonly lastIndex: number;
}

/**
 * Puts into the record store what is certainly committed of entries that lie in front of damage: all of it, since nobody knows yet which records live.
 *
 * Not all that is intact there is committed. What is damaged may have replaced it, and then a record of that position on another member is another one. But an entry
 * of a term T is one leader's, which never replaced an entry of its own: so where the log behind the damage (or the snapshot) has an entry of term T, an
 * older entry of term T in front of the damage is in the same log, and with it all that was in front of it then (Log Matching, Raft §5.3).
 *
 * @param former oldest first.
 * @param term of the first entry behind them all.
 */
export async function keepCommitted(
  former: readonly FormerLog[],
  term: number,
  snapshot: LogBase,
  records: RecordStore,
  log: Log,
): Promise<void> {
  let known = term;
  for (const { sources, terms, lastIndex } of former.toReversed()) {
    const run = terms.findLastIndex((one) => one.term === known);
    if (run === -1) continue;
    const through = Math.min(terms[run + 1] === undefined ? lastIndex : terms[run + 1]!.index - 1, snapshot.index);
    known = terms[0]!.term;
    try {
      await records.copy(sources, (position) => position <= through && records.bag.find(position) === null);
    } catch (error) {
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) throw error;
      log.warn(
        'no room on the disk to keep the records in front of the damage: those that live come from the other members',
      );
      return;
    }
  }
}
