const widthMax = 40;
const redrawMs = 100;

/** Shows how far a long work has come, on a terminal alone; and what it is doing. */
export class ProgressBar {
  readonly #what: string;
  readonly #shown: boolean;
  #drawnAtMs = -Infinity;

  /** `quiet`: also not on a terminal. */
  constructor(what: string, quiet: boolean) {
    this.#what = what;
    this.#shown = !quiet && process.stderr.isTTY === true;
  }

  readonly update = (done: number, total: number): void => {
    if (!this.#shown) return;
    const now = performance.now();
    if (done < total && now - this.#drawnAtMs < redrawMs) return;
    this.#drawnAtMs = now;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const filled = Math.round(share * widthMax);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(widthMax - filled)}`;
    process.stderr.write(`\r\u001B[K${this.#what} ${bar} ${Math.floor(share * 100)} %`);
  };

  /** Takes the bar away. */
  end(): void {
    if (this.#shown) process.stderr.write('\r\u001B[K');
  }
}
