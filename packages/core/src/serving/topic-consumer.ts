import type { SessionId } from '@lockstep/kernel';
import type { BrokerEffect, Message } from '../effects.ts';
import { Fifo } from '../dispatch/fifo.ts';
import { Window } from '../dispatch/window.ts';

export interface TopicWish {
  readonly subscription: number;
  readonly destination: string;
  readonly prefetchMessages: number;
  readonly prefetchBytes: number;
}

/** One subscription to a topic: what its window does not let through waits here, up to a bound that the caller sees to. */
export class TopicConsumer {
  readonly kind = 'topic';
  readonly session: SessionId;
  readonly subscription: number;
  readonly destination: string;
  /** Of what this node's sessions have published, only higher numbers are for it: the others were sent before it was there. */
  readonly after: number;
  readonly #window: Window;
  readonly #backlog = new Fifo<Message>();
  #backlogBytes = 0;
  /** Sizes of the messages handed out, from tag `#firstTag` on; −1: settled. */
  #sizes: number[] = [];
  #firstTag = 1;
  /** Kept by the fan-out: it stands in the list of those with work. */
  awake = false;
  gone = false;

  constructor(session: SessionId, wish: TopicWish, after: number) {
    this.session = session;
    this.subscription = wish.subscription;
    this.destination = wish.destination;
    this.after = after;
    this.#window = new Window(wish.prefetchMessages, wish.prefetchBytes);
  }

  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  get backlogMessages(): number {
    return this.#backlog.size;
  }

  /** Handed out and not settled. */
  get unsettled(): number {
    return this.#window.messages;
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
