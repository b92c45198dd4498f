const bits28 = 0x1000_0000;
const firstBytes = 4096;

/** Appends to one growing buffer that is used again and again. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;
  readonly #keptBytesMax: number;

  /** `keptBytesMax`: a buffer that has grown beyond it is let go of by `clear`. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax;
    this.#bytes = new Uint8Array(firstBytes);
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > this.#keptBytesMax) this.#bytes = new Uint8Array(firstBytes);
  }

  /** Writes go into these bytes from now on, from `at` on: the caller's, with room for all that comes (else a larger copy takes their place). */
  into(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes;
    this.#length = at;
  }

  /** Takes back what was written after the buffer had this length. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** The bytes from `from` to `to`: a view, good until the next write. */
  view(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A natural number up to 2^53 − 1, seven bits a byte, the lowest first. */
  number(value: number): void {
    this.#reserve(8);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = value;
    if (rest >= bits28) {
      const low = rest % bits28;
      bytes[at++] = (low & 0x7f) | 0x80;
      bytes[at++] = ((low >>> 7) & 0x7f) | 0x80;
      bytes[at++] = ((low >>> 14) & 0x7f) | 0x80;
      bytes[at++] = ((low >>> 21) & 0x7f) | 0x80;
      rest = (rest - low) / bits28;
    }
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#length = at;
  }

  /** An integer: its sign in the lowest bit, so that small ones of either sign stay short. Up to 2^52. */
  signed(value: number): void {
    this.number(value < 0 ? -value * 2 - 1 : value * 2);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The length, then the bytes. */
  prefixed(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
