import type { Clock, Timer } from '@lockstep/kernel';
import type { HeartBeat } from '../session/negotiation.ts';

/** A timer is never set for longer; it looks again then. Below the 2³¹ ms that hosts can do. */
const TIMER_MS_MAX = 3_600_000;

export interface HeartBeatActions {
  /** Nothing has been sent for half of what was promised. */
  beat(): void;
  /** Nothing has come for twice what the client promised. */
  silent(silentMs: number): void;
}

/** Heart-beats of one connection, both ways (STOMP 1.2, Heart-beating). */
export class HeartBeats {
  readonly #clock: Clock;
  readonly #actions: HeartBeatActions;
  readonly #sendEveryMs: number;
  readonly #silenceMsMax: number;
  #sentMs: number;
  #receivedMs: number;
  #reading = true;
  #sendTimer: Timer | null = null;
  #receiveTimer: Timer | null = null;

  constructor(agreed: HeartBeat, clock: Clock, actions: HeartBeatActions) {
    this.#clock = clock;
    this.#actions = actions;
    this.#sendEveryMs = Math.min(agreed.sendMs / 2, TIMER_MS_MAX);
    this.#silenceMsMax = agreed.receiveMs * 2;
    this.#sentMs = clock.monotonicMs();
    this.#receivedMs = this.#sentMs;
    if (this.#sendEveryMs > 0) this.#armSend(this.#sendEveryMs);
    if (this.#silenceMsMax > 0) this.#armReceive(this.#silenceMsMax);
  }

  sent(): void {
    this.#sentMs = this.#clock.monotonicMs();
  }

  received(): void {
    this.#receivedMs = this.#clock.monotonicMs();
  }

  /** While this side does not read, the other one's silence says nothing. */
  reading(isReading: boolean): void {
    if (isReading && !this.#reading) this.received();
    this.#reading = isReading;
  }

  stop(): void {
    this.#sendTimer?.cancel();
    this.#receiveTimer?.cancel();
  }

  #armSend(delayMs: number): void {
    this.#sendTimer = this.#clock.setTimer(delayMs, () => {
      const quietMs = this.#clock.monotonicMs() - this.#sentMs;
      if (quietMs < this.#sendEveryMs) return this.#armSend(this.#sendEveryMs - quietMs);
      this.#actions.beat();
      this.sent();
      this.#armSend(this.#sendEveryMs);
    });
  }

  #armReceive(remainingMs: number): void {
    const delayMs = Math.min(remainingMs, TIMER_MS_MAX);
    const dueMs = this.#clock.monotonicMs() + delayMs;
    this.#receiveTimer = this.#clock.setTimer(delayMs, () => {
      const nowMs = this.#clock.monotonicMs();
      // A timer that late means that this process stood still: what the client sent meanwhile has yet to be read.
      if (!this.#reading || nowMs - dueMs > this.#silenceMsMax / 4) this.#receivedMs = nowMs;
      const silentMs = nowMs - this.#receivedMs;
      if (silentMs < this.#silenceMsMax) return this.#armReceive(this.#silenceMsMax - silentMs);
      this.#actions.silent(silentMs);
    });
  }
}
