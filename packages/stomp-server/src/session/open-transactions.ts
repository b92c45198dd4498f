import { shown } from './fault.ts';
import { Transaction } from './transaction.ts';
import type { Fault } from './fault.ts';
import type { StompLimits } from './limits.ts';
import type { Subscription } from './subscription.ts';

/** The open transactions of a session, within its limits. */
export class OpenTransactions {
  readonly #limits: StompLimits;
  readonly #byId = new Map<string, Transaction>();
  #bytes = 0;

  constructor(limits: StompLimits) {
    this.#limits = limits;
  }

  begin(id: string): Fault | null {
    if (this.#byId.has(id)) return { message: `BEGIN: transaction ${shown(id)} is already open` };
    if (this.#byId.size >= this.#limits.transactions) {
      return { message: `BEGIN: more than ${this.#limits.transactions} open transactions on one connection` };
    }
    this.#byId.set(id, new Transaction(id));
    return null;
  }

  /** The open transaction, with one more frame and so many bytes counted in it. */
  enter(command: string, id: string, bytes: number): Transaction | Fault {
    const transaction = this.#byId.get(id);
    if (transaction === undefined) return unknown(command, id);
    const { transactionFrames, transactionBytes } = this.#limits;
    if (transaction.frames >= transactionFrames) {
      return { message: `${command}: more than ${transactionFrames} frames in transaction ${shown(id)}` };
    }
    if (this.#bytes + bytes > transactionBytes) {
      return { message: `${command}: more than ${transactionBytes} bytes in open transactions, with ${shown(id)}` };
    }
    transaction.frames++;
    this.#bytes += bytes;
    return transaction;
  }

  /** Ends it: it is open no more. */
  leave(command: string, id: string): Transaction | Fault {
    const transaction = this.#byId.get(id);
    if (transaction === undefined) return unknown(command, id);
    this.#byId.delete(id);
    this.#bytes -= transaction.bytes;
    return transaction;
  }

  /** The subscription gives back what it holds: the transactions that acknowledged some of it can't be committed. */
  breakBy(subscription: Subscription): void {
    for (const held of subscription.all()) {
      const transaction = held.transaction === null ? undefined : this.#byId.get(held.transaction);
      if (transaction !== undefined) transaction.brokenBy = subscription.id;
    }
  }
}

function unknown(command: string, id: string): Fault {
  return { message: `${command}: unknown transaction ${shown(id)}`, hint: 'A transaction is opened by BEGIN.' };
}
