import { performance } from 'node:perf_hooks';

import type { Clock, Timer } from '@lockstep/kernel';

// Node runs a timer with a longer delay at once.
const LONGEST_DELAY_MS = 0x7fffffff;
/** How many steps what follows from a turn's end may take before input goes first again. */
const FOLLOWING_STEPS_MAX = 3;
const NOT_AT_TURN_END = -1;

class NodeTimer implements Timer {
  readonly #dueMs: number;
  readonly #callback: () => void;
  readonly #fire: () => void;
  #handle: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#dueMs = performance.now() + delayMs;
    this.#callback = callback;
    this.#fire = () => this.#expire();
    this.#handle = this.#arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(this.#fire, Math.min(Math.ceil(delayMs), LONGEST_DELAY_MS));
  }

  #expire(): void {
    // The event loop's own time has whole milliseconds: a timer may come up to one early.
    const leftMs = this.#dueMs - performance.now();
    if (leftMs > 0) this.#handle = this.#arm(leftMs);
    else this.#callback();
  }
}

/** The machine's clocks and Node's timers. */
export class NodeClock implements Clock {
  /** Of the callback that is running at a turn's end: how many others it follows from. */
  #step = NOT_AT_TURN_END;

  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return new NodeTimer(delayMs, callback);
  }

  /**
   * Runs right after the poll phase: all sockets that were readable in it have been read, and nothing waited for more. What a turn's
   * end asks for itself still belongs to that end, up to a bound: else a receipt would wait for the loop to look for input once more
   * (bench `latency`). A microtask, so that what was begun before, such as a disk write, is under way first.
   */
  atTurnEnd(callback: () => void): void {
    const step = this.#step + 1;
    if (step === 0 || step > FOLLOWING_STEPS_MAX) setImmediate(() => this.#run(0, callback));
    else queueMicrotask(() => this.#run(step, callback));
  }

  #run(step: number, callback: () => void): void {
    this.#step = step;
    try {
      callback();
    } finally {
      this.#step = NOT_AT_TURN_END;
    }
  }
}
