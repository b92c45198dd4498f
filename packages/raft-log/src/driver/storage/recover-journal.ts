import type { Disk, Log } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import { cutJournal } from './cut-journal.ts';
import { removeTemporaries } from './files.ts';
import { createSegment, Journal, journalDirectory } from './journal.ts';
import type { LogIndex } from './log-index.ts';
import { replayJournal } from './replay-journal.ts';
import { segmentSequence } from './segment-format.ts';
import type { SegmentHeader } from './segment-format.ts';

/** An entry that the log rests on: the newest snapshot's last one; 0, 0 without a snapshot. */
interface LogBase {
  readonly index: number;
  readonly term: number;
}

const firstSegment: SegmentHeader = { sequence: 1, reset: false, previousIndex: 0, previousTerm: 0, previousBytes: 0 };

export interface RecoveredJournal {
  readonly journal: Journal;
  /** Of its configuration entries, oldest first. */
  readonly configurations: readonly ConfigurationAt[];
}

export async function hasSegments(disk: Disk): Promise<boolean> {
  return (await disk.list(journalDirectory)).some((name) => segmentSequence(name) !== null);
}

/** An empty journal in an empty directory. */
export async function createJournal(disk: Disk): Promise<void> {
  const segment = await createSegment(disk, firstSegment);
  await segment.close();
}

/**
 * Reads the journal back, cuts off a torn write, and removes what is no longer part of it. All that it then holds is on disk.
 * A journal that does not lead up to the snapshot, or differs from it, is what an interrupted installation of that snapshot
 * left: it is void. Damage that no crash explains is shown to `mayCut`: when that resolves, the journal is cut off there.
 * @throws CorruptionError from `mayCut`, NewerFormatError
 */
export async function recoverJournal(
  disk: Disk,
  log: Log,
  segmentBytes: number,
  snapshot: LogBase,
  mayCut: (damage: CorruptionError) => Promise<void>,
): Promise<RecoveredJournal> {
  await removeTemporaries(disk, journalDirectory);
  let replayed = await replayJournal(disk, log);
  while (replayed.cut !== null) {
    await mayCut(replayed.cut.damage);
    for (const segment of replayed.index.segments) await segment.close();
    await cutJournal(disk, replayed.cut);
    replayed = await replayJournal(disk, log);
  }
  const { index, configurations, remnants } = replayed;
  if (index.segments.length === 0) index.segments.push(await createSegment(disk, firstSegment));
  const journal = new Journal(disk, segmentBytes, index);
  let isVoid = voidReason(index, snapshot);
  if (index.firstIndex > snapshot.index + 1) {
    const missing = `entries ${snapshot.index + 1} to ${index.firstIndex - 1} are in no segment before it and in no snapshot`;
    await mayCut(new CorruptionError(index.segments[0]!.path, 0, missing));
    isVoid = 'it begins too late';
  }
  if (isVoid !== null) {
    log.warn(`the journal is void: ${isVoid}`, { snapshotIndex: snapshot.index, journalLastIndex: index.lastIndex });
    await journal.resetAt(snapshot.index, snapshot.term);
    configurations.clear();
  }
  // Of a removal or a reset that a crash interrupted.
  for (const path of remnants) await disk.remove(path);
  await disk.syncDirectory(journalDirectory);
  return { journal, configurations: configurations.list };
}

/** Null: it leads up to the snapshot, and agrees with it. */
function voidReason(index: LogIndex, snapshot: LogBase): string | null {
  if (index.lastIndex < snapshot.index) return 'it ends before the snapshot';
  const term = index.termAt(snapshot.index);
  const differs = term !== null && term !== 0 && term !== snapshot.term;
  return differs ? 'a newer snapshot was being installed' : null;
}
