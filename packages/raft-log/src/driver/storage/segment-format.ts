import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { CorruptionError } from '../storage-types.ts';
import { NewerFormatError } from './newer-format-error.ts';

/*
 * A segment file is a header and then writes; a write is a header, records, and zeros up to a multiple of 32 bytes. So a write's
 * header never lies across two of the disk's sectors: after a crash it is either there or it is not.
 *
 * Segment header, 64 bytes:
 *    0  magic "LSTPJRNL"
 *    8  crc32          u32  of bytes 12 … 63
 *   12  format version u32  (magic, crc32 and version keep their places in every version to come)
 *   16  sequence       u32
 *   20  flags          u32  1: the log begins anew here; what older segments hold is void
 *   24  previous index u64
 *   32  previous term  u64
 *   40  previous bytes u32  how long the segment before is; 0 when there is none or it does not matter
 *   44  reserved, zero
 */
export const segmentHeaderBytes = 64;
const segmentMagic = Buffer.from('LSTPJRNL', 'latin1');
const segmentVersion = 1;
const flagReset = 1;

/*
 * Write header, 32 bytes:
 *    0  magic          u32
 *    4  crc32          u32  of bytes 8 … 31
 *    8  sequence       u32  of the segment, and
 *   12  offset         u32  of this header in it: bytes that were copied here from elsewhere are no header
 *   16  synced to      u32  the segment was known to be on disk up to here when this write began
 *   20  byte count     u32  of the records that follow
 *   24  zero sectors   u32  how many of the 512-byte sectors that the write touches hold nothing but zeros by their nature
 *   28  reserved, zero
 */
export const writeHeaderBytes = 32;
const writeMagic = 0x574a_534c;
export const sectorBytes = 512;

export interface SegmentHeader {
  readonly sequence: number;
  readonly reset: boolean;
  /** The log's last entry before this segment's first, when it was made. */
  readonly previousIndex: number;
  /** 0 when it is no longer known. */
  readonly previousTerm: number;
  readonly previousBytes: number;
}

export interface WriteHeader {
  readonly syncedTo: number;
  readonly byteCount: number;
  readonly zeroSectors: number;
}

/** A write takes this much of its segment. */
export function writeExtent(byteCount: number): number {
  return Math.ceil((writeHeaderBytes + byteCount) / writeHeaderBytes) * writeHeaderBytes;
}

export function segmentName(header: SegmentHeader): string {
  return `${String(header.previousIndex + 1).padStart(16, '0')}-${String(header.sequence).padStart(8, '0')}.log`;
}

/** Null when the name is not a segment's. */
export function segmentSequence(name: string): number | null {
  const match = /^\d{16}-(\d{8,10})\.log$/.exec(name);
  return match === null ? null : Number(match[1]);
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  segmentMagic.copy(bytes, 0);
  bytes.writeUInt32LE(segmentVersion, 12);
  bytes.writeUInt32LE(header.sequence, 16);
  bytes.writeUInt32LE(header.reset ? flagReset : 0, 20);
  bytes.writeBigUInt64LE(BigInt(header.previousIndex), 24);
  bytes.writeBigUInt64LE(BigInt(header.previousTerm), 32);
  bytes.writeUInt32LE(header.previousBytes, 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

/**
 * A segment gets its name only when its header is on disk, so a bad one is never a crash's work.
 * @throws CorruptionError, NewerFormatError
 */
export function decodeSegmentHeader(path: string, bytes: Buffer): SegmentHeader {
  if (bytes.length < segmentHeaderBytes) throw new CorruptionError(path, 0, 'the segment header is cut short');
  const header = bytes.subarray(0, segmentHeaderBytes);
  if (!header.subarray(0, 8).equals(segmentMagic))
    throw new CorruptionError(path, 0, 'it does not begin as a journal segment does');
  if (crc32(header.subarray(12)) !== header.readUInt32LE(8)) {
    throw new CorruptionError(path, 0, `the segment header's checksum does not match its bytes`);
  }
  const version = header.readUInt32LE(12);
  if (version > segmentVersion) throw new NewerFormatError(path, version, segmentVersion);
  return {
    sequence: header.readUInt32LE(16),
    reset: (header.readUInt32LE(20) & flagReset) !== 0,
    previousIndex: Number(header.readBigUInt64LE(24)),
    previousTerm: Number(header.readBigUInt64LE(32)),
    previousBytes: header.readUInt32LE(40),
  };
}

/** Fills the first 32 bytes of `into`. */
export function encodeWriteHeader(into: Buffer, sequence: number, offset: number, header: WriteHeader): void {
  into.writeUInt32LE(writeMagic, 0);
  into.writeUInt32LE(sequence, 8);
  into.writeUInt32LE(offset, 12);
  into.writeUInt32LE(header.syncedTo, 16);
  into.writeUInt32LE(header.byteCount, 20);
  into.writeUInt32LE(header.zeroSectors, 24);
  into.writeUInt32LE(0, 28);
  into.writeUInt32LE(crc32(into.subarray(8, writeHeaderBytes)), 4);
}

/** Null when no intact write header of this segment stands at `offset`. */
export function decodeWriteHeader(bytes: Buffer, sequence: number, offset: number): WriteHeader | null {
  if (bytes.length - offset < writeHeaderBytes || bytes.readUInt32LE(offset) !== writeMagic) return null;
  const header = bytes.subarray(offset, offset + writeHeaderBytes);
  if (crc32(header.subarray(8)) !== header.readUInt32LE(4)) return null;
  if (header.readUInt32LE(8) !== sequence || header.readUInt32LE(12) !== offset) return null;
  return {
    syncedTo: header.readUInt32LE(16),
    byteCount: header.readUInt32LE(20),
    zeroSectors: header.readUInt32LE(24),
  };
}
