interface TermRun {
  readonly index: number;
  readonly term: number;
}

/** The terms of consecutive entries, as runs of equal ones. */
export class TermRuns {
  #runs: TermRun[] = [];

  /** Forgets all and begins with one entry. */
  begin(index: number, term: number): void {
    this.#runs = [{ index, term }];
  }

  /** The entry behind the last, or one that replaces it and all after it. */
  push(index: number, term: number): void {
    let last = this.#runs.at(-1);
    while (last !== undefined && last.index >= index) {
      this.#runs.pop();
      last = this.#runs.at(-1);
    }
    if (last === undefined || last.term !== term) this.#runs.push({ index, term });
  }

  /** Null when that entry lies before the first known. The caller makes sure that it does not lie behind the last. */
  termAt(index: number): number | null {
    return this.#runs.findLast((run) => run.index <= index)?.term ?? null;
  }

  /** Nobody will ask for what lies before `index`. */
  forgetBelow(index: number): void {
    const first = this.#runs.findLastIndex((run) => run.index <= index);
    if (first > 0) this.#runs.splice(0, first);
  }

  /** The runs from `index` on; the first begins there. */
  from(index: number): TermRun[] {
    const first = Math.max(
      0,
      this.#runs.findLastIndex((run) => run.index <= index),
    );
    return this.#runs.slice(first).map((run) => (run.index < index ? { index, term: run.term } : run));
  }
}
