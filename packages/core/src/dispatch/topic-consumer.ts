import type { SessionId } from '@lockstep/kernel';
import type { BrokerEffect, Message } from '../effects.ts';
import { Fifo } from './fifo.ts';
import { Window } from './window.ts';

/** One subscription to a topic: what its window does not let through waits here, up to a bound that the caller sees to. */
export class TopicConsumer {
  readonly session: SessionId;
  readonly subscription: number;
  readonly destination: string;
  readonly #window: Window;
  readonly #backlog = new Fifo<Message>();
  #backlogBytes = 0;
  /** Sizes of the messages handed out, from tag `#firstTag` on; −1: settled. */
  #sizes: number[] = [];
  #firstTag = 1;
  /** Kept by the dispatcher: it stands in the list of those with work. */
  awake = false;
  gone = false;

  constructor(session: SessionId, subscription: number, destination: string, messagesMax: number, bytesMax: number) {
    this.session = session;
    this.subscription = subscription;
    this.destination = destination;
    this.#window = new Window(messagesMax, bytesMax);
  }

  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  get backlogMessages(): number {
    return this.#backlog.size;
  }

  get hasWork(): boolean {
    return this.#backlog.size > 0 && this.#window.hasRoom;
  }

  publish(message: Message): void {
    this.#backlog.push(message);
    this.#backlogBytes += message.headerBlock.length + message.body.length;
  }

  /** Frees the window of what that delivery took. An unknown tag, or one settled before, does nothing. */
  settle(tag: number): void {
    const size = this.#sizes[tag - this.#firstTag];
    if (size === undefined || size < 0) return;
    this.#sizes[tag - this.#firstTag] = -1;
    this.#window.giveBack(size);
    if (this.#sizes[0] !== -1) return;
    let settled = 1;
    while (this.#sizes[settled] === -1) settled++;
    if (settled < 64 && settled < this.#sizes.length) return;
    this.#sizes.splice(0, settled);
    this.#firstTag += settled;
  }

  dispatch(effects: BrokerEffect[]): void {
    while (this.#window.hasRoom) {
      const message = this.#backlog.shift();
      if (message === undefined) return;
      const size = message.headerBlock.length + message.body.length;
      this.#backlogBytes -= size;
      const tag = this.#firstTag + this.#sizes.length;
      this.#sizes.push(size);
      this.#window.take(size);
      const { session, subscription } = this;
      effects.push({ type: 'deliver', session, subscription, tag, message, redelivered: false, deliveryCount: 1 });
    }
  }
}
