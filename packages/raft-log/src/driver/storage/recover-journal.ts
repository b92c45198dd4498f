import type { Disk, Log } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import { cutJournal } from './cut-journal.ts';
import { removeTemporaries } from './files.ts';
import { keepCommitted } from './former-log.ts';
import type { LogBase } from './former-log.ts';
import { createSegment, Journal, journalDirectory } from './journal.ts';
import type { LogIndex } from './log-index.ts';
import type { RecordStore } from './records/record-store.ts';
import { replayJournal, settle } from './replay-journal.ts';
import type { ReplayedJournal } from './replay-journal.ts';
import { segmentSequence } from './segment-format.ts';
import type { SegmentHeader } from './segment-format.ts';

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

/** What becomes of damage is settled elsewhere; each is asked before anything is changed. */
export interface DamagePorts {
  /** Something above the snapshot may be gone: when it resolves, the journal is cut off there. */
  readonly mayCut: (damage: CorruptionError) => Promise<void>;
  /** Only what the snapshot stands for is gone: when it resolves, the journal goes on without it. */
  readonly mayPass: (damage: CorruptionError) => Promise<void>;
}

export interface RecoverPorts extends DamagePorts {
  readonly disk: Disk;
  readonly log: Log;
  readonly records: RecordStore;
}

/**
 * Reads the journal back, cuts off a torn write, and removes what is no longer part of it. All that it then holds is on disk.
 * A journal that does not lead up to the snapshot, or differs from it, is what an interrupted installation of that snapshot
 * left: it is void.
 *
 * Damage that no crash explains costs what `ReplayedLog` says. What is intact in front of it goes to the record store. Below the snapshot that is all that is done: the
 * damaged file stays as it is until it leaves the log, so a crash at any moment leaves the same to be found again.
 * @throws CorruptionError from the ports, NewerFormatError
 */
export async function recoverJournal(
  ports: RecoverPorts,
  segmentBytes: number,
  snapshot: LogBase,
): Promise<RecoveredJournal> {
  const { disk, log, records, mayPass } = ports;
  await removeTemporaries(disk, journalDirectory);
  const { found, wasCut } = await replayUncut(ports, snapshot);
  const { replayed, remnants, tail } = found;
  const { index, configurations, former } = replayed;
  for (const damage of replayed.passed) await mayPass(damage);
  if (tail !== null) await settle(log, tail);
  if (index.segments.length === 0) index.segments.push(await createSegment(disk, firstSegment));
  const journal = new Journal(disk, segmentBytes, index);
  let isVoid = voidReason(index, snapshot);
  if (index.firstIndex > snapshot.index + 1) {
    const missing = `entries ${snapshot.index + 1} to ${index.firstIndex - 1} are in no segment before it and in no snapshot`;
    await ports.mayCut(new CorruptionError(index.segments[0]!.path, 0, missing));
    isVoid = 'it begins too late';
  }
  const begun = isVoid === null && index.firstIndex <= snapshot.index ? index.termAt(index.firstIndex) : null;
  if (isVoid !== null && wasCut) former.push(index.setAside());
  await keepCommitted(former, begun ?? snapshot.term, snapshot, records, log);
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

/** Replays until there is nothing to cut off. */
async function replayUncut(
  { disk, log, mayCut }: RecoverPorts,
  snapshot: LogBase,
): Promise<{ readonly found: ReplayedJournal; readonly wasCut: boolean }> {
  for (let wasCut = false; ; wasCut = true) {
    const found = await replayJournal(disk, log, snapshot);
    if (found.cut === null) return { found, wasCut };
    await mayCut(found.cut.damage);
    for (const segment of found.replayed.index.segments) await segment.close();
    await cutJournal(disk, found.cut);
  }
}

/** Null: it leads up to the snapshot, and agrees with it. */
function voidReason(index: LogIndex, snapshot: LogBase): string | null {
  if (index.lastIndex < snapshot.index) return 'it ends before the snapshot';
  const term = index.termAt(snapshot.index);
  const differs = term !== null && term !== 0 && term !== snapshot.term;
  return differs ? 'a newer snapshot was being installed' : null;
}
