import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile, Log } from '@lockstep/kernel';
import type { Entry } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import type { JournalCut } from './cut-journal.ts';
import { readSalvaging } from './files.ts';
import type { LogBase } from './former-log.ts';
import { journalDirectory } from './journal.ts';
import type { LogIndex } from './log-index.ts';
import { ReplayedLog } from './replayed-log.ts';
import { behindDamage, scanSegment } from './scan-segment.ts';
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
  readonly replayed: ReplayedLog;
  /** Files of an older past, which are no part of the journal. */
  readonly remnants: readonly string[];
  /** Null: nothing above the snapshot is lost. */
  readonly cut: JournalCut | null;
  /** Of the segment that is written to: `settle` is due. Null: there is none, or `cut` is not null. */
  readonly tail: JournalTail | null;
}

/** The last segment as it was read. */
export interface JournalTail {
  readonly path: string;
  readonly file: DiskFile;
  readonly scan: SegmentScan;
  readonly bytes: Uint8Array;
}

/**
 * Reads all segments in order. Changes nothing.
 * @throws NewerFormatError, DiskError
 */
export async function replayJournal(disk: Disk, log: Log, snapshot: LogBase): Promise<ReplayedJournal> {
  const files = await listSegments(disk, log);
  // At the last segment that begins the log anew.
  const first = Math.max(
    0,
    files.findLastIndex(({ header }) => !(header instanceof CorruptionError) && header.reset),
  );
  const chain = files.slice(first);
  const replayed = new ReplayedLog(snapshot);
  const remnants = files.slice(0, first).map(({ path }) => path);
  let tail: JournalTail | null = null;
  for (const [i, file] of chain.entries()) {
    const before = i === 0 ? null : chain[i - 1]!;
    const next = chain[i + 1] ?? null;
    tail = await readSegment(disk, replayed, { file, before, next });
  }
  const { loss } = replayed;
  if (loss === null) return { replayed, remnants, cut: null, tail };
  const behind = chain.slice(chain.findIndex(({ path }) => path === loss.path) + 1).map(({ path }) => path);
  return { replayed, remnants, cut: { ...loss, behind }, tail: null };
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

/** Null when there is nothing to settle: it is not the last one, or nothing in it can be read. */
async function readSegment(
  disk: Disk,
  replayed: ReplayedLog,
  { file, before, next }: { file: SegmentFile; before: SegmentFile | null; next: SegmentFile | null },
): Promise<JournalTail | null> {
  const { index } = replayed;
  const { path, header, sequence } = file;
  if (header instanceof CorruptionError) {
    replayed.lose({ damage: header, path, end: null });
  } else {
    if (before === null) index.begin(header.previousIndex, header.previousTerm);
    const misfit = replayed.loss === null ? misfitOf(index, header, before) : null;
    replayed.begin(header, misfit === null ? null : { damage: new CorruptionError(path, 0, misfit), path, end: null });
  }
  const opened = await disk.open(path, next === null ? 'update' : 'read');
  const segment = new Segment(path, sequence, opened, segmentHeaderBytes);
  index.segments.push(segment);
  let bytes: Buffer;
  try {
    bytes = await readSalvaging(opened);
  } catch (error) {
    replayed.lose({ damage: damageIn(path, error), path, end: segmentHeaderBytes });
    return null;
  }
  const scan = scanThrough(bytes, replayed, file, next);
  segment.end = replayed.loss === null ? scan.end : bytes.length;
  segment.syncedTo = segment.end;
  return next === null ? { path, file: opened, scan, bytes } : null;
}

/** Goes on behind each damage. Returns the scan that came to the end, or no farther than the last damage. */
function scanThrough(
  bytes: Buffer,
  replayed: ReplayedLog,
  { path, sequence }: SegmentFile,
  next: SegmentFile | null,
): SegmentScan {
  const take = (entries: readonly Entry[], offset: number): string | null => replayed.take(entries, path, offset);
  for (let from = segmentHeaderBytes; ;) {
    const scan = scanSegment(bytes, sequence, next !== null, take, from);
    const damage = scan.damage ?? lengthDamage(scan.end, next);
    if (damage === null) return scan;
    replayed.lose({ damage: new CorruptionError(path, damage.offset, damage.detail), path, end: scan.end });
    const behind = scan.damage === null ? null : behindDamage(bytes, sequence, scan.end);
    if (behind === null) return scan;
    from = behind;
  }
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
export async function settle(log: Log, { path, file, scan, bytes }: JournalTail): Promise<void> {
  const { end, syncedTo } = scan;
  if (bytes.length > end) {
    log.warn('cutting off a write that a crash interrupted', { path, offset: end, bytes: bytes.length - end });
    await file.truncate(end);
  }
  if (end > syncedTo) await file.write([bytes.subarray(syncedTo, end)], syncedTo);
  await file.sync();
}
