import { BudgetShare } from '../input-budget.ts';
import { shown } from './fault.ts';
import { Transaction } from './transaction.ts';
import type { InputBudget } from '../input-budget.ts';
import type { Fault } from './fault.ts';
import type { StompLimits } from './limits.ts';
import type { Subscription } from './subscription.ts';

/** What a frame, or a transaction, takes in memory beside its bytes, about: else many small ones would not count. */
const OVERHEAD_BYTES = 512;

/** The open transactions of a session, within its limits and the node's budget. */
export class OpenTransactions {
  readonly #limits: StompLimits;
  readonly #byId = new Map<string, Transaction>();
  readonly #share: BudgetShare;
  #bytes = 0;

  constructor(limits: StompLimits, budget: InputBudget) {
    this.#limits = limits;
    this.#share = new BudgetShare(budget);
  }

  begin(id: string): Fault | null {
    if (this.#byId.has(id)) return { message: `BEGIN: transaction ${shown(id)} is already open` };
    if (this.#byId.size >= this.#limits.transactions) {
      return { message: `BEGIN: more than ${this.#limits.transactions} open transactions on one connection` };
    }
    const transaction = new Transaction(id);
    this.#byId.set(id, transaction);
    // A header's text takes up to two bytes a character.
    return this.#hold('BEGIN', transaction, OVERHEAD_BYTES + 2 * id.length);
  }

  find(command: string, id: string): Transaction | Fault {
    return this.#byId.get(id) ?? unknown(command, id);
  }

  /** The open transaction, with one more frame and so many bytes counted in it. */
  enter(command: string, id: string, bytes: number): Transaction | Fault {
    const transaction = this.find(command, id);
    if (!(transaction instanceof Transaction)) return transaction;
    const { transactionFrames, transactionBytes } = this.#limits;
    if (transaction.frames >= transactionFrames) {
      return { message: `${command}: more than ${transactionFrames} frames in transaction ${shown(id)}` };
    }
    if (this.#bytes + bytes > transactionBytes) {
      return { message: `${command}: more than ${transactionBytes} bytes in open transactions, with ${shown(id)}` };
    }
    const refused = this.#hold(command, transaction, OVERHEAD_BYTES + bytes);
    if (refused !== null) return refused;
    transaction.frames++;
    this.#bytes += bytes;
    return transaction;
  }

  /** It is open no more. Does nothing when it is not open. */
  end(transaction: Transaction): void {
    if (this.#byId.get(transaction.id) !== transaction) return;
    this.#byId.delete(transaction.id);
    this.#bytes -= transaction.bytes;
    this.#share.resize(this.#share.bytes - transaction.counted);
  }

  /** The session ends: none is open any more. */
  endAll(): void {
    this.#byId.clear();
    this.#bytes = 0;
    this.#share.release();
  }

  #hold(command: string, transaction: Transaction, bytes: number): Fault | null {
    if (!this.#share.resize(this.#share.bytes + bytes)) return { message: `${command}: ${this.#share.refusal}` };
    transaction.counted += bytes;
    return null;
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
