import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { cutRecords, walkRecords } from '../storage/index.ts';
import type { Entry } from '../../node/types.ts';
import type { Records } from '../peers/messages.ts';

/** The checksum that goes with an answer. */
export function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes);
}

/**
 * The records of an answer: ascending, and of positions that it speaks of. Null when it is not what was sent. The sender has checked each record, and the
 * answer as a whole is checked here, so nothing is left to be found in between.
 */
export function recordsOf({ bytes, checksum, from, next }: Records): readonly Entry[] | null {
  if (crc32(bytes) !== checksum) return null;
  const entries = cutRecords(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (entries === null) return null;
  let last = from - 1;
  for (const { index } of entries) {
    if (index <= last || index >= next) return null;
    last = index;
  }
  return entries;
}

/** Records that lie one behind the other, ascending. */
export interface RecordStretch {
  readonly first: number;
  readonly bytes: Uint8Array;
}

export interface CutAnswer {
  /** All that came. */
  readonly records: number;
  readonly wantedRecords: number;
  readonly wantedBytes: number;
  /** The wanted ones, as views of the answer. */
  readonly stretches: readonly RecordStretch[];
}

/** As `recordsOf`, without an object for each record. `wanted`: null for all. */
export function stretchesOf(
  { bytes, checksum, from, next }: Records,
  wanted: ((position: number) => boolean) | null,
): CutAnswer | null {
  if (crc32(bytes) !== checksum) return null;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stretches: RecordStretch[] = [];
  let [records, wantedRecords, wantedBytes] = [0, 0, 0];
  let last = from - 1;
  let first = 0;
  let start = 0;
  let end = 0;
  const whole = walkRecords(buffer, (index, offset, length) => {
    if (index <= last || index >= next) return false;
    last = index;
    records += 1;
    if (wanted !== null && !wanted(index)) return true;
    if (offset !== end || end === start) {
      if (end > start) stretches.push({ first, bytes: buffer.subarray(start, end) });
      first = index;
      start = offset;
    }
    end = offset + length;
    wantedRecords += 1;
    wantedBytes += length;
    return true;
  });
  if (end > start) stretches.push({ first, bytes: buffer.subarray(start, end) });
  return whole ? { records, wantedRecords, wantedBytes, stretches } : null;
}
