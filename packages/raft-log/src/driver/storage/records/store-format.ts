import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { NewerFormatError } from '../newer-format-error.ts';
import { readTable } from './sidecar-format.ts';
import { SlotTable } from './slot-table.ts';

/*
 * A store file is a header, records in the order of their positions, one behind the other, the table of where they stand, and a trailer.
 * It is never changed. Each record has its own checksum, so that it can be read even when the table is damaged.
 *
 * Header, 32 bytes:                          Table:                              Trailer, 32 bytes:
 *    0  magic "LSTPSTOR"                        distance from the first             0  magic "LSTPTABL"
 *    8  crc32          u32  of bytes 12 … 31      position, u32 each                8  crc32         u32  of the table and of bytes 12 … 31
 *   12  format version u32                      offset, u32 each                   12  count         u32
 *   16  reserved, zero                                                             16  first position u64
 *                                                                                  24  table offset  u32  where the records end
 *                                                                                  28  reserved, zero
 */
export const storeHeaderBytes = 32;
export const storeTrailerBytes = 32;
const storeMagic = Buffer.from('LSTPSTOR', 'latin1');
const tableMagic = Buffer.from('LSTPTABL', 'latin1');
const storeVersion = 1;

export interface StoreName {
  readonly first: number;
  readonly last: number;
  /** Of all store files of this node, each has another. */
  readonly serial: number;
}

export function storeName({ first, last, serial }: StoreName): string {
  const positions = [first, last].map((position) => String(position).padStart(16, '0'));
  return `${positions.join('-')}-${String(serial).padStart(8, '0')}.store`;
}

/** Null when the name is not a store file's. */
export function parseStoreName(name: string): StoreName | null {
  const match = /^(\d{16})-(\d{16})-(\d{8,15})\.store$/.exec(name);
  return match === null ? null : { first: Number(match[1]), last: Number(match[2]), serial: Number(match[3]) };
}

export function encodeStoreHeader(): Buffer {
  const bytes = Buffer.alloc(storeHeaderBytes);
  storeMagic.copy(bytes, 0);
  bytes.writeUInt32LE(storeVersion, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

/**
 * False when it is damaged.
 * @throws NewerFormatError
 */
function checkStoreHeader(path: string, bytes: Buffer): boolean {
  if (bytes.length < storeHeaderBytes || !bytes.subarray(0, 8).equals(storeMagic)) return false;
  if (crc32(bytes.subarray(12, storeHeaderBytes)) !== bytes.readUInt32LE(8)) return false;
  const version = bytes.readUInt32LE(12);
  if (version > storeVersion) throw new NewerFormatError(path, version, storeVersion);
  return true;
}

/** What stands behind the records. */
export function encodeStoreTable(table: SlotTable): Buffer {
  const { count, first, offsets } = table;
  const bytes = Buffer.alloc(count * 8 + storeTrailerBytes);
  for (let slot = 0; slot < count; slot++) {
    bytes.writeUInt32LE(table.positionOf(slot) - first, slot * 4);
    bytes.writeUInt32LE(offsets[slot]!, (count + slot) * 4);
  }
  const trailer = bytes.subarray(count * 8);
  tableMagic.copy(trailer, 0);
  trailer.writeUInt32LE(count, 12);
  trailer.writeBigUInt64LE(BigInt(first), 16);
  trailer.writeUInt32LE(offsets[count]!, 24);
  trailer.writeUInt32LE(checksum(bytes, count), 8);
  return bytes;
}

function checksum(tableAndTrailer: Buffer, count: number): number {
  return crc32(tableAndTrailer.subarray(count * 8 + 12), crc32(tableAndTrailer.subarray(0, count * 8)));
}

/** How many bytes, trailer included, the end of the file must be read for its table; null when there is no intact trailer. */
export function storeTableBytes(trailer: Buffer, fileBytes: number): number | null {
  if (trailer.length < storeTrailerBytes || !trailer.subarray(0, 8).equals(tableMagic)) return null;
  const bytes = trailer.readUInt32LE(12) * 8 + storeTrailerBytes;
  return bytes + trailer.readUInt32LE(24) === fileBytes ? bytes : null;
}

export interface FoundStoreTable {
  /** The header is as it was written. */
  readonly headerIntact: boolean;
  /** Null: it is damaged. */
  readonly table: SlotTable | null;
  /** Where the trailer begins. */
  readonly trailerAt: number;
}

/**
 * Where the records of a store file of that length stand, as both its ends say. `readAt` may bring less than it is asked for, where there is no more.
 * @throws NewerFormatError, and what `readAt` rejects with
 */
export async function readStoreTable(
  path: string,
  fileBytes: number,
  readAt: (position: number, length: number) => Promise<Buffer>,
): Promise<FoundStoreTable> {
  const headerIntact = checkStoreHeader(path, await readAt(0, storeHeaderBytes));
  const trailerAt = Math.max(0, fileBytes - storeTrailerBytes);
  const length = storeTableBytes(await readAt(trailerAt, storeTrailerBytes), fileBytes);
  const table = length === null ? null : decodeStoreTable(await readAt(fileBytes - length, length));
  return { headerIntact, table, trailerAt };
}

/** Null when it is damaged. */
export function decodeStoreTable(bytes: Buffer): SlotTable | null {
  const trailer = bytes.subarray(bytes.length - storeTrailerBytes);
  const count = trailer.readUInt32LE(12);
  if (checksum(bytes, count) !== trailer.readUInt32LE(8)) return null;
  const first = Number(trailer.readBigUInt64LE(16));
  const offsets = new Uint32Array(count + 1);
  offsets.set(readTable(bytes, count * 4, count));
  offsets[count] = trailer.readUInt32LE(24);
  const deltas = readTable(bytes, 0, count);
  const dense = deltas.every((delta, slot) => delta === slot);
  return new SlotTable(first, dense ? null : deltas, offsets);
}
