import { encodeText } from '@lockstep/kernel';

/** Bytes of at least so many are passed on as they are; shorter ones are copied together. */
const viewBytesMin = 4096;
const slabBytes = 64 * 1024;
const lengthBytes = 4;
const bits28 = 0x1000_0000;

/**
 * Gathers frames (a length, 4 bytes, big-endian, of what follows, and that many bytes) into chunks that go to a connection. What was taken is never
 * written to again.
 */
export class FrameWriter {
  #slab: Uint8Array = new Uint8Array(slabBytes);
  #at = 0;
  /** Where in the slab that begins which is in no chunk yet. */
  #from = 0;
  #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #frameAt: { readonly slab: Uint8Array; readonly at: number; readonly before: number } | null = null;
  readonly #float = new DataView(new ArrayBuffer(8));

  /** Of the frames that have not been taken. */
  get bytes(): number {
    return this.#chunkBytes + this.#at - this.#from;
  }

  begin(type: number): void {
    this.#reserve(lengthBytes + 1);
    this.#frameAt = { slab: this.#slab, at: this.#at, before: this.bytes };
    this.#at += lengthBytes;
    this.#slab[this.#at++] = type;
  }

  end(): void {
    const { slab, at, before } = this.#frameAt!;
    new DataView(slab.buffer).setUint32(at, this.bytes - before - lengthBytes);
    this.#frameAt = null;
  }

  /** All that was gathered, in order. */
  take(): readonly Uint8Array[] {
    this.#cut();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#chunkBytes = 0;
    return chunks;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#slab[this.#at++] = value;
  }

  /** A natural number up to 2^53 − 1, seven bits a byte, the lowest first. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= bits28) {
      this.#slab[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#slab[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#slab[this.#at++] = rest;
  }

  /** Any number at all. */
  float(value: number): void {
    this.#reserve(8);
    this.#float.setFloat64(0, value);
    for (let i = 0; i < 8; i++) this.#slab[this.#at++] = this.#float.getUint8(i);
  }

  /** The length, then the bytes. Long ones must not change until they have been sent. */
  prefixed(bytes: Uint8Array): void {
    this.number(bytes.length);
    if (bytes.length >= viewBytesMin) {
      this.#cut();
      this.#chunks.push(bytes);
      this.#chunkBytes += bytes.length;
      return;
    }
    this.#reserve(bytes.length);
    this.#slab.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  text(text: string): void {
    this.prefixed(encodeText(text));
  }

  numbers(values: readonly number[]): void {
    this.number(values.length);
    for (const value of values) this.number(value);
  }

  #cut(): void {
    if (this.#at === this.#from) return;
    this.#chunks.push(this.#slab.subarray(this.#from, this.#at));
    this.#chunkBytes += this.#at - this.#from;
    this.#from = this.#at;
  }

  #reserve(more: number): void {
    if (this.#at + more <= slabBytes) return;
    this.#cut();
    this.#slab = new Uint8Array(slabBytes);
    this.#at = 0;
    this.#from = 0;
  }
}
