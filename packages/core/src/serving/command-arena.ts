import { assert } from '@lockstep/kernel';
import { ByteWriter } from '../commands/byte-writer.ts';

const chunkBytes = 256 * 1024;
/** Kept for the next commands: a new buffer for each costs more in page faults and collections than all else (bench `large`). */
const spareBytesMax = 4 * 1024 * 1024;

class Chunk {
  readonly bytes: Uint8Array;
  /** Commands in it that are not released. */
  commands = 0;
  /** It may be written again once they are. */
  reusable = true;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
  }
}

/**
 * Where commands are encoded, once: their bytes stay as they are until they are released, for the master and to be sent again to the next one. Released
 * in the order in which they were written.
 */
export class CommandArena {
  readonly #writer = new ByteWriter(Infinity);
  /** The oldest first; the last one is being written. */
  readonly #chunks: Chunk[] = [new Chunk(chunkBytes)];
  #spares: Chunk[] = [];
  #spareBytes = 0;
  #from = 0;
  #at = 0;

  /** Begins a command of at most so many bytes. `end` follows. */
  begin(bytesMax: number): ByteWriter {
    let chunk = this.#last;
    if (chunk.bytes.length - this.#at < bytesMax) {
      chunk = this.#chunk(bytesMax);
      this.#at = 0;
    }
    this.#from = this.#at;
    this.#writer.into(chunk.bytes, this.#at);
    return this.#writer;
  }

  /** The command: a view. */
  end(): Uint8Array {
    const chunk = this.#last;
    this.#at = this.#writer.length;
    assert(this.#at <= chunk.bytes.length, 'a command is longer than it was said to be');
    chunk.commands++;
    return chunk.bytes.subarray(this.#from, this.#at);
  }

  /** The oldest command is needed no longer. */
  release(): void {
    const [first] = this.#chunks;
    first!.commands--;
    if (first!.commands > 0) return;
    if (this.#chunks.length > 1) this.#recycle(this.#chunks.shift()!);
    else if (first!.reusable) this.#at = 0;
  }

  /** What has been written is sent a second time: who still reads the first sending can't be known, so that its memory is not written again. */
  keep(): void {
    for (const chunk of this.#chunks) chunk.reusable = false;
    if (this.#last.commands > 0) return;
    this.#chunks.pop();
    this.#chunk(0);
    this.#at = 0;
  }

  /** All commands are needed no longer; who reads them still can't be known. */
  clear(): void {
    this.#chunks.length = 0;
    this.#chunk(0);
    this.#at = 0;
  }

  get #last(): Chunk {
    return this.#chunks[this.#chunks.length - 1]!;
  }

  #chunk(bytesMax: number): Chunk {
    // An empty one that is too small gives its place up.
    if (this.#chunks.length > 0 && this.#last.commands === 0) this.#recycle(this.#chunks.pop()!);
    const at = this.#spares.findIndex(({ bytes }) => bytes.length >= bytesMax);
    const chunk = at === -1 ? new Chunk(Math.max(chunkBytes, bytesMax)) : this.#spares.splice(at, 1)[0]!;
    if (at !== -1) this.#spareBytes -= chunk.bytes.length;
    this.#chunks.push(chunk);
    return chunk;
  }

  #recycle(chunk: Chunk): void {
    if (!chunk.reusable || this.#spareBytes + chunk.bytes.length > spareBytesMax) return;
    this.#spares.push(chunk);
    this.#spareBytes += chunk.bytes.length;
  }
}
