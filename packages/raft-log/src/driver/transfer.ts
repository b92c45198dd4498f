import type { NodeId } from '@lockstep/kernel';

/** In election time-outs. The node gives a transfer up after one; an election that it set off may take longer. */
const spentAfter = 1.2;
const hopelessAfter = 4;

/** Waits for another member to lead. */
export class Transfer {
  /** True: another leads. False: it was given up, or nobody leads for too long. */
  readonly result: Promise<boolean>;
  readonly #self: NodeId;
  readonly #begunMs: number;
  readonly #electionMs: number;
  #resolve: (handedOver: boolean) => void = () => {};

  constructor(self: NodeId, begunMs: number, electionMs: number) {
    this.#self = self;
    this.#begunMs = begunMs;
    this.#electionMs = electionMs;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** True when it is decided. */
  settle(leader: NodeId | null, nowMs: number): boolean {
    const handedOver = leader !== null && leader !== this.#self;
    const patience = leader === this.#self ? spentAfter : hopelessAfter;
    if (!handedOver && nowMs - this.#begunMs < patience * this.#electionMs) return false;
    this.#resolve(handedOver);
    return true;
  }

  giveUp(): void {
    this.#resolve(false);
  }
}
