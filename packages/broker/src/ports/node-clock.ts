import { performance } from 'node:perf_hooks';

import type { Clock, Timer } from '@lockstep/kernel';

// Node runs a timer with a longer delay at once.
const LONGEST_DELAY_MS = 0x7fffffff;

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
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return new NodeTimer(delayMs, callback);
  }

  /** Runs right after the poll phase: all sockets that were readable in it have been read, and nothing waited for more. */
  atTurnEnd(callback: () => void): void {
    setImmediate(callback);
  }
}
