import { EMPTY } from './bytes.ts';

const FIRST_BYTES = 64 * 1024;

/** A counted body that comes in pieces: one buffer that grows as bytes come, so that an announced length alone costs nothing. */
export class GrowingBody {
  filled = 0;
  readonly #length: number;
  #buffer: Buffer = EMPTY;

  constructor(length: number) {
    this.#length = length;
  }

  /** Copies what belongs to the body from `[from, to)`; returns how many bytes that were. */
  take(bytes: Buffer, from: number, to: number): number {
    const count = Math.min(to - from, this.#length - this.filled);
    this.#grow(this.sizeAfter(count));
    bytes.copy(this.#buffer, this.filled, from, from + count);
    this.filled += count;
    return count;
  }

  /** The body, once all of it has come. */
  get bytes(): Buffer {
    return this.#buffer;
  }

  /** The memory it will have taken when so many more bytes are offered to it. */
  sizeAfter(offered: number): number {
    const needed = Math.min(this.#length, this.filled + offered);
    const size = this.#buffer.length;
    return needed <= size ? size : Math.min(this.#length, Math.max(FIRST_BYTES, needed, size * 2));
  }

  #grow(size: number): void {
    if (size === this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(size);
    this.#buffer.copy(grown, 0, 0, this.filled);
    this.#buffer = grown;
  }
}
