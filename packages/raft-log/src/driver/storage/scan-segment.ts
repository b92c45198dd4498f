import type { Buffer } from 'node:buffer';
import type { Entry } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import { decodeRecord } from './record.ts';
import { decodeWriteHeader, segmentHeaderBytes, writeExtent, writeHeaderBytes } from './segment-format.ts';
import type { WriteHeader } from './segment-format.ts';
import { countZeroSectors } from './zero-sectors.ts';

export interface SegmentScan {
  /** Behind the last intact write: where the next one goes. */
  readonly end: number;
  /** Up to here the writes that were found say that it was synced; at most `end`. */
  readonly syncedTo: number;
  /** A torn write lies behind `end` and must be cut off. */
  readonly torn: boolean;
}

interface Damage {
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
 * @throws CorruptionError
 */
export function scanSegment(
  path: string,
  bytes: Buffer,
  sequence: number,
  sealed: boolean,
  onEntry: (entry: Entry, offset: number) => void,
): SegmentScan {
  let offset = segmentHeaderBytes;
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
      if (!torn) throw new CorruptionError(path, damage.offset, damage.detail);
      return { end: offset, syncedTo, torn: true };
    }
    let at = offset + writeHeaderBytes;
    for (const entry of entries) {
      onEntry(entry, at);
      at += entry.record.length;
    }
    offset += writeExtent(header.byteCount);
  }
  if (offset >= bytes.length || countZeroSectors([bytes.subarray(offset)], 0) === sectorsOf(bytes.length - offset)) {
    return { end: offset, syncedTo, torn: false };
  }
  const synced = sealed || offset < greatestSyncedTo(bytes, sequence, offset, syncedTo);
  if (synced || !isHeaderMissing(bytes, offset)) throw new CorruptionError(path, offset, `a write's header is damaged`);
  return { end: offset, syncedTo, torn: true };
}

function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / 512);
}

/** Takes in the records of the write at `offset`; null when all of it is as it was written. */
function decodeWrite(bytes: Buffer, offset: number, header: WriteHeader, into: Entry[]): Damage | null {
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
