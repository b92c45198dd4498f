import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { LogIndex } from '../log-index.ts';
import { decodeRecordOf } from '../record.ts';
import type { RecordFault } from '../record.ts';
import type { Unwritten } from '../unwritten.ts';
import type { Entry } from '../../../node/index.ts';
import type { RecordDamage, RecordRead } from '../../storage-types.ts';
import type { ByteSource, RecordSpan } from './byte-source.ts';
import { chunkBytes } from './chunk-cache.ts';
import type { ChunkCache } from './chunk-cache.ts';
import type { RecordBag } from './record-bag.ts';
import { RecordCursor } from './record-cursor.ts';
import type { Pace } from './merge-records.ts';
import type { Segment } from '../segment.ts';

/** Chunks that are read before anybody asks, when a file is read from one end to the other; but no more than this part of the cache. */
const readAheadChunks = 4;
const readAheadPart = 1 / 4;

/** Records longer than this are read past the cache. */
const keptBytesMax = 1024 * 1024;

/** Pieces of files that one call has in its hands; null: on its way. */
type Held = Map<ByteSource, Map<number, Buffer | null>>;

/**
 * Reads committed records by position, wherever they are: what waits for the disk first, then the log, then the record store. Neighbours come
 * with one read, and stay in the cache.
 */
export class RecordReader {
  readonly #unwritten: Unwritten;
  readonly #log: LogIndex;
  readonly #bag: RecordBag;
  readonly #cache: ChunkCache;
  readonly #damagedInLog: Map<number, RecordDamage> = new Map();
  readonly #readAheadChunks: number;
  /** The farthest that was asked for lately, whether it was in the cache or not. */
  #lastSource: ByteSource | null = null;
  #lastChunk = 0;

  constructor(unwritten: Unwritten, log: LogIndex, bag: RecordBag, cache: ChunkCache) {
    this.#unwritten = unwritten;
    this.#log = log;
    this.#bag = bag;
    this.#cache = cache;
    this.#readAheadChunks = Math.min(readAheadChunks, Math.floor((cache.bytesMax * readAheadPart) / chunkBytes));
  }

  /** Where its bytes would be read; null when it is not on this disk, or known to be damaged. */
  locate(position: number, inLog = true): RecordSpan | null {
    const found = !inLog || this.#damagedInLog.has(position) ? null : this.#log.locate(position);
    if (found === null) return this.#bag.locate(position);
    const { segment, place } = found;
    return { source: segment, offset: place.offset, limit: place.offset + place.length };
  }

  /** As `locate`; null also while what is to be read is not what lies on the disk. */
  settled(position: number): RecordSpan | null {
    return this.#unwritten.get(position) === null ? this.locate(position) : null;
  }

  /** What can be had without waiting. Whoever goes through a file by it has the next pieces read meanwhile. */
  cached(position: number): Entry | null {
    const queued = this.#unwritten.get(position);
    if (queued !== null) return queued;
    const span = this.locate(position);
    if (span === null) return null;
    const chunk = Math.floor(span.offset / chunkBytes);
    const end = span.limit - chunk * chunkBytes;
    const bytes = this.#cache.get(span.source, chunk, end);
    const entry = bytes === null ? '' : decodeRecordOf(position, bytes, span.offset - chunk * chunkBytes, end);
    if (typeof entry === 'string') return null;
    this.#readAhead(span.source, chunk);
    return entry;
  }

  /**
   * In the order of `positions`. `keep`: what is read stays in the cache.
   * What is damaged is remembered as such; another copy is taken if there is one.
   */
  async read(positions: readonly number[], keep: boolean): Promise<RecordRead[]> {
    const results: RecordRead[] = positions.map(() => 'missing');
    let waiting: number[] = [];
    for (let i = 0; i < positions.length; i++) {
      const queued = this.#unwritten.get(positions[i]!);
      if (queued === null) waiting.push(i);
      else results[i] = queued;
    }
    // A second round only for those whose copy was damaged.
    while (waiting.length > 0) waiting = await this.#readRound(positions, waiting, results, keep);
    return results;
  }

