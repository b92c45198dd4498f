import { takeLargeMemory } from '../large-memory.ts';

/** Frames on a peer connection: a length (4 bytes, big-endian, of what follows) and that many bytes. */
const lengthBytes = 4;

/** Begins a frame whose body is `bodyBytes` long. */
export function writeFrameHeader(frame: Uint8Array, bodyBytes: number): void {
  frame[0] = bodyBytes >>> 24;
  frame[1] = bodyBytes >>> 16;
  frame[2] = bodyBytes >>> 8;
  frame[3] = bodyBytes;
}

/** One frame holding `body`. */
export function frameOf(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(lengthBytes + body.length);
  writeFrameHeader(frame, body.length);
  frame.set(body, lengthBytes);
  return frame;
}

/**
 * Cuts a byte stream into frames. Pull: `push` a chunk, then `next` until null. A frame that lies within one chunk is a view
 * into it; one that spans chunks is gathered once, in memory that `giveBackLargeMemory` takes.
 */
export class FrameReader {
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  readonly #header: Uint8Array = new Uint8Array(lengthBytes);
  #headerFilled = 0;
  #body: Uint8Array | null = null;
  #bodyFilled = 0;
  #bodyBytesMax: number;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Holds from the next frame on. */
  raiseLimit(bodyBytesMax: number): void {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Only when `next` has answered null since the last push. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Null: more bytes are needed. `too-large`: the announced length is beyond the limit; nothing was allocated for it, and the stream is of no more use. */
  next(): Uint8Array | 'too-large' | null {
    if (this.#body === null) {
      if (!this.#fillHeader()) return null;
      const length = new DataView(this.#header.buffer).getUint32(0);
      if (length > this.#bodyBytesMax) return 'too-large';
      this.#headerFilled = 0;
      if (this.#chunk.length - this.#at >= length) {
        const frame = this.#chunk.subarray(this.#at, this.#at + length);
        this.#at += length;
        return frame;
      }
      this.#body = takeLargeMemory(length);
      this.#bodyFilled = 0;
    }
    const take = Math.min(this.#body.length - this.#bodyFilled, this.#chunk.length - this.#at);
    this.#body.set(this.#chunk.subarray(this.#at, this.#at + take), this.#bodyFilled);
    this.#at += take;
    this.#bodyFilled += take;
    if (this.#bodyFilled < this.#body.length) return null;
    const frame = this.#body;
    this.#body = null;
    return frame;
  }

  /** What follows the frames taken so far; the reader is done with. Only valid right after `next` returned a frame. */
  rest(): Uint8Array {
    return this.#chunk.subarray(this.#at);
  }

  #fillHeader(): boolean {
    while (this.#headerFilled < lengthBytes && this.#at < this.#chunk.length) {
      this.#header[this.#headerFilled] = this.#chunk[this.#at] ?? 0;
      this.#headerFilled += 1;
      this.#at += 1;
    }
    return this.#headerFilled === lengthBytes;
  }
}
