/** Time and timers. Callbacks never run inside the call that set them. */
export interface Clock {
  /** Milliseconds since the epoch, as the machine's clock says: may jump either way. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start; never goes back, goes on while the process is stopped. May have a fraction. */
  monotonicMs(): number;
  /** Calls back once, not before `delayMs` has passed. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back once at the end of this turn of the event loop, after the input that has already arrived in it. */
  atTurnEnd(callback: () => void): void;
}

export interface Timer {
  /** After this the callback is not called. Harmless when it has been. */
  cancel(): void;
}
