import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { DiskFile } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import { decodeConfigurationAt, encodeConfigurationAt } from '../membership/configuration-codec.ts';
import { NewerFormatError } from './newer-format-error.ts';

/*
 * A snapshot file is a header, chunks and a trailer; numbers are little-endian.
 *
 * Header, 32 bytes:                          Chunk, 16 bytes and the data:      Trailer, 32 bytes:
 *    0  magic "LSTPSNAP"                        0  magic    u32                    0  magic       u32
 *    8  crc32          u32  of bytes 12 … 31    4  length   u32                    4  crc32       u32  of bytes 8 … 31
 *   12  format version u32                      8  crc32    u32  of the data       8  chunk count u32
 *   16  index          u64                     12  number   u32  0, 1, 2, …       12  total crc32 u32
 *   24  term           u64                                                        16  file bytes  u64, all included
 *                                                                                 24  reserved, zero
 * The total is the crc32 of the header and all chunk headers, one behind the other: with it every byte is covered.
 *
 * Version 2: chunk 0 is the configuration in use at the index; the state machine's begin with chunk 1. A snapshot of a log
 * without any has version 1.
 */
const headerBytes = 32;
const chunkHeaderBytes = 16;
const trailerBytes = 32;
const headerMagic = Buffer.from('LSTPSNAP', 'latin1');
const chunkMagic = 0x4b4e_4843;
const trailerMagic = 0x4c49_4154;
const snapshotVersion = 2;
const withoutConfiguration = 1;

/** Where a snapshot file is not what it should be. */
export interface SnapshotDamage {
  readonly offset: number;
  readonly detail: string;
}

export interface SnapshotHeader {
  readonly index: number;
  readonly term: number;
  /** Null: the log held none. */
  readonly configuration: ConfigurationAt | null;
}

