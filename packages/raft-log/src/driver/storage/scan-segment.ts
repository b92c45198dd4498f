import type { Buffer } from 'node:buffer';
import type { Entry } from '../../node/index.ts';
import { decodeRecord } from './record.ts';
import { decodeWriteHeader, segmentHeaderBytes, writeExtent, writeHeaderBytes } from './segment-format.ts';
import type { WriteHeader } from './segment-format.ts';
import { countZeroSectors } from './zero-sectors.ts';

export interface SegmentScan {
  /** Behind the last intact write: where the next one goes, unless there is damage. */
  readonly end: number;
  /** Up to here the writes that were found say that it was synced; at most `end`. */
  readonly syncedTo: number;
  /** A torn write lies behind `end` and must be cut off. */
  readonly torn: boolean;
  /** What no crash leaves behind, in the write that begins at `end`, and why it is not what was written. */
  readonly damage: SegmentDamage | null;
}

export interface SegmentDamage {
  readonly offset: number;
  readonly detail: string;
}

/**
 * Reads a whole segment file and hands out its entries in the order they were written.
 *
 * Where something is damaged it tells what a crash leaves behind from what it cannot: a write that nothing after it knows to have
 * been synced, with a sector missing that the writer had filled, was torn, and nobody was ever told of it. Everything else
 * is corruption. Of a torn write nothing is handed out.
 *
 * @param sealed another segment was begun after this one, so all of this one is on disk.
 * @param onWrite takes in a write's entries, the first of which stands at `offset`; or says why they can't follow what came before, and takes none.
 * @param from where a write begins.
 */
export function scanSegment(
  bytes: Buffer,
  sequence: number,
  sealed: boolean,
  onWrite: (entries: readonly Entry[], offset: number) => string | null,
  from: number = segmentHeaderBytes,
): SegmentScan {
  let offset = from;
  let syncedTo = segmentHeaderBytes;
  for (;;) {
    const header = decodeWriteHeader(bytes, sequence, offset);
    if (header === null) break;
    syncedTo = Math.max(syncedTo, header.syncedTo);
    const entries: Entry[] = [];
    const damage = decodeWrite(bytes, offset, header, entries);
    if (damage !== null) {
      const torn =
        !sealed && offset >= greatestSyncedTo(bytes, sequence, offset, syncedTo) && isTorn(bytes, offset, header);
      return { end: offset, syncedTo: Math.min(syncedTo, offset), torn, damage: torn ? null : damage };
    }
    const detail = onWrite(entries, offset + writeHeaderBytes);
    if (detail !== null) {
      return { end: offset, syncedTo, torn: false, damage: { offset: offset + writeHeaderBytes, detail } };
    }
    offset += writeExtent(header.byteCount);
  }
  if (offset >= bytes.length || countZeroSectors([bytes.subarray(offset)], 0) === sectorsOf(bytes.length - offset)) {
    return { end: offset, syncedTo, torn: false, damage: null };
  }
  const synced = sealed || offset < greatestSyncedTo(bytes, sequence, offset, syncedTo);
  const torn = !synced && isHeaderMissing(bytes, offset);
  return { end: offset, syncedTo, torn, damage: torn ? null : { offset, detail: `a write's header is damaged` } };
}

/**
 * Where a scan that ended with damage may go on: behind the damaged write if its header is intact, since a body may look like anything; else at the next write
 * header of this segment. Null: nowhere.
 */
export function behindDamage(bytes: Buffer, sequence: number, damaged: number): number | null {
  const header = decodeWriteHeader(bytes, sequence, damaged);
  if (header !== null) {
    const end = damaged + writeExtent(header.byteCount);
    return end < bytes.length ? end : null;
  }
  for (let offset = damaged + writeHeaderBytes; offset < bytes.length; offset += writeHeaderBytes) {
    if (decodeWriteHeader(bytes, sequence, offset) !== null) return offset;
  }
  return null;
}

function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / 512);
}

/** Takes in the records of the write at `offset`; null when all of it is as it was written. */
function decodeWrite(bytes: Buffer, offset: number, header: WriteHeader, into: Entry[]): SegmentDamage | null {
  const extentEnd = offset + writeExtent(header.byteCount);
  const recordsEnd = offset + writeHeaderBytes + header.byteCount;
  const readable = Math.min(recordsEnd, bytes.length);
  let at = offset + writeHeaderBytes;
  while (at < recordsEnd) {
    const entry = decodeRecord(bytes, at, readable);
    if (typeof entry === 'string') return { offset: at, detail: entry };
    into.push(entry);
    at += entry.record.length;
  }
  if (extentEnd > bytes.length) return { offset: bytes.length, detail: 'the file ends in the middle of a write' };
  for (; at < extentEnd; at++) {
    if (bytes[at] !== 0) return { offset: at, detail: 'the space between two writes is not empty' };
  }
  return null;
}

/** What later writes, if there are intact ones, know to have been on disk when they began. */
function greatestSyncedTo(bytes: Buffer, sequence: number, from: number, atLeast: number): number {
  let greatest = atLeast;
  for (let offset = from + writeHeaderBytes; offset + writeHeaderBytes <= bytes.length; offset += writeHeaderBytes) {
    const header = decodeWriteHeader(bytes, sequence, offset);
    if (header !== null && header.syncedTo <= offset) greatest = Math.max(greatest, header.syncedTo);
  }
  return greatest;
}

/** Sectors are written wholly or not at all: a write lacks some exactly when more of it is zeros than its maker counted. */
function isTorn(bytes: Buffer, offset: number, header: WriteHeader): boolean {
  if (offset + writeExtent(header.byteCount) > bytes.length) return true;
  const written = bytes.subarray(offset, offset + writeHeaderBytes + header.byteCount);
  return countZeroSectors([written], offset) > header.zeroSectors;
}

/** A write header lies in one sector, so what a crash leaves of it is all or nothing. */
function isHeaderMissing(bytes: Buffer, offset: number): boolean {
  const header = bytes.subarray(offset, offset + writeHeaderBytes);
  return header.length < writeHeaderBytes || header.every((byte) => byte === 0);
}
