import type { Buffer } from 'node:buffer';
import type { Entry } from '../node/index.ts';
import { decodeRecord, recordHeaderBytes } from '../driver/storage/record.ts';
import {
  decodeWriteHeader,
  segmentHeaderBytes,
  writeExtent,
  writeHeaderBytes,
} from '../driver/storage/segment-format.ts';

export interface ScanSink {
  entry(entry: Entry, offset: number): void;
  /** Bytes `from` to (without) `to` are not what was written. `what` should stand there: one record, an unknown number of them, or no record. */
  damage(from: number, to: number, what: 'record' | 'records' | 'frame'): void;
}

/**
 * Takes out of a damaged segment file all that is intact: goes on behind each damage with the next intact record or write. In the order in
 * which it was written.
 */
export function scanDamaged(bytes: Buffer, sequence: number, sink: ScanSink): void {
  for (let offset = segmentHeaderBytes; offset < bytes.length;) {
    const header = decodeWriteHeader(bytes, sequence, offset);
    if (header !== null) {
      const recordsFrom = offset + writeHeaderBytes;
      const end = Math.min(bytes.length, offset + writeExtent(header.byteCount));
      const recordsTo = Math.min(end, recordsFrom + header.byteCount);
      scanRecords(bytes, recordsFrom, recordsTo, sink);
      if (recordsFrom + header.byteCount > bytes.length) sink.damage(bytes.length, bytes.length, 'records');
      if (!isZero(bytes, recordsTo, end)) sink.damage(recordsTo, end, 'frame');
      offset = end;
      continue;
    }
    const next = nextWrite(bytes, sequence, offset + writeHeaderBytes);
    if (next === bytes.length && isZero(bytes, offset, next)) return;
    // The header itself is lost; what it stood before may be whole.
    const recordsFrom = Math.min(next, offset + writeHeaderBytes);
    sink.damage(offset, recordsFrom, 'frame');
    scanRecords(bytes, recordsFrom, lastFilled(bytes, recordsFrom, next), sink);
    offset = next;
  }
}

function nextWrite(bytes: Buffer, sequence: number, from: number): number {
  for (let offset = from; offset < bytes.length; offset += writeHeaderBytes) {
    if (decodeWriteHeader(bytes, sequence, offset) !== null) return offset;
  }
  return bytes.length;
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Behind the last byte that is not zero. */
function lastFilled(bytes: Buffer, from: number, to: number): number {
  let end = to;
  while (end > from && bytes[end - 1] === 0) end--;
  // The zeros may belong to a record; too many do no harm, they are looked at as the space behind.
  for (let padding = 0; padding < writeHeaderBytes && end < to; padding++) end++;
  return end;
}

function scanRecords(bytes: Buffer, from: number, to: number, sink: ScanSink): void {
  let last: Entry | null = null;
  for (let at = from; at < to;) {
    const entry = decodeRecord(bytes, at, to);
    if (typeof entry !== 'string') {
      sink.entry(entry, at);
      last = entry;
      at += entry.record.length;
      continue;
    }
    const next = nextRecord(bytes, at, to, last);
    if (!isZero(bytes, at, next)) sink.damage(at, next, claimedEnd(bytes, at, to) === next ? 'record' : 'records');
    at = next;
  }
}

/** Where a record ends, by its own account. */
function claimedEnd(bytes: Buffer, at: number, to: number): number {
  return at + (to - at < 4 ? 0 : bytes.readUInt32LE(at));
}

/** Where a record begins that is intact, behind one that is not; `to` when there is none. `last`: the entry before, if it is known. */
function nextRecord(bytes: Buffer, at: number, to: number, last: Entry | null): number {
  const claimed = claimedEnd(bytes, at, to);
  if (claimed > at && (claimed === to || (claimed < to && typeof decodeRecord(bytes, claimed, to) !== 'string'))) {
    return claimed;
  }
  for (let next = at + 1; next <= to - recordHeaderBytes; next++) {
    const length = bytes.readUInt32LE(next);
    if (length < recordHeaderBytes || length > to - next) continue;
    const entry = decodeRecord(bytes, next, to);
    // A body may hold what looks like a record; one that continues the log, or replaces its end, is most likely none.
    if (typeof entry === 'string') continue;
    const replaces = last !== null && entry.index <= last.index && entry.term > last.term;
    const lost = last === null ? 0 : entry.index - last.index - 1;
    if (replaces || (lost >= 0 && lost <= (next - at) / recordHeaderBytes)) return next;
  }
  return to;
}
