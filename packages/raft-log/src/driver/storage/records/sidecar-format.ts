import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { NewerFormatError } from '../newer-format-error.ts';
import { SlotTable } from './slot-table.ts';

/*
 * Beside a retired segment stands where its records are, so that a start need not read them. It can be made anew from the segment.
 *
 *    0  magic "LSTPINDX"
 *    8  crc32          u32  of bytes 12 to the end
 *   12  format version u32  (magic, crc32 and version keep their places in every version to come)
 *   16  sequence       u32  of the segment
 *   20  count          u32
 *   24  first position u64  the others follow it without a gap
 *   32  offsets        u32 each, one for each record, and then where the last one ends
 */
const headerBytes = 32;
const sidecarMagic = Buffer.from('LSTPINDX', 'latin1');
const sidecarVersion = 1;
export const sidecarEnding = '.idx';

export function encodeSidecar(sequence: number, { first, count, offsets }: SlotTable): Buffer {
  const bytes = Buffer.alloc(headerBytes + offsets.length * 4);
  sidecarMagic.copy(bytes, 0);
  bytes.writeUInt32LE(sidecarVersion, 12);
  bytes.writeUInt32LE(sequence, 16);
  bytes.writeUInt32LE(count, 20);
  bytes.writeBigUInt64LE(BigInt(first), 24);
  offsets.forEach((offset, i) => bytes.writeUInt32LE(offset, headerBytes + i * 4));
  bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

/**
 * Null when it is not an intact sidecar of that segment.
 * @throws NewerFormatError
 */
export function decodeSidecar(path: string, bytes: Buffer, sequence: number): SlotTable | null {
  if (bytes.length < headerBytes || !bytes.subarray(0, 8).equals(sidecarMagic)) return null;
  if (crc32(bytes.subarray(12)) !== bytes.readUInt32LE(8)) return null;
  const version = bytes.readUInt32LE(12);
  if (version > sidecarVersion) throw new NewerFormatError(path, version, sidecarVersion);
  const count = bytes.readUInt32LE(20);
  if (bytes.readUInt32LE(16) !== sequence || bytes.length !== headerBytes + (count + 1) * 4) return null;
  return new SlotTable(Number(bytes.readBigUInt64LE(24)), null, readTable(bytes, headerBytes, count + 1));
}

/** 32-bit numbers as they stand in a file. */
export function readTable(bytes: Buffer, offset: number, count: number): Uint32Array {
  const table = new Uint32Array(count);
  for (let i = 0; i < count; i++) table[i] = bytes.readUInt32LE(offset + i * 4);
  return table;
}
