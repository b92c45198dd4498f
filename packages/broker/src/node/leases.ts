import type { Clock, Timer } from '@lockstep/kernel';

export interface LeaseOptions {
  readonly clock: Clock;
  /** How long a silent node keeps what its clients hold. */
  readonly leaseMs: number;
  /** `StreamRules.leaseOver`. */
  readonly isOver: (silentMs: number, leaseMs: number) => boolean;
  /** What the node's clients hold may go to others. Once for each silence. */
  readonly lapse: (node: string) => void;
}

interface Silence {
  readonly sinceMs: number;
  timer: Timer | null;
}

/** The master's watch over the nodes that are not attached to it: by the clock that goes on while the process stands still. */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #silent = new Map<string, Silence>();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** The node is not attached: its lease runs from now on, if it does not already. */
  silent(node: string): void {
    if (this.#silent.has(node)) return;
    const silence: Silence = { sinceMs: this.#options.clock.monotonicMs(), timer: null };
    this.#silent.set(node, silence);
    this.#look(node, silence);
  }

  /** The node is attached. */
  heard(node: string): void {
    this.#silent.get(node)?.timer?.cancel();
    this.#silent.delete(node);
  }

  /** The node's process is gone: if it is not attached it has no lease any more. */
  dead(node: string): void {
    if (!this.#silent.has(node)) return;
    this.heard(node);
    this.#options.lapse(node);
  }

  /** How much longer the silent node keeps what its clients hold, ms; null: it is not silent. */
  leftMs(node: string): number | null {
    const silence = this.#silent.get(node);
    if (silence === undefined) return null;
    const { clock, leaseMs } = this.#options;
    return Math.max(0, Math.round(leaseMs - (clock.monotonicMs() - silence.sinceMs)));
  }

  /** This node is the master no more. */
  end(): void {
    for (const node of [...this.#silent.keys()]) this.heard(node);
  }

  #look(node: string, silence: Silence): void {
    const { clock, leaseMs, isOver } = this.#options;
    const silentMs = clock.monotonicMs() - silence.sinceMs;
    if (isOver(silentMs, leaseMs)) return this.dead(node);
    silence.timer = clock.setTimer(Math.max(1, leaseMs - silentMs), () => this.#look(node, silence));
  }
}
