import { randomBytes, randomFillSync } from 'node:crypto';

import type { Random } from '@lockstep/kernel';

const POOL_WORDS = 1024;

/** Chance from the system's cryptographic generator, drawn in stock since single draws are dear. */
export class NodeRandom implements Random {
  readonly #pool = new Uint32Array(POOL_WORDS);
  #next = POOL_WORDS;

  fraction(): number {
    if (this.#next + 2 > POOL_WORDS) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const high = (this.#pool[this.#next++] as number) >>> 5;
    const low = (this.#pool[this.#next++] as number) >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  bytes(length: number): Uint8Array {
    return randomBytes(length);
  }
}
