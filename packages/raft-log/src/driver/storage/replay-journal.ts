import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile, Log } from '@lockstep/kernel';
import type { Entry } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import type { JournalCut } from './cut-journal.ts';
import { readWhole } from './files.ts';
import { FoundConfigurations } from './found-configurations.ts';
import { journalDirectory } from './journal.ts';
import { LogIndex } from './log-index.ts';
import { scanSegment } from './scan-segment.ts';
import type { SegmentScan } from './scan-segment.ts';
import { decodeSegmentHeader, segmentHeaderBytes, segmentName, segmentSequence } from './segment-format.ts';
import type { SegmentHeader } from './segment-format.ts';
import { Segment } from './segment.ts';

interface SegmentFile {
  readonly path: string;
  readonly sequence: number;
  readonly header: SegmentHeader | CorruptionError;
}

export interface ReplayedJournal {
  /** Its segments' files are open. */
  readonly index: LogIndex;
  readonly configurations: FoundConfigurations;
  /** Files of an older past, which are no part of the journal. */
  readonly remnants: readonly string[];
  /** Null: all is as it should be, and on disk. */
  readonly cut: JournalCut | null;
}

/**
 * Reads all segments in order, up to the first damage, and cuts off a torn write.
 * @throws NewerFormatError, DiskError
 */
export async function replayJournal(disk: Disk, log: Log): Promise<ReplayedJournal> {
  const files = await listSegments(disk, log);
  // At the last segment that begins the log anew.
  const first = Math.max(
    0,
    files.findLastIndex(({ header }) => !(header instanceof CorruptionError) && header.reset),
  );
  const chain = files.slice(first);
  const index = new LogIndex();
  const configurations = new FoundConfigurations();
  const remnants = files.slice(0, first).map(({ path }) => path);
  for (const [i, file] of chain.entries()) {
    const before = i === 0 ? null : chain[i - 1]!;
    const next = chain[i + 1] ?? null;
    const stop = await readSegment(disk, log, { index, configurations }, { file, before, next });
    if (stop === null) continue;
    const behind = chain.slice(i + 1).map(({ path }) => path);
    return { index, configurations, remnants, cut: { ...stop, path: file.path, behind } };
  }
  return { index, configurations, remnants, cut: null };
}

/** By sequence, oldest first. */
async function listSegments(disk: Disk, log: Log): Promise<SegmentFile[]> {
  const files: SegmentFile[] = [];
  for (const name of await disk.list(journalDirectory)) {
    const path = `${journalDirectory}/${name}`;
    const sequence = segmentSequence(name);
    if (sequence === null) log.warn('a file in the journal directory is not part of the journal', { path });
    else files.push({ path, sequence, header: await readHeader(disk, path, name) });
  }
  return files.sort((a, b) => a.sequence - b.sequence);
}

async function readHeader(disk: Disk, path: string, name: string): Promise<SegmentHeader | CorruptionError> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(segmentHeaderBytes);
    const header = decodeSegmentHeader(path, bytes.subarray(0, await file.read(bytes, 0)));
    if (segmentName(header) === name) return header;
    return new CorruptionError(path, 0, `by its header it is ${segmentName(header)}`);
  } catch (error) {
    return damageIn(path, error);
  } finally {
    await file.close();
  }
}

/** What can't be read is damaged. Anything else is thrown on. */
function damageIn(path: string, error: unknown): CorruptionError {
  if (error instanceof CorruptionError) return error;
  if (error instanceof DiskError && error.code === 'EIO')
    return new CorruptionError(path, 0, 'the disk can not read it');
  throw error;
}

type Stop = Pick<JournalCut, 'damage' | 'end'>;

/** Null: it is whole. */
async function readSegment(
  disk: Disk,
  log: Log,
  into: Pick<ReplayedJournal, 'index' | 'configurations'>,
  { file, before, next }: { file: SegmentFile; before: SegmentFile | null; next: SegmentFile | null },
): Promise<Stop | null> {
  const { index, configurations } = into;
  const { path, header } = file;
  if (header instanceof CorruptionError) return { damage: header, end: null };
  if (before === null) index.begin(header.previousIndex, header.previousTerm);
  const misfit = misfitOf(index, header, before);
  if (misfit !== null) return { damage: new CorruptionError(path, 0, misfit), end: null };
  const opened = await disk.open(path, next === null ? 'update' : 'read');
  const segment = new Segment(path, header.sequence, opened, segmentHeaderBytes);
  index.segments.push(segment);
  let bytes: Buffer;
  try {
    bytes = await readWhole(opened);
  } catch (error) {
    return { damage: damageIn(path, error), end: segmentHeaderBytes };
  }
  const scan = scanSegment(bytes, header.sequence, next !== null, (entries, offset) => {
    const detail = holeIn(entries, index.lastIndex);
    if (detail !== null) return detail;
    let at = offset;
    for (const entry of entries) {
      index.push(entry.index, entry.term, at, entry.record.length);
      configurations.take(entry);
      at += entry.record.length;
    }
    return null;
  });
  const damage = scan.damage ?? lengthDamage(scan.end, next);
  if (damage !== null) return { damage: new CorruptionError(path, damage.offset, damage.detail), end: scan.end };
  if (next === null) await settle(log, path, opened, scan, bytes);
  segment.end = scan.end;
  segment.syncedTo = scan.end;
  return null;
}

function holeIn(entries: readonly Entry[], lastIndex: number): string | null {
  let last = lastIndex;
  for (const { index } of entries) {
    if (index > last + 1) return `entry ${index} follows entry ${last}`;
    last = index;
  }
  return null;
}

/** The successor knows how long a segment is. */
function lengthDamage(end: number, next: SegmentFile | null): { offset: number; detail: string } | null {
  if (next === null || next.header instanceof CorruptionError) return null;
  const { previousBytes } = next.header;
  if (previousBytes === end) return null;
  const detail = `by the header of ${next.path} it is ${previousBytes} bytes long, but its last write ends at ${end}`;
  return { offset: Math.min(end, previousBytes), detail };
}

/** The segment's first entry must find its place in what the older segments hold. Null: it does. */
function misfitOf(
  index: LogIndex,
  { sequence, previousIndex, previousTerm }: SegmentHeader,
  before: SegmentFile | null,
): string | null {
  if (before !== null && before.sequence + 1 !== sequence) {
    return `the segment before it, number ${sequence - 1}, is missing`;
  }
  if (previousIndex > index.lastIndex) {
    return `it goes on behind entry ${previousIndex}, but the segments before it end at ${index.lastIndex}`;
  }
  const term = index.termAt(previousIndex);
  if (term === null || term === 0 || previousTerm === 0 || term === previousTerm) return null;
  return `it goes on behind entry ${previousIndex} of term ${previousTerm}, but that is of term ${term} in the segments before it`;
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
