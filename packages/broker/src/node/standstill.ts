import type { Clock, Timer } from '@lockstep/kernel';

/** It is looked at so often within the time that a node may get nowhere: it is noticed at most that part of it too late. */
const looks = 4;

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
  /** Looks in a row that found nothing applied since the one before. */
  #still = 0;
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
    this.#timer = clock.setTimer(waitMs / looks, () => {
      this.#timer = null;
      this.#still = applied() === before && waiting() ? this.#still + 1 : 0;
      if (this.#still < looks) {
        this.look();
        return;
      }
      this.#still = 0;
      this.#stands = true;
      this.#ports.began();
    });
  }

  /** Something has been applied. */
  moved(): void {
    this.#stands = false;
  }

  /** There is another way to the master, or none. */
  beginAnew(): void {
    this.#stands = false;
    this.#still = 0;
    this.#timer?.cancel();
    this.#timer = null;
  }
}
