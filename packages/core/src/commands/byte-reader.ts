import { assert } from '@lockstep/kernel';

/** Reads what a `ByteWriter` wrote. One object is used again and again. Bytes that end too early are an AssertionError: only a bug or a damaged journal brings them here. */
export class ByteReader {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  start(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  byte(): number {
    assert(this.at < this.end, 'bytes end too early');
    return this.bytes[this.at++]!;
  }

  number(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      assert(this.at < this.end && scale <= 2 ** 49, 'a number ends too early or is too long');
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  signed(): number {
    const folded = this.number();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  /** Where `length` bytes begin, which it passes over. */
  skip(length: number): number {
    const from = this.at;
    assert(length <= this.end - from, 'bytes end too early');
    this.at = from + length;
    return from;
  }

  /** A length, then so many bytes: a view. */
  prefixed(): Uint8Array {
    const length = this.number();
    const from = this.skip(length);
    return this.bytes.subarray(from, from + length);
  }
}