/** Writes one snapshot into an empty file. */
export class SnapshotWriter {
  readonly #file: DiskFile;
  #offset = 0;
  #count = 0;
  #total = 0;
  #unsynced = 0;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  async begin({ index, term, configuration }: SnapshotHeader): Promise<void> {
    const header = Buffer.alloc(headerBytes);
    headerMagic.copy(header, 0);
    header.writeUInt32LE(configuration === null ? withoutConfiguration : snapshotVersion, 12);
    header.writeBigUInt64LE(BigInt(index), 16);
    header.writeBigUInt64LE(BigInt(term), 24);
    header.writeUInt32LE(crc32(header.subarray(12)), 8);
    await this.#append(header, []);
    if (configuration !== null) await this.add(encodeConfigurationAt(configuration));
  }

  async add(chunk: Uint8Array): Promise<void> {
    const header = Buffer.alloc(chunkHeaderBytes);
    header.writeUInt32LE(chunkMagic, 0);
    header.writeUInt32LE(chunk.length, 4);
    header.writeUInt32LE(crc32(chunk), 8);
    header.writeUInt32LE(this.#count++, 12);
    await this.#append(header, [chunk]);
  }

  /** @returns the size of the file, which is on disk now. */
  async end(): Promise<number> {
    const trailer = Buffer.alloc(trailerBytes);
    trailer.writeUInt32LE(trailerMagic, 0);
    trailer.writeUInt32LE(this.#count, 8);
    trailer.writeUInt32LE(this.#total, 12);
    trailer.writeBigUInt64LE(BigInt(this.#offset + trailerBytes), 16);
    trailer.writeUInt32LE(crc32(trailer.subarray(8)), 4);
    await this.#append(trailer, []);
    await this.#file.sync();
    return this.#offset;
  }

  async #append(header: Buffer, data: readonly Uint8Array[]): Promise<void> {
    this.#total = crc32(header, this.#total);
    await this.#file.write([header, ...data], this.#offset);
    const bytes = header.length + (data[0]?.length ?? 0);
    this.#offset += bytes;
    this.#unsynced += bytes;
    // In portions: one sync of gigabytes would hold up the journal's.
    if (this.#unsynced < 16 * 1024 * 1024) return;
    await this.#file.sync();
    this.#unsynced = 0;
  }
}

interface Trailer {
  readonly count: number;
  readonly total: number;
}

/** @throws NewerFormatError */
async function readHeader(
  file: DiskFile,
  path: string,
): Promise<{ version: number; index: number; term: number; total: number } | SnapshotDamage> {
  const bytes = Buffer.alloc(headerBytes);
  if ((await file.read(bytes, 0)) < headerBytes) return { offset: 0, detail: 'the header is cut short' };
  if (!bytes.subarray(0, 8).equals(headerMagic) || crc32(bytes.subarray(12)) !== bytes.readUInt32LE(8)) {
    return { offset: 0, detail: `the header is not that of a snapshot, or its checksum does not match` };
  }
  const version = bytes.readUInt32LE(12);
  if (version > snapshotVersion) throw new NewerFormatError(path, version, snapshotVersion);
  const index = Number(bytes.readBigUInt64LE(16));
  const term = Number(bytes.readBigUInt64LE(24));
  return { version, index, term, total: crc32(bytes) };
}

/** The chunk at `offset`, which is the one with that number, checked; `end` is where the trailer begins. */
async function readChunk(
  file: DiskFile,
  offset: number,
  number: number,
  end: number,
): Promise<{ head: Buffer; chunk: Buffer } | SnapshotDamage> {
  const head = Buffer.alloc(chunkHeaderBytes);
  await file.read(head, offset);
  const length = head.readUInt32LE(4);
  if (
    head.readUInt32LE(0) !== chunkMagic ||
    head.readUInt32LE(12) !== number ||
    offset + chunkHeaderBytes + length > end
  ) {
    return { offset, detail: `the header of chunk ${number} is damaged` };
  }
  const chunk = Buffer.allocUnsafeSlow(length);
  await file.read(chunk, offset + chunkHeaderBytes);
  if (crc32(chunk) !== head.readUInt32LE(8))
    return { offset, detail: `the checksum of chunk ${number} does not match its bytes` };
  return { head, chunk };
}

function configurationIn(chunk: Uint8Array, offset: number): ConfigurationAt | SnapshotDamage {
  return decodeConfigurationAt(chunk) ?? { offset, detail: 'chunk 0 holds no configuration' };
}

async function readTrailer(file: DiskFile, size: number): Promise<Trailer | SnapshotDamage> {
  const offset = Math.max(headerBytes, size - trailerBytes);
  const bytes = Buffer.alloc(trailerBytes);
  const length = await file.read(bytes, offset);
  if (
    length < trailerBytes ||
    bytes.readUInt32LE(0) !== trailerMagic ||
    crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)
  ) {
    return { offset, detail: 'it does not end with an intact trailer' };
  }
  if (Number(bytes.readBigUInt64LE(16)) !== size)
    return { offset, detail: `by the trailer it is not ${size} bytes long` };
  return { count: bytes.readUInt32LE(8), total: bytes.readUInt32LE(12) };
}

/**
 * Looks at both ends alone (and the configuration): what a start can afford. `loadSnapshot` checks the rest.
 * @throws NewerFormatError
 */
export async function checkEnds(
  file: DiskFile,
  path: string,
): Promise<(SnapshotHeader & { bytes: number }) | SnapshotDamage> {
  const bytes = await file.size();
  const begin = await readHeader(file, path);
  if ('detail' in begin) return begin;
  const trailer = await readTrailer(file, bytes);
  if ('detail' in trailer) return trailer;
  const { index, term } = begin;
  if (begin.version === withoutConfiguration) return { index, term, configuration: null, bytes };
  const first = await readChunk(file, headerBytes, 0, bytes - trailerBytes);
  if ('detail' in first) return first;
  const configuration = configurationIn(first.chunk, headerBytes);
  return 'detail' in configuration ? configuration : { index, term, configuration, bytes };
}

/** Called after each chunk, with how much was read for it. */
export type ChunkPace = (bytes: number) => Promise<void>;

/**
 * Hands out every chunk, each checked, in memory of its own; what was handed out counts only when there is no damage behind it.
 * @throws NewerFormatError
 */
export async function scanSnapshot(
  file: DiskFile,
  path: string,
  onChunk: (chunk: Uint8Array) => void,
  pace: ChunkPace | null = null,
): Promise<SnapshotHeader | SnapshotDamage> {
  const size = await file.size();
  const begin = await readHeader(file, path);
  if ('detail' in begin) return begin;
  const trailer = await readTrailer(file, size);
  if ('detail' in trailer) return trailer;
  const { index, term } = begin;
  let { total } = begin;
  let configuration: ConfigurationAt | null = null;
  let count = 0;
  let offset = headerBytes;
  for (const end = size - trailerBytes; offset < end; count++) {
    const read = await readChunk(file, offset, count, end);
    if ('detail' in read) return read;
    const { head, chunk } = read;
    total = crc32(head, total);
    if (count === 0 && begin.version !== withoutConfiguration) {
      const found = configurationIn(chunk, offset);
      if ('detail' in found) return found;
      configuration = found;
    } else {
      onChunk(chunk);
    }
    offset += chunkHeaderBytes + chunk.length;
    if (pace !== null) await pace(chunkHeaderBytes + chunk.length);
  }
  if (count !== trailer.count || total !== trailer.total)
    return { offset, detail: `the total of all checksums does not match` };
  return { index, term, configuration };
}
