import type { Clock, NodeId } from '@lockstep/kernel';

/** In election time-outs. The node gives a hand-over up after one; an election that it set off may take longer. */
const spentAfter = 1.2;
const hopelessAfter = 4;

interface UnderWay {
  readonly begunMs: number;
  readonly result: Promise<boolean>;
  readonly resolve: (handedOver: boolean) => void;
}

/** Waits for another member to lead; one hand-over at a time. */
export class HandOver {
  readonly #self: NodeId;
  readonly #clock: Clock;
  readonly #electionMs: number;
  #underWay: UnderWay | null = null;

  constructor(self: NodeId, clock: Clock, electionMs: number) {
    this.#self = self;
    this.#clock = clock;
    this.#electionMs = electionMs;
  }

  /** True: another leads. False: it was given up, or nobody leads for too long. `start` is called unless one is under way: then that one counts. */
  begin(start: () => void): Promise<boolean> {
    if (this.#underWay === null) {
      let resolve: (handedOver: boolean) => void = () => {};
      const result = new Promise<boolean>((settled) => (resolve = settled));
      this.#underWay = { begunMs: this.#clock.monotonicMs(), result, resolve };
      start();
    }
    return this.#underWay.result;
  }

  /**
   * From time to time. Another that leads counts once it `serves`, unless that takes too long: who leaves before then leaves clients without a
   * master. `alone`: there is nobody left to take over.
   */
  settle(leader: NodeId | null, serves: boolean, alone: boolean): void {
    if (this.#underWay === null) return;
    const moved = leader !== null && leader !== this.#self;
    const patience = leader === this.#self ? spentAfter : hopelessAfter;
    const spent = this.#clock.monotonicMs() - this.#underWay.begunMs >= patience * this.#electionMs;
    if ((moved && serves) || spent || alone) this.#end(moved);
  }

  /** Has `settle` anything to decide? */
  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  giveUp(): void {
    this.#end(false);
  }

  #end(handedOver: boolean): void {
    this.#underWay?.resolve(handedOver);
    this.#underWay = null;
  }
}
