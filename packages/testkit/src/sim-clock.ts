import type { Clock, Timer } from '@lockstep/kernel';

import type { SimRandom } from './random.ts';
import type { EventOwner, Simulation } from './simulation.ts';

// 2026-01-01T00:00:00Z: any date would do.
const WALL_START_MS = 1_767_225_600_000;

/** The clocks of one machine: its wall clock may be off, drift and jump; the monotonic one only drifts. */
export class HostClock {
  readonly #simulation: Simulation;
  #sinceMs = 0;
  #wallMs: number;
  #monotonicMs: number;
  #rate = 1;

  constructor(simulation: Simulation, random: SimRandom) {
    this.#simulation = simulation;
    this.#wallMs = WALL_START_MS + random.between(-500, 500);
    this.#monotonicMs = random.between(0, 1e6);
  }

  /** How much of this machine's time passes in a millisecond of simulated time. */
  get rate(): number {
    return this.#rate;
  }

  wallMs(): number {
    return this.#wallMs + (this.#simulation.nowMs - this.#sinceMs) * this.#rate;
  }

  monotonicMs(): number {
    return this.#monotonicMs + (this.#simulation.nowMs - this.#sinceMs) * this.#rate;
  }

  /** Sets the wall clock forwards or, when negative, back. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** From now on this machine's clocks run at that rate (1.0001: 100 ppm fast). */
  drift(rate: number): void {
    this.#wallMs = this.wallMs();
    this.#monotonicMs = this.monotonicMs();
    this.#sinceMs = this.#simulation.nowMs;
    this.#rate = rate;
  }
}

/** One process's clock; its timers die with it, and wait while it is stopped. */
export class SimClock implements Clock {
  readonly #simulation: Simulation;
  readonly #owner: EventOwner;
  readonly #host: HostClock;
  readonly #random: SimRandom;

  constructor(simulation: Simulation, owner: EventOwner, host: HostClock, random: SimRandom) {
    this.#simulation = simulation;
    this.#owner = owner;
    this.#host = host;
    this.#random = random;
  }

  wallMs(): number {
    return Math.floor(this.#host.wallMs());
  }

  monotonicMs(): number {
    return this.#host.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    // A real timer is never early, mostly a little late, and now and then late by a scheduler's hiccup.
    const late = this.#random.chance(0.02) ? this.#random.between(0, 8) : this.#random.between(0.001, 1);
    return this.#simulation.schedule(Math.max(0, delayMs) / this.#host.rate + late, 'timer', this.#owner, callback);
  }

  atTurnEnd(callback: () => void): void {
    this.#simulation.atTurnEnd(this.#owner, callback);
  }
}
