import type { Member } from './member.ts';

interface Pending {
  readonly context: number;
  readonly askedAt: number;
  /** Numbers the round that must be answered: one that began after the question. Null: it has yet to begin. */
  round: number | null;
}

/**
 * A leader's questions "do I still lead?" (read index, thesis §6.4). What was committed when the question came is what the answer covers;
 * a majority's answers to a round that began after it prove that no later leader had committed anything by then. All questions of
 * a turn share a round.
 */
export class Reads {
  readonly #member: Member;
  readonly #pending: Pending[] = [];

  constructor(member: Member) {
    this.#member = member;
  }

  ask(context: number): void {
    this.#pending.push({ context, askedAt: this.#member.now, round: null });
  }

  /** Is there a question that no round has been begun for? */
  get wantsRound(): boolean {
    return this.#pending.at(-1)?.round === null;
  }

  roundBegins(round: number): void {
    for (const read of this.#pending) read.round ??= round;
  }

  /**
   * `confirmed` tells whether a majority has answered that round or a later one. Not to be asked before an entry of the own term is committed:
   * until then this leader does not know all that was committed by earlier ones.
   */
  answer(confirmed: (round: number) => boolean): void {
    const { commitIndex, outbox } = this.#member;
    while (this.#pending.length > 0) {
      const { context, round } = this.#pending[0]!;
      if (round === null || !confirmed(round)) return;
      this.#pending.shift();
      outbox.confirmRead(context, commitIndex);
    }
  }

  /** Those that have waited for an election time-out are refused. */
  expire(): void {
    const { now, options } = this.#member;
    while (this.#pending.length > 0 && now - this.#pending[0]!.askedAt >= options.electionTicks) this.#refuseFirst();
  }

  /** This member leads no more. */
  refuseAll(): void {
    while (this.#pending.length > 0) this.#refuseFirst();
  }

  #refuseFirst(): void {
    this.#member.outbox.confirmRead(this.#pending.shift()!.context, null);
  }
}
