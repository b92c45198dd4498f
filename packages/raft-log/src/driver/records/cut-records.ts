import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { cutRecords } from '../storage/index.ts';
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
