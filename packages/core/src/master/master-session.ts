import type { SessionId } from '@lockstep/kernel';
import type { Subscription } from '../dispatch/dispatcher.ts';
import { Fifo } from '../dispatch/fifo.ts';
import type { Message } from '../effects.ts';
import type { Refusal, Request } from '../requests.ts';

/** What takes effect without the log, in its turn. */
export type VolatileStep =
  | { readonly type: 'reply'; readonly token: number; readonly refusal: Refusal | null }
  | { readonly type: 'publish'; readonly token: number; readonly messages: readonly Message[] }
  | Extract<Request, { type: 'subscribe' | 'unsubscribe' }>;

/** A session, as the master knows it. Its requests are numbered in two series: those that go through the log, and the steps between them. */
export class MasterSession {
  readonly id: SessionId;
  readonly subscriptions: Map<number, Subscription> = new Map();
  /** `endSession` has come, or the broker has closed it: nothing is to be told it any more. */
  over = false;
  /** Requests that went the way of the log (or are gathered for it), and those of them that were applied. */
  issued = 0;
  applied = 0;
  /** Has settlements in what was gathered this turn. */
  gathered = false;
  /** Volatile steps, each after the request of that number in the durable series. */
  readonly #waiting = new Fifo<{ readonly after: number; readonly step: VolatileStep }>();
  #waitingBytes = 0;

  constructor(id: SessionId) {
    this.id = id;
  }

  get isClear(): boolean {
    return this.issued === this.applied;
  }

  /** Bytes of the messages that wait for their turn. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  wait(step: VolatileStep): void {
    this.#waiting.push({ after: this.issued, step });
    this.#waitingBytes += stepBytes(step);
  }

  /** The next step whose turn has come. */
  takeDue(): VolatileStep | null {
    const first = this.#waiting.peek();
    if (first === undefined || first.after > this.applied) return null;
    this.#waiting.shift();
    this.#waitingBytes -= stepBytes(first.step);
    return first.step;
  }
}

function stepBytes(step: VolatileStep): number {
  if (step.type !== 'publish') return 0;
  let bytes = 0;
  for (const message of step.messages) bytes += message.headerBlock.length + message.body.length;
  return bytes;
}
