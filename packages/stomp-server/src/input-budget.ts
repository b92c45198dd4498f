import { assert } from '@lockstep/kernel';

/**
 * What all clients of a node together may have half sent: unfinished frames, and open transactions. Each connection
 * has bounds of its own; this one holds whatever their number.
 */
export class InputBudget {
  /** Bytes. */
  readonly max: number;
  #used = 0;

  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** False, and nothing is taken, when that much is not left. */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > this.max) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
    assert(this.#used >= 0, 'more of the input budget is released than was reserved');
  }

  /** What a client is told that asks for more than is left: the words behind `COMMAND: `. */
  get refusal(): string {
    const held = `this node holds ${this.#used} bytes of half-sent frames and open transactions`;
    return `${held}, limits.halfSentBytes allows ${this.max}; try again`;
  }
}

/** One holder's part of the budget. It is set to what is held, not added to, so that nothing can be released twice. */
export class BudgetShare {
  readonly #budget: InputBudget;
  #bytes = 0;

  constructor(budget: InputBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get refusal(): string {
    return this.#budget.refusal;
  }

  /** False, and it stays as it was, when the budget has not so much left. To shrink never fails. */
  resize(bytes: number): boolean {
    if (bytes > this.#bytes) {
      if (!this.#budget.reserve(bytes - this.#bytes)) return false;
    } else if (bytes < this.#bytes) this.#budget.release(this.#bytes - bytes);
    this.#bytes = bytes;
    return true;
  }

  release(): void {
    this.resize(0);
  }
}
