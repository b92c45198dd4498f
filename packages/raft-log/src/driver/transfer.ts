import type { NodeId } from '@lockstep/kernel';

/** Waits for another member to lead. */
export class Transfer {
  /** True: another leads. False: the time was up, or it was given up. */
  readonly result: Promise<boolean>;
  readonly #self: NodeId;
  readonly #untilMs: number;
  #resolve: (handedOver: boolean) => void = () => {};

  constructor(self: NodeId, untilMs: number) {
    this.#self = self;
    this.#untilMs = untilMs;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** True when it is decided. */
  settle(leader: NodeId | null, nowMs: number): boolean {
    const handedOver = leader !== null && leader !== this.#self;
    if (!handedOver && nowMs < this.#untilMs) return false;
    this.#resolve(handedOver);
    return true;
  }

  giveUp(): void {
    this.#resolve(false);
  }
}
