import type { NodeId } from '@lockstep/kernel';
import type { Configuration } from './configuration.ts';

/**
 * Who must agree. While a configuration is joint two majorities must, each counted by itself (thesis §4.3); else one. Abstaining members count
 * in the size of a majority and add nothing to it; that is for the caller's `test` to say.
 */
export class Majorities {
  readonly #halves: readonly (readonly NodeId[])[];
  /** Reused by every count. */
  readonly #values: number[] = [];

  constructor({ voters, votersOutgoing }: Configuration) {
    this.#halves = votersOutgoing.length > 0 ? [voters, votersOutgoing] : [voters];
  }

  /** Does that member vote, in either half? */
  includes(id: NodeId): boolean {
    return this.#halves.some((half) => half.includes(id));
  }

  /** Is it true of a majority? Never so among nobody. */
  agree(test: (id: NodeId) => boolean): boolean {
    for (const half of this.#halves) {
      let count = 0;
      for (const id of half) if (test(id)) count += 1;
      if (count <= half.length / 2) return false;
    }
    return true;
  }

  /** The greatest value that a majority has reached. */
  reached(valueOf: (id: NodeId) => number): number {
    let least = Number.MAX_SAFE_INTEGER;
    for (const half of this.#halves) least = Math.min(least, this.#reachedIn(half, valueOf));
    return least;
  }

  #reachedIn(half: readonly NodeId[], valueOf: (id: NodeId) => number): number {
    const values = this.#values;
    values.length = 0;
    for (const id of half) values.push(valueOf(id));
    values.sort((a, b) => b - a);
    return values[Math.floor(half.length / 2)] ?? 0;
  }
}
