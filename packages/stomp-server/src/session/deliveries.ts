import { EndedIds } from './ended-ids.ts';
import { missingHeader, shown } from './fault.ts';
import { GivenMessages } from './given-messages.ts';
import { writeMessage } from './message-frame.ts';
import type { Effect } from '@lockstep/core';
import type { Frame, FrameWriter } from '../codec/index.ts';
import type { Fault } from './fault.ts';
import type { Held, Subscription } from './subscription.ts';

type Delivery = Extract<Effect, { type: 'deliver' }>;

/** The subscriptions of a session, and which message an ACK or NACK means. */
export class Deliveries {
  readonly #writer: FrameWriter;
  readonly #byId = new Map<string, Subscription>();
  readonly #byNumber = new Map<number, Subscription>();
  /** By `ack` id; not for 1.1, which names the subscription. */
  readonly #held = new Map<string, Held>();
  readonly #given = new GivenMessages();
  readonly #ended = new EndedIds();
  /** `auto` ones with something written and not settled. */
  #toSettle = new Set<Subscription>();
  #order = 0;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  get count(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<Subscription> {
    return this.#byId.values();
  }

  subscription(id: string): Subscription | undefined {
    return this.#byId.get(id);
  }

  /** STOMP 1.0, UNSUBSCRIBE: a destination names a subscription, too. */
  subscriptionTo(destination: string): Subscription | undefined {
    for (const subscription of this.#byId.values()) if (subscription.destination === destination) return subscription;
    return undefined;
  }

  /** Bytes that all subscriptions together may have on the way. */
  get prefetchBytes(): number {
    let bytes = 0;
    for (const subscription of this.#byId.values()) bytes += subscription.prefetchBytes;
    return bytes;
  }

  add(subscription: Subscription): void {
    this.#byId.set(subscription.id, subscription);
    this.#byNumber.set(subscription.number, subscription);
  }

  /** What it held is no longer the client's. */
  remove(subscription: Subscription): void {
    this.#byId.delete(subscription.id);
    this.#ended.add(subscription.id);
    this.#byNumber.delete(subscription.number);
    this.#toSettle.delete(subscription);
    for (const held of subscription.all()) this.forget(held);
  }

  /** Writes the MESSAGE. One for a subscription that is gone is passed over: the broker has it back already. */
  deliver(delivery: Delivery): void {
    const subscription = this.#byNumber.get(delivery.subscription);
    if (subscription === undefined) return;
    const { position, volatileId } = delivery.message;
    const messageId = volatileId ?? String(position);
    if (volatileId === null) this.#given.addPosition(position);
    else this.#given.addVolatile(volatileId);
    let ackId: string | null = null;
    if (subscription.mode === 'auto') {
      subscription.writtenTags.push(delivery.tag);
      this.#toSettle.add(subscription);
    } else ackId = this.#hold(subscription, messageId, delivery.tag);
    const shownAckId = this.#writer.version === '1.2' ? ackId : null;
    writeMessage(this.#writer, delivery, messageId, subscription.id, shownAckId);
  }

  #hold(subscription: Subscription, messageId: string, tag: number): string {
    let ackId = messageId;
    const other = this.#held.get(messageId);
    // Message ids hold no dot.
    if (other !== undefined && other.subscription !== subscription) ackId = `${messageId}.${subscription.number}`;
    this.#order++;
    const held: Held = { subscription, messageId, ackId, tag, order: this.#order, transaction: null };
    if (this.#writer.version !== '1.1') this.#held.set(ackId, held);
    subscription.hold(held);
    return ackId;
  }

  /** Settled, or gone back: an ACK of it does nothing from now on. */
  forget(held: Held): void {
    if (this.#held.get(held.ackId) === held) this.#held.delete(held.ackId);
  }

  /** `auto`: the tags to settle now that what was written has gone to the socket; each is given once. */
  takeWritten(): [subscription: Subscription, tags: number[]][] {
    const written: [Subscription, number[]][] = [];
    for (const subscription of this.#toSettle) {
      written.push([subscription, subscription.writtenTags]);
      subscription.writtenTags = [];
    }
    if (written.length > 0) this.#toSettle = new Set();
    return written;
  }

  /**
   * The message that an ACK or NACK names: 1.2 by `id`, 1.1 by `message-id` and `subscription`, 1.0 by `message-id`;
   * other headers are ignored, since stompit sends all three. `settled` when the session once had it.
   */
  find(frame: Frame): Held | 'settled' | Fault {
    const { command } = frame;
    const { version } = this.#writer;
    const name = version === '1.2' ? 'id' : 'message-id';
    const id = frame.header(name);
    if (id === undefined) return missingHeader(command, name, version);
    let held = this.#held.get(id);
    if (version === '1.1') {
      const named = frame.header('subscription');
      if (named === undefined) return missingHeader(command, 'subscription', version);
      const subscription = this.#byId.get(named);
      if (subscription === undefined && !this.#ended.has(named)) {
        return { message: `${command}: no subscription ${shown(named)} on this connection` };
      }
      held = subscription?.find(id);
    } else if (version === '1.0') held ??= this.#findInAny(id);
    if (held !== undefined) return held;
    const messageId = version === '1.2' ? id.replace(/\.\d{1,16}$/, '') : id;
    if (this.#given.has(messageId)) return 'settled';
    return {
      message: `${command}: unknown message: this session was never given ${name} ${shown(id)}`,
      hint: 'A message can be settled only by the session that it was delivered to.',
    };
  }

  /** 1.0 has one id for a message that came for two subscriptions: the first ACK is of the first, the second of the other. */
  #findInAny(messageId: string): Held | undefined {
    for (const subscription of this.#byId.values()) {
      const held = subscription.find(messageId);
      if (held !== undefined) return held;
    }
    return undefined;
  }
}
