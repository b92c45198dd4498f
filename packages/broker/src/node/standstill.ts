import type { Clock, Timer } from '@lockstep/kernel';

export interface StandstillPorts {
  readonly clock: Clock;
  /** So long a node may get nowhere. */
  readonly waitMs: number;
  /** Something waits until more is applied here. */
  readonly waiting: () => boolean;
  readonly applied: () => number;
  /** It has begun. */
  readonly began: () => void;
}

/**
 * Notices when a node that has a way to the master gets no further: requests wait, or what the master has handed out, and nothing is applied. A snapshot
 * may take that long, or lack records that nobody gives this node, or the disk may hang. The master hears from it all that while, so
 * no lease runs out; but what clients have here they had better have elsewhere.
 */
export class Standstill {
  readonly #ports: StandstillPorts;
  #timer: Timer | null = null;
  #stands = false;

  constructor(ports: StandstillPorts) {
    this.#ports = ports;
  }

  /** Until something is applied. */
  get stands(): boolean {
    return this.#stands;
  }

  /** To be called at the end of each turn. */
  look(): void {
    const { clock, waitMs, waiting, applied } = this.#ports;
    if (this.#timer !== null || this.#stands || !waiting()) return;
    const before = applied();
    this.#timer = clock.setTimer(waitMs, () => {
      this.#timer = null;
      if (applied() === before && waiting()) {
        this.#stands = true;
        this.#ports.began();
      } else this.look();
    });
  }

  /** Something has been applied. */
  moved(): void {
    this.#stands = false;
  }

  /** There is another way to the master, or none. */
  beginAnew(): void {
    this.#stands = false;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
