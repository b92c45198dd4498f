import { Buffer } from 'node:buffer';
import type { Disk, DiskFile, Log } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import { readWhole, removeTemporaries } from './files.ts';
import { FoundConfigurations } from './found-configurations.ts';
import { createSegment, Journal, journalDirectory } from './journal.ts';
import { LogIndex } from './log-index.ts';
import { scanSegment } from './scan-segment.ts';
import type { SegmentScan } from './scan-segment.ts';
import { decodeSegmentHeader, segmentHeaderBytes, segmentName, segmentSequence } from './segment-format.ts';
import type { SegmentHeader } from './segment-format.ts';
import { Segment } from './segment.ts';

interface SegmentFile {
  readonly path: string;
  readonly header: SegmentHeader;
}

/** An entry that the log rests on: the newest snapshot's last one; 0, 0 without a snapshot. */
interface LogBase {
  readonly index: number;
  readonly term: number;
}

export interface RecoveredJournal {
  readonly journal: Journal;
  /** Of its configuration entries, oldest first. */
  readonly configurations: readonly ConfigurationAt[];
}

export async function hasSegments(disk: Disk): Promise<boolean> {
  return (await disk.list(journalDirectory)).some((name) => segmentSequence(name) !== null);
}

/** An empty journal in an empty directory. */
export async function createJournal(disk: Disk, segmentBytes: number): Promise<RecoveredJournal> {
  const index = new LogIndex();
  index.segments.push(
    await createSegment(disk, { sequence: 1, reset: false, previousIndex: 0, previousTerm: 0, previousBytes: 0 }),
  );
  index.begin(0, 0);
  return { journal: new Journal(disk, segmentBytes, index), configurations: [] };
}

/**
 * Reads the journal back, cuts off a torn write, and removes what is no longer part of it. All that it then holds is on disk.
 * A journal that does not lead up to the snapshot, or differs from it, is what an interrupted installation of that snapshot
 * left: it is void.
 * @throws CorruptionError, NewerFormatError
 */
export async function recoverJournal(
  disk: Disk,
  log: Log,
  segmentBytes: number,
  snapshot: LogBase,
): Promise<RecoveredJournal> {
  await removeTemporaries(disk, journalDirectory);
  const files = await listSegments(disk, log);
  const first = firstOfChain(files);
  const index = new LogIndex();
  const configurations = new FoundConfigurations();
  for (const [i, file] of files.slice(first).entries()) {
    await readSegment(disk, log, { index, configurations }, file, files[first + i + 1] ?? null, i === 0);
  }
  const oldest = files[first]!;
  if (index.firstIndex > snapshot.index + 1) {
    const missing = `entries ${snapshot.index + 1} to ${index.firstIndex - 1} are in no segment before it and in no snapshot`;
    throw new CorruptionError(oldest.path, 0, missing);
  }
  const journal = new Journal(disk, segmentBytes, index);
  if (isVoid(index, snapshot)) {
    log.warn('the journal is void: a newer snapshot was being installed', {
      snapshotIndex: snapshot.index,
      journalLastIndex: index.lastIndex,
    });
    await journal.resetAt(snapshot.index, snapshot.term);
    configurations.clear();
  }
  // Remnants of a removal or a reset that a crash interrupted.
  for (const { path } of files.slice(0, first)) await disk.remove(path);
  await disk.syncDirectory(journalDirectory);
  return { journal, configurations: configurations.list };
}

function isVoid(index: LogIndex, snapshot: LogBase): boolean {
  if (index.lastIndex < snapshot.index) return true;
  const term = index.termAt(snapshot.index);
  return term !== null && term !== 0 && term !== snapshot.term;
}

