import { shown } from './fault.ts';
import { readNackAction } from './nack-action.ts';
import { Transaction } from './transaction.ts';
import type { Settlement } from '@lockstep/core';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';
import type { SessionContext } from './session-context.ts';

/** ACK, NACK, and what `auto` settles by itself (STOMP 1.2, ACK, NACK, SUBSCRIBE ack Header). */
export class Settling {
  readonly #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  ack(frame: Frame): Fault | null {
    return this.#settle(frame, 'ack');
  }

  nack(frame: Frame): Fault | null {
    if (this.#context.version === '1.0')
      return { message: 'NACK: unknown in STOMP 1.0', hint: 'STOMP 1.1 and 1.2 have it.' };
    const action = readNackAction(frame);
    return typeof action === 'string' ? this.#settle(frame, action) : action;
  }

  #settle(frame: Frame, outcome: Settlement['outcome']): Fault | null {
    const { command } = frame;
    const transactionId = frame.header('transaction');
    let transaction: Transaction | null = null;
    if (transactionId !== undefined) {
      const entered = this.#context.transactions.enter(command, transactionId, 0);
      if (!(entered instanceof Transaction)) return entered;
      transaction = entered;
    }
    const held = this.#context.deliveries.find(frame);
    if (held === 'settled')
      return transaction === null ? this.#context.receiptInTurn(frame) : this.#context.receiptNow(frame);
    if ('message' in held) return held;
    if (held.transaction !== null) {
      if (held.transaction === transactionId) return this.#context.receiptNow(frame);
      const where = `transaction ${shown(held.transaction)}`;
      return { message: `${command}: message ${held.messageId} is already settled in ${where}, which is open` };
    }
    const { subscription } = held;
    const taken = subscription.take(held, transactionId ?? null);
    if (transaction !== null) {
      transaction.addSettled(outcome, taken);
      return this.#context.receiptNow(frame);
    }
    for (const one of taken) this.#context.deliveries.forget(one);
    const settlement = { subscription: subscription.number, outcome, tags: taken.map((one) => one.tag) };
    this.#submitSettle(command, subscription.destination, frame.header('receipt'), settlement);
    return null;
  }

  #submitSettle(command: string, destination: string, receipt: string | undefined, settlement: Settlement): void {
    const token = this.#context.unanswered.add(command, destination, receipt, 0);
    this.#context.sink.submit({ type: 'settle', session: this.#context.id, token, settlement });
  }

  /** What was written has been handed to the network: messages for `auto` subscriptions count as settled. */
  written(): void {
    for (const [subscription, tags] of this.#context.deliveries.takeWritten()) {
      const settlement: Settlement = { subscription: subscription.number, outcome: 'ack', tags };
      this.#submitSettle('SUBSCRIBE', subscription.destination, undefined, settlement);
    }
  }
}
