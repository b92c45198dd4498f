import type { SessionId } from '@lockstep/kernel';
import { Fifo } from '../dispatch/fifo.ts';
import type { NewMessage, Refusal, Request } from '../requests.ts';
import type { SessionKey } from '../stream/messages.ts';
import type { QueueConsumer } from './queue-consumer.ts';
import type { TopicConsumer } from './topic-consumer.ts';

/** A topic message that waits for its turn, with its own copy of the bytes. */
export interface TopicSend {
  readonly destination: string;
  readonly timestampMs: number;
  readonly message: NewMessage;
}

/** What takes effect without the log, in its turn. */
export type VolatileStep =
  | { readonly type: 'reply'; readonly token: number; readonly refusal: Refusal | null }
  /** Answered when the master has passed them on. */
  | { readonly type: 'publish'; readonly token: number; readonly sends: readonly TopicSend[] }
  | Extract<Request, { type: 'subscribe' | 'unsubscribe' }>;

/** A session on this node. Its requests are numbered in two series: those that go through the log, and the steps between them. */
export class ServingSession {
  readonly id: SessionId;
  /** Names it to the master. */
  readonly key: SessionKey;
  readonly subscriptions: Map<number, QueueConsumer | TopicConsumer> = new Map();
  /** `endSession` has come, or the broker has closed it: nothing is to be told it any more. */
  over = false;
  /** Requests that went the way of the log (or are gathered for it), and those of them that are over. */
  issued = 0;
  applied = 0;
  /** A message or transaction of it was refused, and its turn has come; `refusing`: so it will be, once all earlier ones have had theirs. */
  refused = false;
  refusing = false;
  /** Has settlements in what was gathered this turn. */
  gathered = false;
  /** Volatile steps, each after the request of that number in the durable series. */
  #waiting = new Fifo<{ readonly after: number; readonly step: VolatileStep }>();
  #waitingBytes = 0;

  constructor(id: SessionId, key: SessionKey) {
    this.id = id;
    this.key = key;
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

  dropWaiting(): void {
    this.#waiting = new Fifo();
    this.#waitingBytes = 0;
  }
}

function stepBytes(step: VolatileStep): number {
  if (step.type !== 'publish') return 0;
  let bytes = 0;
  for (const { message } of step.sends) bytes += message.headerBlock.length + message.body.length;
  return bytes;
}
