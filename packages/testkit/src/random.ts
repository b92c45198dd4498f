import type { Random } from '@lockstep/kernel';

/** Spreads a string over 32 bits (FNV-1a with a final avalanche). */
export function hashText(text: string, basis = 0x811c9dc5): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * Chance that repeats itself for the same seed (sfc32). Streams made by `fork` depend on the seed and the label
 * alone, never on how much was drawn before: a new draw in one component leaves all others as they were.
 */
export class SimRandom implements Random {
  readonly #identity: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    this.#identity = String(seed);
    this.#a = hashText(this.#identity, 0x9e3779b9);
    this.#b = hashText(this.#identity, 0x243f6a88);
    this.#c = hashText(this.#identity, 0xb7e15162);
    for (let i = 0; i < 12; i++) this.#next();
  }

  /** An independent stream; the same label gives the same stream. */
  fork(label: string): SimRandom {
    return new SimRandom(`${this.#identity}/${label}`);
  }

  fraction(): number {
    const high = this.#next() >>> 5;
    const low = this.#next() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#next() & 0xff;
    return bytes;
  }

  /** True with that probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** One of `choices`, which must not be empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }
}
