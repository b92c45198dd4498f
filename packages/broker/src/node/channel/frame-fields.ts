import { decodeTextStrictly } from '@lockstep/kernel';

const nothing = new Uint8Array(0);

/**
 * Reads the fields of one frame. Nothing throws: what is read beyond the end, or is none of its kind, spoils the whole (`ok`), and comes out as
 * something harmless. Bytes are views of the frame.
 */
export class FrameFields {
  readonly #bytes: Uint8Array;
  #at = 0;
  #ok = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** All fields were what they should be, and nothing is left over. */
  get isWhole(): boolean {
    return this.#ok && this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) return this.#spoil(0);
    this.#at++;
    return value;
  }

  number(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[this.#at];
      if (byte === undefined) return this.#spoil(0);
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.#spoil(0);
      scale *= 0x80;
    }
    return this.#spoil(0);
  }

  float(): number {
    const at = this.#skip(8);
    if (at === null) return 0;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 8).getFloat64(0);
  }

  prefixed(): Uint8Array {
    const length = this.number();
    const at = this.#skip(length);
    return at === null ? nothing : new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
  }

  text(): string {
    return decodeTextStrictly(this.prefixed()) ?? this.#spoil('');
  }

  /** What `decode` makes of bytes of that length before them; undefined: they are none of its kind, and `instead` comes out. */
  decoded<Value>(decode: (bytes: Uint8Array) => Value | undefined, instead: Value): Value {
    const value = decode(this.prefixed());
    return value === undefined ? this.#spoil(instead) : value;
  }

  /** How many of something follow, each of at least one byte. */
  count(): number {
    const count = this.number();
    return count <= this.#bytes.length - this.#at ? count : this.#spoil(0);
  }

  numbers(): number[] {
    return this.list(() => this.number());
  }

  list<Item>(read: () => Item): Item[] {
    const items: Item[] = [];
    for (let left = this.count(); left > 0 && this.#ok; left--) items.push(read());
    return items;
  }

  /** A name out of a list, written as its place in it. */
  oneOf<Name>(names: readonly Name[]): Name {
    const name = names[this.byte()];
    return name === undefined ? this.#spoil(names[0]!) : name;
  }

  #skip(length: number): number | null {
    if (length > this.#bytes.length - this.#at) return this.#spoil(null);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #spoil<Value>(value: Value): Value {
    this.#ok = false;
    return value;
  }
}
