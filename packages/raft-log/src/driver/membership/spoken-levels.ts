import type { Clock, NodeId } from '@lockstep/kernel';
import type { LevelRange } from '../levels.ts';

/** Bound on what strangers can make this node remember. */
const nodesMax = 256;
/** A node that runs dials again and again, so this is long enough; afterwards it may have been upgraded, or be another one. */
const lately = 30_000;

/** Which levels nodes have said lately that their programs speak: members, and those that were turned away. */
export class SpokenLevels {
  readonly #clock: Clock;
  readonly #heard: Map<NodeId, { readonly levels: LevelRange; readonly atMs: number }> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(node: NodeId, levels: LevelRange): void {
    this.#heard.delete(node);
    this.#heard.set(node, { levels, atMs: this.#clock.monotonicMs() });
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= nodesMax) return;
      this.#heard.delete(oldest);
    }
  }

  /** Null: it has not been heard lately. */
  of(node: NodeId): LevelRange | null {
    const heard = this.#heard.get(node);
    return heard === undefined || this.#clock.monotonicMs() - heard.atMs > lately ? null : heard.levels;
  }
}
