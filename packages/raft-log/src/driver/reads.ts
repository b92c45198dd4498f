import type { ReadConfirmed } from '../node/index.ts';

interface Waiting {
  readonly index: number;
  readonly resolve: (confirmed: boolean) => void;
}

/** Linearizable reads (thesis §6.4): whoever asks waits until a majority has confirmed the leader, and until this node has applied enough. */
export class Reads {
  readonly #asked: Map<number, (confirmed: boolean) => void> = new Map();
  #waiting: Waiting[] = [];
  #last = 0;

  /** `begin` passes the context on to the Raft node. False: this node does not lead, or could not be sure of it. */
  ask(begin: (context: number) => void): Promise<boolean> {
    const context = ++this.#last;
    return new Promise((resolve) => {
      this.#asked.set(context, resolve);
      begin(context);
    });
  }

  confirmed(reads: readonly ReadConfirmed[]): void {
    for (const { context, index } of reads) {
      const resolve = this.#asked.get(context);
      if (resolve === undefined) continue;
      this.#asked.delete(context);
      if (index === null) resolve(false);
      else this.#waiting.push({ index, resolve });
    }
  }

  /** The state machine stands at `index`. */
  applied(index: number): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((one) => one.index <= index);
    this.#waiting = this.#waiting.filter((one) => one.index > index);
    for (const { resolve } of ready) resolve(true);
  }

  /** Nothing will be confirmed any more. */
  stop(): void {
    for (const resolve of this.#asked.values()) resolve(false);
    for (const { resolve } of this.#waiting) resolve(false);
    this.#asked.clear();
    this.#waiting = [];
  }
}
