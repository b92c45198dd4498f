/** Runs of consecutive numbers that are remembered one by one; older ones run together. */
const RUNS_MAX = 4096;
const RUNS_MERGED = 1024;
/** Masters whose unstored messages are told apart. */
const OPENINGS_MAX = 16;

/** Numbers, as runs. When there are too many runs the lowest become one: then it also says yes to what lay between. */
class NumberRuns {
  /** `starts[i]..ends[i]`, ascending, never touching. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  add(value: number): void {
    const starts = this.#starts;
    const ends = this.#ends;
    const last = ends.length - 1;
    if (last >= 0 && value <= ends[last]!) return this.#insert(value);
    if (last >= 0 && ends[last] === value - 1) {
      ends[last] = value;
      return;
    }
    starts.push(value);
    ends.push(value);
    this.#bound();
  }

  has(value: number): boolean {
    const at = this.#lastFrom(value);
    return at >= 0 && value <= this.#ends[at]!;
  }

  /** Where the last run that starts at or below `value` is; -1 when there is none. */
  #lastFrom(value: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #insert(value: number): void {
    const starts = this.#starts;
    const ends = this.#ends;
    const at = this.#lastFrom(value);
    if (at >= 0 && value <= ends[at]!) return;
    const joinsBelow = at >= 0 && ends[at] === value - 1;
    const joinsAbove = starts[at + 1] === value + 1;
    if (joinsBelow && joinsAbove) {
      ends[at] = ends[at + 1]!;
      starts.splice(at + 1, 1);
      ends.splice(at + 1, 1);
    } else if (joinsBelow) ends[at] = value;
    else if (joinsAbove) starts[at + 1] = value;
    else {
      starts.splice(at + 1, 0, value);
      ends.splice(at + 1, 0, value);
      this.#bound();
    }
  }

  #bound(): void {
    if (this.#starts.length <= RUNS_MAX) return;
    this.#starts.splice(1, RUNS_MERGED);
    this.#ends.splice(0, RUNS_MERGED);
  }
}

/**
 * Which messages this session was ever given, in bounded memory: an ACK of one that is settled does nothing, one of a
 * message it was never given is an error. Never says no for a message that was given; may say yes for old ones that were not.
 */
export class GivenMessages {
  readonly #positions = new NumberRuns();
  /** Of messages without a position: by the first part of their id (a master's opening), the runs of the second. */
  readonly #volatile = new Map<string, NumberRuns>();
  #forgotOpenings = false;

  addPosition(position: number): void {
    this.#positions.add(position);
  }

  /** @param id `v<opening position>-<n>` */
  addVolatile(id: string): void {
    const dash = id.indexOf('-');
    const opening = id.slice(0, dash);
    let runs = this.#volatile.get(opening);
    if (runs === undefined) {
      if (this.#volatile.size === OPENINGS_MAX) {
        this.#volatile.delete(this.#volatile.keys().next().value!);
        this.#forgotOpenings = true;
      }
      runs = new NumberRuns();
      this.#volatile.set(opening, runs);
    }
    runs.add(Number(id.slice(dash + 1)));
  }

  /** @param id a message id as MESSAGE showed it. */
  has(id: string): boolean {
    if (/^\d{1,16}$/.test(id)) return this.#positions.has(Number(id));
    const match = /^(v\d{1,16})-(\d{1,16})$/.exec(id);
    if (match === null) return false;
    const runs = this.#volatile.get(match[1]!);
    return runs === undefined ? this.#forgotOpenings : runs.has(Number(match[2]));
  }
}
