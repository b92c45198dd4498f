import { decodeText, encodeText } from '@lockstep/kernel';

interface KnownName {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const knownMax = 65_536;

/** Destination names between text and bytes, remembered, since the same few come with every message. */
export class DestinationNames {
  readonly #byName = new Map<string, KnownName>();
  readonly #byHash = new Map<number, KnownName>();

  bytesOf(name: string): Uint8Array {
    const known = this.#byName.get(name);
    return known === undefined ? this.#learn(name, encodeText(name)).bytes : known.bytes;
  }

  nameAt(bytes: Uint8Array, from: number, length: number): string {
    const known = this.#byHash.get(hash(bytes, from, length));
    if (known !== undefined && known.bytes.length === length && equal(known.bytes, bytes, from)) return known.name;
    const copy = bytes.slice(from, from + length);
    return this.#learn(decodeText(copy), copy).name;
  }

  #learn(name: string, bytes: Uint8Array): KnownName {
    if (this.#byName.size >= knownMax) {
      this.#byName.clear();
      this.#byHash.clear();
    }
    const known = { name, bytes };
    this.#byName.set(name, known);
    this.#byHash.set(hash(bytes, 0, bytes.length), known);
    return known;
  }
}

/** FNV-1a. */
function hash(bytes: Uint8Array, from: number, length: number): number {
  let value = 0x811c9dc5;
  for (let i = from; i < from + length; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193);
  return value;
}

function equal(known: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
}