  async #readRound(
    positions: readonly number[],
    wanted: readonly number[],
    results: RecordRead[],
    keep: boolean,
  ): Promise<number[]> {
    const spans = wanted.map((i) => this.locate(positions[i]!));
    const held: Held = new Map();
    await this.#gather(spans, held, keep);
    const again: number[] = [];
    for (const [n, span] of spans.entries()) {
      const i = wanted[n]!;
      const position = positions[i]!;
      if (span === null) {
        results[i] = this.#damagedInLog.get(position) ?? this.#bag.damageOf(position) ?? 'missing';
        continue;
      }
      let entry = entryOf(span, held, position);
      if (typeof entry === 'string' && this.locate(position)?.source === span.source) {
        entry = await this.#readAlone(span, position);
      }
      if (typeof entry === 'string') {
        // Unless the file was given up for another, and closed, while it was waited for: then that one is asked.
        if (this.locate(position)?.source === span.source) this.#markDamaged(span, position, entry);
        again.push(i);
      } else results[i] = entry;
    }
    return again;
  }

  /** Has all chunks that these spans lie in read, each once, all reads begun before anything changes. */
  async #gather(spans: readonly (RecordSpan | null)[], held: Held, keep: boolean): Promise<void> {
    const loads: Promise<void>[] = [];
    let touched: { source: ByteSource; chunk: number } | null = null;
    for (const span of spans) {
      if (span === null) continue;
      const { source, offset, limit } = span;
      let chunks = held.get(source);
      if (chunks === undefined) held.set(source, (chunks = new Map<number, Buffer | null>()));
      const last = Math.floor((limit - 1) / chunkBytes);
      for (let chunk = Math.floor(offset / chunkBytes); chunk <= last; chunk++) {
        const length = Math.min(limit - chunk * chunkBytes, chunkBytes);
        const here = chunks.get(chunk);
        if (here === null || (here !== undefined && here.length >= length)) continue;
        const cached = this.#cache.get(source, chunk, length);
        chunks.set(chunk, cached);
        if (cached !== null) continue;
        loads.push(this.#load(source, chunk, chunks, keep && limit - offset <= keptBytesMax));
        touched = { source, chunk };
      }
    }
    if (touched !== null && keep) this.#readAhead(touched.source, touched.chunk);
    await Promise.all(loads);
  }

  /** What can't be read is as good as cut off. */
  async #load(source: ByteSource, chunk: number, chunks: Map<number, Buffer | null>, keep: boolean): Promise<void> {
    const length = Math.min(chunkBytes, source.settledEnd - chunk * chunkBytes);
    try {
      let bytes = await this.#cache.load(source, chunk, keep);
      // Somebody else's read, begun before the file had grown so far.
      if (bytes.length < length) bytes = await this.#cache.load(source, chunk, keep);
      chunks.set(chunk, bytes);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      chunks.set(chunk, Buffer.alloc(0));
    }
  }

  /** A sector that can't be read takes its neighbours with it, but not when they are asked for by themselves. */
  async #readAlone({ source, offset, limit }: RecordSpan, position: number): Promise<Entry | RecordFault> {
    const bytes = Buffer.allocUnsafeSlow(limit - offset);
    let length = 0;
    try {
      length = await source.read(bytes, offset);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
    }
    return decodeRecordOf(position, bytes, 0, length);
  }

  /** See `Storage.reread`. */
  async reread(position: number): Promise<boolean> {
    const inLog = this.#log.locate(position);
    if (inLog === null) this.#damagedInLog.delete(position);
    if (inLog !== null && this.#damagedInLog.has(position)) {
      const { segment, place } = inLog;
      const span = { source: segment, offset: place.offset, limit: place.offset + place.length };
      if (typeof (await this.#readAlone(span, position)) !== 'string') return this.#damagedInLog.delete(position);
    }
    for (const file of this.#bag.files) {
      const span = file.damaged.has(position) ? file.spanOf(position) : null;
      if (span === null) continue;
      if (typeof (await this.#readAlone(span, position)) !== 'string') return file.damaged.delete(position);
    }
    return false;
  }

  /** Begins to read what comes behind this chunk, if its file is being read from one end to the other. */
  #readAhead(source: ByteSource, chunk: number): void {
    const ahead = this.#readAheadChunks;
    const step = this.#lastSource === source ? chunk - this.#lastChunk : Number.NaN;
    // Several who read at once are not all equally far.
    if (step <= 0 && step >= -ahead) return;
    this.#lastSource = source;
    this.#lastChunk = chunk;
    if (!(step > 0 && step <= 1 + ahead)) return;
    for (let next = chunk + 1; next <= chunk + ahead; next++) {
      const length = Math.min(chunkBytes, source.settledEnd - next * chunkBytes);
      if (length > 0 && this.#cache.get(source, next, length) === null) void this.#cache.load(source, next, true);
    }
  }

  /** Reads all records of a segment of the log from the disk, past the cache. Those that are damaged are marked so, and returned. */
  async check(segment: Segment, pace: Pace): Promise<readonly RecordDamage[]> {
    const { id, path, settledEnd } = segment;
    const read = async (into: Uint8Array, position: number): Promise<number> => {
      try {
        return await segment.read(into, position);
      } catch (error) {
        // What can't be read is as good as cut off.
        if (error instanceof DiskError) return 0;
        throw error;
      }
    };
    const cursor = new RecordCursor({ id, path, settledEnd, read }, segment.table(), () => true);
    const damages: RecordDamage[] = [];
    for (let { position } = cursor; position !== null; { position } = cursor) {
      if (cursor.record === null) await pace(await cursor.load());
      const { record } = cursor;
      const place = this.#log.locate(position);
      // It left the log meanwhile, or was replaced.
      if (place?.segment !== segment) return damages;
      if (typeof record === 'string') {
        const damage = { position, file: path, offset: place.place.offset, detail: record };
        this.#damagedInLog.set(position, damage);
        damages.push(damage);
      }
      cursor.advance();
    }
    return damages;
  }

  #markDamaged({ source, offset }: RecordSpan, position: number, detail: RecordFault): void {
    for (const file of this.#bag.files) if (file === source) file.markDamaged(position, detail);
    if (this.#log.locate(position)?.segment !== source) return;
    this.#damagedInLog.set(position, { position, file: source.path, offset, detail });
  }
}

function entryOf({ source, offset, limit }: RecordSpan, held: Held, position: number): Entry | RecordFault {
  const chunks = held.get(source)!;
  const first = Math.floor(offset / chunkBytes);
  const last = Math.floor((limit - 1) / chunkBytes);
  let bytes = chunks.get(first)!;
  let at = offset - first * chunkBytes;
  if (last > first) {
    bytes = Buffer.concat(Array.from({ length: last - first + 1 }, (_, i) => chunks.get(first + i)!));
    bytes = bytes.subarray(at, at + limit - offset);
    at = 0;
  }
  return decodeRecordOf(position, bytes, at, Math.min(bytes.length, at + limit - offset));
}
