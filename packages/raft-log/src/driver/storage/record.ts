import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { assert } from '@lockstep/kernel';
import { entryKind } from '../../node/index.ts';
import type { Configuration, Entry, EntryKind } from '../../node/index.ts';
import { decodeConfiguration, encodeConfiguration } from '../membership/configuration-codec.ts';
import { registerAfterU32, registerAfterZeros } from './crc-register.ts';

/*
 * A record, as it stands in the journal and travels to followers (all numbers little-endian):
 *
 *    0  length   u32  of the whole record, this header included
 *    4  crc32    u32  of everything from byte 8 on, begun with `length`, so that a wrong length does not pass either
 *    8  index    u64
 *   16  term     u64
 *   24  kind     u8
 *   25  version  u8   of this layout
 *   26  reserved, zero
 *   32  payload
 */
export const recordHeaderBytes = 32;
const recordVersion = 1;
const recordBytesMax = 0x4000_0000;

/** Records up to a quarter of this share a slab; larger ones get memory of their own. */
const slabBytes = 256 * 1024;
let slab: Buffer = Buffer.alloc(0);
let slabUsed = 0;

function takeMemory(bytes: number): Buffer {
  if (bytes > slabBytes / 4) return Buffer.allocUnsafeSlow(bytes);
  if (slabUsed + bytes > slab.length) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    slabUsed = 0;
  }
  const memory = slab.subarray(slabUsed, slabUsed + bytes);
  slabUsed += bytes;
  return memory;
}

function writeU64(bytes: Buffer, value: number, offset: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, offset);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}

/** Within bounds that the caller has checked: what `Buffer.readUInt32LE` does to check them again shows where a deep queue is drained. */
function readU32(bytes: Buffer, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0;
}

function readU64(bytes: Buffer, offset: number): number {
  return readU32(bytes, offset) + readU32(bytes, offset + 4) * 0x1_0000_0000;
}

/**
 * Makes an entry and its record; `payload` is copied before it returns. Records made one after the other lie one behind the
 * other in memory, so that a batch of them goes to disk and to peers as one piece.
 */
export function makeEntry(index: number, term: number, kind: EntryKind, payload: Uint8Array): Entry {
  const length = recordHeaderBytes + payload.length;
  assert(length <= recordBytesMax, 'an entry must stay below 1 GiB');
  const record = takeMemory(length);
  record.writeUInt32LE(length, 0);
  writeU64(record, index, 8);
  writeU64(record, term, 16);
  record.writeUInt32LE(kind | (recordVersion << 8), 24);
  record.writeUInt32LE(0, 28);
  record.set(payload, recordHeaderBytes);
  record.writeUInt32LE(crc32(record.subarray(8), length), 4);
  return { index, term, kind, record };
}

/** As `makeEntry`, for who is a member from here on. */
export function makeConfigurationEntry(index: number, term: number, configuration: Configuration): Entry {
  const entry = makeEntry(index, term, entryKind.configuration, encodeConfiguration(configuration));
  return { ...entry, configuration };
}

/** A view of the entry's record, without its header. */
export function entryPayload(entry: Entry): Uint8Array {
  return entry.record.subarray(recordHeaderBytes);
}

/** Why bytes are no record, in words that fit behind "the record at …". */
export type RecordFault = string;

/** The record that begins at `offset` and ends at or before `end`; its bytes are a view. */
export function decodeRecord(bytes: Buffer, offset: number, end: number): Entry | RecordFault {
  if (end - offset < recordHeaderBytes) return 'a record header is cut short';
  const length = readU32(bytes, offset);
  if (length < recordHeaderBytes || length > end - offset) return `a record claims to be ${length} bytes long`;
  const record = bytes.subarray(offset, offset + length);
  if (crc32(record.subarray(8), length) !== readU32(record, 4)) return `a record's checksum does not match its bytes`;
  const version = record[25]!;
  if (version !== recordVersion) return `a record has format version ${version}, this program knows ${recordVersion}`;
  const kind = record[24]!;
  if (kind !== entryKind.noop && kind !== entryKind.command && kind !== entryKind.configuration)
    return `a record is of the unknown kind ${kind}`;
  const index = readU64(record, 8);
  const term = readU64(record, 16);
  if (index < 1 || index > Number.MAX_SAFE_INTEGER || term > Number.MAX_SAFE_INTEGER) {
    return `a record's index or term is out of range`;
  }
  if (kind !== entryKind.configuration) return { index, term, kind, record };
  const configuration = decodeConfiguration(record.subarray(recordHeaderBytes));
  if (configuration === null) return `a record of the kind configuration holds none`;
  return { index, term, kind, record, configuration };
}