/** By sequence, oldest first; headers checked. */
async function listSegments(disk: Disk, log: Log): Promise<SegmentFile[]> {
  const files: SegmentFile[] = [];
  for (const name of await disk.list(journalDirectory)) {
    const path = `${journalDirectory}/${name}`;
    if (segmentSequence(name) === null) {
      log.warn('a file in the journal directory is not part of the journal', { path });
      continue;
    }
    const file = await disk.open(path, 'read');
    const bytes = Buffer.alloc(segmentHeaderBytes);
    const header = decodeSegmentHeader(path, bytes.subarray(0, await file.read(bytes, 0)));
    await file.close();
    if (segmentName(header) !== name) throw new CorruptionError(path, 0, `by its header it is ${segmentName(header)}`);
    files.push({ path, header });
  }
  return files.sort((a, b) => a.header.sequence - b.header.sequence);
}

/**
 * Where the journal begins: at the last segment that begins it anew. Segments leave it from the old end, one by one, so there is no gap.
 * @throws CorruptionError
 */
function firstOfChain(files: readonly SegmentFile[]): number {
  for (let i = files.length - 1; i > 0; i--) {
    const { header, path } = files[i]!;
    if (header.reset) return i;
    const before = files[i - 1]!.header.sequence;
    if (before + 1 !== header.sequence) {
      throw new CorruptionError(path, 0, `the segment before it, number ${header.sequence - 1}, is missing`);
    }
  }
  return 0;
}

async function readSegment(
  disk: Disk,
  log: Log,
  { index, configurations }: { readonly index: LogIndex; readonly configurations: FoundConfigurations },
  { path, header }: SegmentFile,
  next: SegmentFile | null,
  isFirst: boolean,
): Promise<void> {
  if (isFirst) index.begin(header.previousIndex, header.previousTerm);
  checkBase(index, path, header);
  const file = await disk.open(path, next === null ? 'update' : 'read');
  const segment = new Segment(path, header.sequence, file, segmentHeaderBytes);
  index.segments.push(segment);
  const bytes = await readWhole(file);
  const scan = scanSegment(path, bytes, header.sequence, next !== null, (entry, offset) => {
    if (entry.index > index.lastIndex + 1) {
      throw new CorruptionError(path, offset, `entry ${entry.index} follows entry ${index.lastIndex}`);
    }
    index.push(entry.index, entry.term, offset, entry.record.length);
    configurations.take(entry);
  });
  if (next !== null && next.header.previousBytes !== scan.end) {
    const detail = `by the header of ${next.path} it is ${next.header.previousBytes} bytes long, but its last write ends at ${scan.end}`;
    throw new CorruptionError(path, Math.min(scan.end, next.header.previousBytes), detail);
  }
  if (next === null) await settle(log, path, file, scan, bytes);
  segment.end = scan.end;
  segment.syncedTo = scan.end;
}

/** The segment's first entry must find its place in what the older segments hold. */
function checkBase(index: LogIndex, path: string, { previousIndex, previousTerm }: SegmentHeader): void {
  if (previousIndex > index.lastIndex) {
    throw new CorruptionError(
      path,
      0,
      `it goes on behind entry ${previousIndex}, but the segments before it end at ${index.lastIndex}`,
    );
  }
  const term = index.termAt(previousIndex);
  if (term !== null && term !== 0 && previousTerm !== 0 && term !== previousTerm) {
    const detail = `it goes on behind entry ${previousIndex} of term ${previousTerm}, but that is of term ${term} in the segments before it`;
    throw new CorruptionError(path, 0, detail);
  }
}

/**
 * Cuts off what lies behind the last intact write. Then syncs: what was read may so far stand only in the page cache, left there by a process
 * that was killed, and will be reported as being on disk. If that process ended because a sync failed, the system takes the pages that it could
 * not write for clean, and another sync would do nothing about them; so what is not known to have been synced is written once more.
 */
async function settle(log: Log, path: string, file: DiskFile, scan: SegmentScan, bytes: Uint8Array): Promise<void> {
  const { end, syncedTo } = scan;
  if (bytes.length > end) {
    log.warn('cutting off a write that a crash interrupted', { path, offset: end, bytes: bytes.length - end });
    await file.truncate(end);
  }
  if (end > syncedTo) await file.write([bytes.subarray(syncedTo, end)], syncedTo);
  await file.sync();
}
