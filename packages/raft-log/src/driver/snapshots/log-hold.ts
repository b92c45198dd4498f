import type { Clock, NodeId } from '@lockstep/kernel';

export interface LogHoldPorts {
  readonly clock: Clock;
  /** How much of this leader's log is known to be on that follower's disk; null when this node does not lead. */
  readonly matchIndex: (peer: NodeId) => number | null;
  /** The newest snapshot's. */
  readonly snapshotIndex: () => number;
}

interface Hold {
  index: number;
  movedAtMs: number;
}

/** A follower that does not take in the log for so long is let go: it gets another snapshot. */
const patienceMs = 10_000;

/**
 * Followers that have just been given a snapshot go on in the log right behind it. Until they have come as far as the newest snapshot,
 * the log must stay: else they would need that one too, and under load it would go on like this for ever.
 */
export class LogHold {
  readonly #ports: LogHoldPorts;
  readonly #holds: Map<NodeId, Hold> = new Map();

  constructor(ports: LogHoldPorts) {
    this.#ports = ports;
  }

  /** Entries above this one are still needed; null: nobody needs any. */
  get index(): number | null {
    let lowest: number | null = null;
    for (const { index } of this.#holds.values()) lowest = Math.min(lowest ?? Infinity, index);
    return lowest;
  }

  /** That follower holds the snapshot of `index`. */
  begin(peer: NodeId, index: number): void {
    this.#holds.set(peer, { index, movedAtMs: this.#ports.clock.monotonicMs() });
  }

  tick(): void {
    if (this.#holds.size === 0) return;
    const { clock, matchIndex, snapshotIndex } = this.#ports;
    const now = clock.monotonicMs();
    for (const [peer, hold] of this.#holds) {
      const match = matchIndex(peer);
      if (match !== null && match > hold.index) {
        hold.index = match;
        hold.movedAtMs = now;
      }
      if (match === null || match >= snapshotIndex() || now - hold.movedAtMs >= patienceMs) this.#holds.delete(peer);
    }
  }

  stop(): void {
    this.#holds.clear();
  }
}
