/** Samples are so far apart at least. */
const everyMs = 1000;
/** With more than so many, those go without which an age is still right to this share of it. */
const samplesMax = 512;
const share = 1 / 16;

/** When hand-outs were, by their numbers: about, for people. Nothing is noted for each of them, only a sample now and then. */
export class HandoutTimes {
  #numbers: number[] = [];
  #times: number[] = [];

  /** Hand-outs from `number` on are at `nowMs` or later. Cheap: for every turn. */
  note(number: number, nowMs: number): void {
    const last = this.#numbers.length - 1;
    if (last >= 0) {
      // The numbers have begun anew, or the clock was put back.
      if (number < this.#numbers[last]! || nowMs < this.#times[last]!) this.#clear();
      else if (nowMs < this.#times[last]! + everyMs) return;
      else if (number === this.#numbers[last]) {
        // None between the two.
        this.#times[last] = nowMs;
        return;
      }
    }
    this.#numbers.push(number);
    this.#times.push(nowMs);
    if (this.#numbers.length > samplesMax) this.#thinOut();
  }

  /** When the hand-out of that number was, at the earliest; null: before anything was noted. */
  timeOf(number: number): number | null {
    const at = this.#numbers.findLastIndex((first) => first <= number);
    return at === -1 ? null : this.#times[at]!;
  }

  #thinOut(): void {
    const times = this.#times;
    const newest = times.length - 1;
    const kept = [newest];
    for (let at = newest - 1; at > 0; at--) {
      const before = times[at - 1]!;
      if (times[kept.at(-1)!]! - before > (times[newest]! - before) * share) kept.push(at);
    }
    kept.push(0);
    kept.reverse();
    this.#numbers = kept.map((at) => this.#numbers[at]!);
    this.#times = kept.map((at) => times[at]!);
  }

  #clear(): void {
    this.#numbers = [];
    this.#times = [];
  }
}
