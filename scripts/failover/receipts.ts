/** When receipts came, for as long as a round of faults takes. Milliseconds of the process's monotonic clock. */
export class Receipts {
  #atMs: number[] = [];
  #waitedMs = 0;
  #recovered: { readonly sinceMs: number; readonly resolve: (atMs: number) => void } | null = null;

  /** A new round: forgets those before. */
  begin(): void {
    this.#atMs = [performance.now()];
    this.#waitedMs = 0;
  }

  take(atMs: number, sentAtMs: number): void {
    this.#atMs.push(atMs);
    this.#waitedMs = Math.max(this.#waitedMs, atMs - sentAtMs);
    const recovered = this.#recovered;
    if (recovered === null || sentAtMs <= recovered.sinceMs) return;
    this.#recovered = null;
    recovered.resolve(atMs);
  }

  /** Milliseconds from now until the next receipt of a SEND that is written after now: what was under way then is answered by whoever had it. */
  async recovery(): Promise<number> {
    const sinceMs = performance.now();
    return (await new Promise<number>((resolve) => (this.#recovered = { sinceMs, resolve }))) - sinceMs;
  }

  /** The longest time without any receipt in this round so far. */
  get longestGapMs(): number {
    let longest = 0;
    for (let i = 1; i < this.#atMs.length; i++) longest = Math.max(longest, this.#atMs[i]! - this.#atMs[i - 1]!);
    return longest;
  }

  /** The longest that any SEND waited for its receipt in this round so far. */
  get longestWaitMs(): number {
    return this.#waitedMs;
  }
}
