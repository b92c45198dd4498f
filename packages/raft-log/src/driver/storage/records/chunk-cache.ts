import { Buffer } from 'node:buffer';
import type { ByteSource } from './byte-source.ts';

export const chunkBytes: number = 256 * 1024;
/** A source has fewer chunks than this: files stay below 4 GiB. */
const chunksMax = 0x1_0000;

/** Pieces of files that were read lately, aligned, up to a bound in bytes; the one used longest ago goes first. */
export class ChunkCache {
  readonly bytesMax: number;
  readonly #chunks = new Map<number, Buffer>();
  readonly #loading = new Map<number, Promise<Buffer>>();
  #bytes = 0;
  #lastKey = -1;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Null when so many bytes of it are not in memory. They never change; a file that grows goes on behind them. */
  get(source: ByteSource, chunk: number, length: number): Buffer | null {
    const key = source.id * chunksMax + chunk;
    const found = this.#chunks.get(key);
    if (found === undefined || found.length < length) return null;
    if (key !== this.#lastKey) {
      this.#chunks.delete(key);
      this.#chunks.set(key, found);
      this.#lastKey = key;
    }
    return found;
  }

  /** Reads it, together with whoever asks for it meanwhile. Shorter than a chunk at the end of the file. Begins to read before it returns. */
  load(source: ByteSource, chunk: number, keep: boolean): Promise<Buffer> {
    const key = source.id * chunksMax + chunk;
    const begun = this.#loading.get(key);
    if (begun !== undefined) return begun;
    const loading = this.#read(source, chunk, keep);
    // Whoever waits for it learns of a failure; a mere read-ahead may fail.
    loading.catch(() => {});
    this.#loading.set(key, loading);
    return loading;
  }

  async #read(source: ByteSource, chunk: number, keep: boolean): Promise<Buffer> {
    const key = source.id * chunksMax + chunk;
    const start = chunk * chunkBytes;
    const memory = Buffer.allocUnsafeSlow(Math.max(0, Math.min(chunkBytes, source.settledEnd - start)));
    try {
      const bytes = memory.subarray(0, await source.read(memory, start));
      if (keep) this.#put(key, bytes);
      return bytes;
    } finally {
      this.#loading.delete(key);
    }
  }

  #put(key: number, bytes: Buffer): void {
    this.#bytes += bytes.length - (this.#chunks.get(key)?.length ?? 0);
    this.#chunks.delete(key);
    this.#chunks.set(key, bytes);
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#bytes <= this.bytesMax) return;
      this.#chunks.delete(oldest);
      this.#bytes -= length;
    }
  }
}
