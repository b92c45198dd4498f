import { resolveDestination } from './destination.ts';
import { missingHeader, unsupported } from './fault.ts';
import { readNewMessage } from './new-message.ts';
import { forbidden } from './permission.ts';
import { Transaction } from './transaction.ts';
import type { Frame } from '../codec/index.ts';
import type { Fault } from './fault.ts';
import type { SessionContext } from './session-context.ts';

/** SEND (STOMP 1.2, SEND). */
export class Sending {
  readonly #context: SessionContext;
  /** The destination of the last SEND: producers repeat themselves. */
  #lastWritten: string | undefined;
  #lastResolved = '';
  /** Of the permissions by which it was judged. */
  #lastGeneration = 0;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  send(frame: Frame): Fault | null {
    const written = frame.header('destination');
    if (written === undefined) return missingHeader('SEND', 'destination', this.#context.version);
    const { access } = this.#context;
    if (written !== this.#lastWritten || access.generation !== this.#lastGeneration) {
      const resolved = resolveDestination('SEND', written);
      if (typeof resolved !== 'string') return resolved;
      const fault = forbidden(access, 'SEND', resolved);
      if (fault !== null) return fault;
      this.#lastWritten = written;
      this.#lastResolved = resolved;
      this.#lastGeneration = access.generation;
    }
    const destination = this.#lastResolved;
    const message = readNewMessage(frame);
    if ('message' in message) return message;
    if (message.attributes !== null && message.attributes.duplicateId !== '' && destination.startsWith('/topic/')) {
      return unsupported('SEND', 'a duplicate id of a topic message', 'Queues know the ids of their messages.');
    }
    const transactionId = frame.header('transaction');
    if (transactionId !== undefined) {
      const bytes = message.headerBlock.length + message.body.length;
      const transaction = this.#context.transactions.enter('SEND', transactionId, bytes);
      if (!(transaction instanceof Transaction)) return transaction;
      transaction.addSend(destination, message);
      return this.#context.receiptNow(frame);
    }
    const bytes = message.headerBlock.length + message.body.length;
    const token = this.#context.unanswered.add('SEND', destination, frame.header('receipt'), bytes);
    this.#context.sink.submit({ type: 'send', session: this.#context.id, token, destination, message });
    return null;
  }
}