/** As `decodeRecord`, where only that entry may stand. */
export function decodeRecordOf(index: number, bytes: Buffer, offset: number, end: number): Entry | RecordFault {
  const entry = decodeRecord(bytes, offset, end);
  if (typeof entry === 'string' || entry.index === index) return entry;
  return `entry ${entry.index} stands in place of ${index}`;
}

/** Bytes from a peer that are not whole, intact records. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/**
 * Records that lie one behind the other, as they come from a peer. The entries' records are views of `bytes`.
 * @throws RecordError when they are damaged or cut short.
 */
export function parseRecords(bytes: Uint8Array): Entry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Entry[] = [];
  for (let offset = 0; offset < buffer.length;) {
    const entry = decodeRecord(buffer, offset, buffer.length);
    if (typeof entry === 'string') throw new RecordError(`byte ${offset} of ${buffer.length}: ${entry}`);
    entries.push(entry);
    offset += entry.record.length;
  }
  return entries;
}

/**
 * Goes over records of commands, one behind the other, in bytes that have been checked as a whole: each record's own checksum is left alone. False
 * when they are not whole records, or `visit` did not want to go on.
 */
export function walkRecords(bytes: Buffer, visit: (index: number, offset: number, length: number) => boolean): boolean {
  for (let offset = 0; offset < bytes.length;) {
    if (bytes.length - offset < recordHeaderBytes) return false;
    const length = recordLengthAt(bytes, offset);
    if (length < recordHeaderBytes || length > bytes.length - offset) return false;
    if (bytes[offset + 24] !== entryKind.command) return false;
    if (!visit(recordIndexAt(bytes, offset), offset, length)) return false;
    offset += length;
  }
  return true;
}

/** As `parseRecords`, of what `walkRecords` goes over. Null when it is not that. */
export function cutRecords(bytes: Buffer): Entry[] | null {
  const entries: Entry[] = [];
  const whole = walkRecords(bytes, (index, offset, length) => {
    const record = bytes.subarray(offset, offset + length);
    entries.push({ index, term: readU64(record, 16), kind: entryKind.command, record });
    return true;
  });
  return whole ? entries : null;
}

/** Of the record that begins there. */
export function recordLengthAt(bytes: Buffer, offset: number): number {
  return readU32(bytes, offset);
}

/** Of the record that begins there. */
export function recordIndexAt(bytes: Buffer, offset: number): number {
  return readU64(bytes, offset + 8);
}

/** The length that the command with this index says it has, if its header is one and it ends at or before `end`; 0 else. Its checksum is left alone. */
export function commandBytesAt(index: number, bytes: Buffer, offset: number, end: number): number {
  if (end - offset < recordHeaderBytes) return 0;
  const length = readU32(bytes, offset);
  if (length < recordHeaderBytes || length > end - offset) return 0;
  if (bytes[offset + 24] !== entryKind.command || bytes[offset + 25] !== recordVersion) return 0;
  return readU64(bytes, offset + 8) === index ? length : 0;
}

/** The length of the command with this index that begins at `offset` and ends at or before `end`; 0 when `decodeRecordOf` is to say what is wrong, or different. */
export function intactCommandBytes(index: number, bytes: Buffer, offset: number, end: number): number {
  const length = commandBytesAt(index, bytes, offset, end);
  if (length === 0) return 0;
  return crc32(bytes.subarray(offset + 8, offset + length), length) === readU32(bytes, offset + 4) ? length : 0;
}

/**
 * What the register of a checksum becomes over the record that begins there, if the record is what its own checksum says. So one look at many records, one
 * behind the other, tells whether all of them are: a call of `crc32` for each costs several times what the bytes of a small one do.
 */
export function registerAfterRecord(register: number, bytes: Buffer, offset: number): number {
  const length = readU32(bytes, offset);
  const checksum = readU32(bytes, offset + 4);
  const before = registerAfterU32(registerAfterU32(register, length), checksum);
  // The record's own began with its length in place of what was there before.
  return ~checksum ^ registerAfterZeros(before ^ ~length, length - 8);
}

/** As `parseRecords`; null when they are damaged or cut short. */
export function parseRecordsOrNull(bytes: Uint8Array): Entry[] | null {
  try {
    return parseRecords(bytes);
  } catch {
    return null;
  }
}
