import { missingHeader, shown } from './fault.ts';
import { Transaction } from './transaction.ts';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';
import type { SessionContext } from './session-context.ts';

/** BEGIN, COMMIT and ABORT (STOMP 1.2, BEGIN, COMMIT, ABORT). */
export class Transacting {
  readonly #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  begin(frame: Frame): Fault | null {
    const id = frame.header('transaction');
    if (id === undefined) return missingHeader('BEGIN', 'transaction', this.#context.version);
    return this.#context.transactions.begin(id) ?? this.#context.receiptNow(frame);
  }

  commit(frame: Frame): Fault | null {
    const transaction = this.#transaction(frame);
    if (!(transaction instanceof Transaction)) return transaction;
    if (transaction.brokenBy !== null) {
      const where = `subscription ${shown(transaction.brokenBy)}`;
      const message = `COMMIT: messages acknowledged in ${shown(transaction.id)} went back when ${where} ended`;
      return { message, hint: 'Nothing of the transaction took effect.' };
    }
    if (transaction.isEmpty) {
      this.#context.transactions.end(transaction);
      return this.#context.receiptInTurn(frame);
    }
    const { sends } = transaction;
    const settlements = transaction.settlements();
    for (const [subscription, taken] of transaction.bySubscription()) {
      for (const held of taken) {
        subscription.settle(held);
        this.#context.deliveries.forget(held);
      }
    }
    const where = `transaction ${transaction.id}`;
    const token = this.#context.unanswered.add('COMMIT', where, frame.header('receipt'), transaction.bytes);
    this.#context.sink.submit({ type: 'commit', session: this.#context.id, token, sends, settlements });
    this.#context.transactions.end(transaction);
    return null;
  }

  abort(frame: Frame): Fault | null {
    const transaction = this.#transaction(frame);
    if (!(transaction instanceof Transaction)) return transaction;
    this.#context.transactions.end(transaction);
    for (const [subscription, taken] of transaction.bySubscription()) {
      // Of a subscription that is gone nothing is held any more.
      if (this.#context.deliveries.subscription(subscription.id) === subscription) subscription.giveBack(taken);
    }
    return this.#context.receiptNow(frame);
  }

  /** The one that COMMIT or ABORT names. */
  #transaction(frame: Frame): Transaction | Fault {
    const { command } = frame;
    const id = frame.header('transaction');
    if (id === undefined) return missingHeader(command, 'transaction', this.#context.version);
    return this.#context.transactions.find(command, id);
  }
}
