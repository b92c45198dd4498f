import type { Clock, NodeId } from '@lockstep/kernel';
import type { Mend } from './mend.ts';

/** Until a record that nobody had is looked for again: twice as long each time. */
const firstPauseMs = 250;
const lastPauseMs = 8000;

interface Pause {
  readonly mend: Mend;
  readonly untilMs: number;
}

/**
 * Records that are not to be had for now. Members that lack the same record ask each other for it, and each question makes the other one look for it too: so
 * nobody asks again before a pause is over, which grows. It is over at once when the members, or a connection to one of them, are others.
 */
export class LostRecords {
  readonly #clock: Clock;
  readonly #pauses: Map<number, Pause> = new Map();
  #members = '';
  #lookAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#pauses.size;
  }

  get(position: number): Mend | undefined {
    return this.#pauses.get(position)?.mend;
  }

  /** `members`: who was asked. */
  add(mend: Mend, members: readonly NodeId[]): void {
    mend.pauseMs = mend.pauseMs === 0 ? firstPauseMs : Math.min(lastPauseMs, mend.pauseMs * 2);
    const untilMs = this.#clock.monotonicMs() + mend.pauseMs;
    if (this.#pauses.size === 0) {
      this.#members = nameOf(members);
      this.#lookAtMs = untilMs;
    }
    this.#lookAtMs = Math.min(this.#lookAtMs, untilMs);
    this.#pauses.set(mend.position, { mend, untilMs });
  }

  /** All pauses are over. */
  hurry(): void {
    this.#lookAtMs = Number.NEGATIVE_INFINITY;
    for (const [position, { mend }] of this.#pauses) {
      mend.pauseMs = 0;
      this.#pauses.set(position, { mend, untilMs: Number.NEGATIVE_INFINITY });
    }
  }

  /** Those that are to be looked for now, with these members; they are here no more. Cheap when nothing is due. */
  take(members: readonly NodeId[]): readonly Mend[] {
    if (this.#pauses.size === 0) return [];
    const name = nameOf(members);
    if (name !== this.#members) this.hurry();
    this.#members = name;
    const now = this.#clock.monotonicMs();
    if (now < this.#lookAtMs) return [];
    const due: Mend[] = [];
    this.#lookAtMs = Number.POSITIVE_INFINITY;
    for (const [position, { mend, untilMs }] of this.#pauses) {
      if (untilMs > now) this.#lookAtMs = Math.min(this.#lookAtMs, untilMs);
      else {
        this.#pauses.delete(position);
        due.push(mend);
      }
    }
    return due;
  }
}

function nameOf(members: readonly NodeId[]): string {
  return [...members].sort().join(' ');
}
