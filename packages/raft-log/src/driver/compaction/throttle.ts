import type { Clock, Timer } from '@lockstep/kernel';

/** The work that was being paced is not to be finished. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Debts of less are let run up, so that the timer is not set for nothing. */
const napMinMs = 5;
/** After an idle time no more than this much is made up for. */
const creditMaxMs = 50;

interface Sleeper {
  readonly timer: Timer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Holds work in the background to so many bytes in a second. One user at a time. */
export class Throttle {
  readonly #clock: Clock;
  /** When what has been done so far would have been done at the rate it was allowed. */
  #doneByMs = Number.NEGATIVE_INFINITY;
  #sleeper: Sleeper | null = null;
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** So many bytes were done; resolves when there may be more. Rejects with a StoppedError once it is stopped. */
  pace(bytes: number, bytesPerSecond: number): Promise<void> {
    // Even with nothing to wait for, others get their turn.
    return this.paceIfDue(bytes, bytesPerSecond) ?? this.sleep(0);
  }

  /** As `pace`; null: there may be more at once. */
  paceIfDue(bytes: number, bytesPerSecond: number): Promise<void> | null {
    const now = this.#clock.monotonicMs();
    this.#doneByMs = Math.max(this.#doneByMs, now - creditMaxMs) + (bytes / bytesPerSecond) * 1000;
    return this.#doneByMs - now >= napMinMs ? this.sleep(this.#doneByMs - now) : null;
  }

  /** Rejects with a StoppedError once it is stopped. */
  sleep(ms: number): Promise<void> {
    if (this.#stopped) return Promise.reject(new StoppedError());
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(ms, () => {
        this.#sleeper = null;
        resolve();
      });
      this.#sleeper = { timer, resolve, reject };
    });
  }

  /** Whoever sleeps has slept enough. */
  wake(): void {
    this.#sleeper?.timer.cancel();
    this.#sleeper?.resolve();
    this.#sleeper = null;
  }

  stop(): void {
    this.#stopped = true;
    this.#sleeper?.timer.cancel();
    this.#sleeper?.reject(new StoppedError());
    this.#sleeper = null;
  }
}
