import type { Log, NodeId } from '@lockstep/kernel';
import type { PeerProgress, RaftStatus } from '../../node/types.ts';

export interface SlowDiskPorts {
  readonly log: Log;
  /** This member leads, its disk is slow, and that one's is not: it should lead. */
  readonly handOver: (to: NodeId) => void;
}

/** One slow write happens to any disk; so many in a row don't. */
const slowInARow = 3;
/** After a hand-over, or when there was nobody to hand over to: the next is not for so long. */
const pauseMs = 60_000;

/**
 * Watches how long a leader's own writes take to reach its disk. The others commit without it, but what it has not got on disk it can't
 * propose beyond a bound, and every client of the broker waits for it. A hanging write counts again each time that it has taken as long.
 */
export class SlowDisk {
  readonly #limitMs: number;
  readonly #ports: SlowDiskPorts;
  /** The write that is watched: the one that brings the entry at this index. */
  #index: number | null = null;
  #sinceMs = 0;
  #slowest = 0;
  #slow = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(limitMs: number, ports: SlowDiskPorts) {
    this.#limitMs = limitMs;
    this.#ports = ports;
  }

  /** Called at each tick. */
  tick(status: RaftStatus, nowMs: number): void {
    if (status.role !== 'leader') {
      this.#index = null;
      this.#slow = 0;
      return;
    }
    this.#measure(status, nowMs);
    if (this.#slow < slowInARow || nowMs < this.#notBeforeMs) return;
    this.#slow = 0;
    this.#notBeforeMs = nowMs + pauseMs;
    const what = `writes to this node's disk take ${Math.round(this.#slowest)} ms`;
    const fit = status.peers.filter((peer) => isFit(peer, status));
    const best = fit.reduce<PeerProgress | null>((a, b) => (a !== null && a.matchIndex >= b.matchIndex ? a : b), null);
    if (best === null) {
      this.#ports.log.warn(`${what}, and no other member is fit to lead: this node goes on`);
      return;
    }
    this.#ports.log.warn(`${what}: leadership is handed over to node ${best.id}`);
    this.#ports.handOver(best.id);
  }

  #measure({ persistedIndex, lastIndex }: RaftStatus, nowMs: number): void {
    const tookMs = nowMs - this.#sinceMs;
    if (this.#index !== null && persistedIndex >= this.#index) {
      if (tookMs < this.#limitMs) this.#slow = 0;
      else this.#count(tookMs);
      this.#index = null;
    } else if (this.#index !== null && tookMs >= this.#limitMs) {
      this.#count(tookMs);
      this.#sinceMs = nowMs;
    }
    if (this.#index !== null || persistedIndex >= lastIndex) return;
    this.#index = lastIndex;
    this.#sinceMs = nowMs;
  }

  #count(tookMs: number): void {
    this.#slowest = this.#slow === 0 ? tookMs : Math.max(this.#slowest, tookMs);
    this.#slow += 1;
  }
}

/** It answers, it may vote, and its disk has all that a majority has. */
function isFit({ alive, standing, state, matchIndex }: PeerProgress, { commitIndex }: RaftStatus): boolean {
  return alive && standing === 'voter' && state === 'replicate' && matchIndex >= commitIndex;
}
