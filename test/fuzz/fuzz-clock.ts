import type { Clock, Timer } from '@lockstep/kernel';

/** More turns' ends than this, each asked for by the one before, are a loop without end. */
const CHAIN_MAX = 10_000;

/** A clock for one thread that is told when turns end and how much time passes. Cheap: a case of fuzzing takes well below a millisecond. */
export class FuzzClock implements Clock {
  #nowMs = 1000;
  readonly #timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>();
  #turnEnd: (() => void)[] = [];

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  get timers(): number {
    return this.#timers.size;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  atTurnEnd(callback: () => void): void {
    this.#turnEnd.push(callback);
  }

  endTurn(): void {
    for (let round = 0; this.#turnEnd.length > 0; round++) {
      if (round > CHAIN_MAX) throw new Error('turns that never end');
      const callbacks = this.#turnEnd;
      this.#turnEnd = [];
      for (const callback of callbacks) callback();
    }
  }

  /** Time passes: what is due runs, in order, each in a turn of its own. */
  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let round = 0; ; round++) {
      if (round > CHAIN_MAX) throw new Error('timers without end in no time');
      let next = null;
      for (const timer of this.#timers) {
        if (timer.dueMs <= endMs && (next === null || timer.dueMs < next.dueMs)) next = timer;
      }
      if (next === null) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      this.endTurn();
    }
    this.#nowMs = endMs;
  }
}
