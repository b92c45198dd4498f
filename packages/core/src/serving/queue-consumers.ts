import { outcomeCode } from '../commands/format.ts';
import type { Outcome } from '../commands/format.ts';
import type { BrokerEffect, StoredDelivery } from '../effects.ts';
import type { Settlement } from '../requests.ts';
import type { QueueMessages } from '../state/queue-messages.ts';
import type { SubscriptionFacts } from '../status.ts';
import type { AttachedConsumer, ConsumerKey, MasterMessage } from '../stream/messages.ts';
import type { NodeOutbox } from './node-outbox.ts';
import { QueueConsumer } from './queue-consumer.ts';
import type { OutstandingGroup } from './queue-consumer.ts';
import type { ServingSession } from './serving-session.ts';

/** Bounds that keep a settle command far below 1 MiB, however scattered the positions are. */
const settlePositionsMax = 40_000;

const outcomes = Object.entries(outcomeCode) as [Outcome, (typeof outcomeCode)[Outcome]][];

/** What of the replicated state the consumers look at. */
export interface ServedQueues {
  readonly queues: ReadonlyMap<string, { readonly list: QueueMessages }>;
}

/** Subscriptions to queues of this node's sessions, with what their clients hold; those that are over as well, until their last settlements are. */
export class QueueConsumers {
  readonly #outbox: NodeOutbox;
  readonly #holdsSettling: (settling: boolean) => boolean;
  readonly #byKey = new Map<ConsumerKey, QueueConsumer>();
  /** With settlements of this turn. */
  #gathering: QueueConsumer[] = [];
  /** Over since the last `flush`: the master is told behind the settlements. */
  #leaving: QueueConsumer[] = [];
  #lastKey = 0;
  /** While the master has not taken the attachment: what it names as held although the settlement turned out to be over. */
  #overSince:
    | { readonly number: number; readonly consumer: ConsumerKey; readonly positions: readonly number[] }[]
    | null = null;

  /** `holdsSettling`: `StreamRules.heldForAttach`. */
  constructor(outbox: NodeOutbox, holdsSettling: (settling: boolean) => boolean) {
    this.#outbox = outbox;
    this.#holdsSettling = holdsSettling;
  }

  add(session: ServingSession, wish: Omit<AttachedConsumer, 'consumer' | 'held'>, subscription: number): QueueConsumer {
    const { destination, prefetchMessages, prefetchBytes, attributes } = wish;
    const key = ++this.#lastKey;
    const consumer = new QueueConsumer(key, session, subscription, wish);
    this.#byKey.set(key, consumer);
    this.#outbox.send({ type: 'subscribe', consumer: key, destination, prefetchMessages, prefetchBytes, attributes });
    return consumer;
  }

  get(key: ConsumerKey): QueueConsumer | undefined {
    return this.#byKey.get(key);
  }

  remove(key: ConsumerKey): void {
    this.#byKey.delete(key);
  }

  clear(): void {
    this.#byKey.clear();
    this.#gathering = [];
    this.#leaving = [];
    this.#overSince = null;
  }

  /** The client settles; returns how many of the messages it held. */
  settle(consumer: QueueConsumer, { outcome, tags }: Settlement): number {
    let settled = 0;
    for (const tag of tags) if (consumer.settle(tag, outcomeCode[outcome])) settled++;
    if (settled > 0) this.#gathers(consumer);
    return settled;
  }

  /**
   * The subscription is over: what its client holds goes back. `lost`: without a word, so that the message that it held longest counts a delivery.
   * Where a transaction has to end first, `settled` does the rest.
   */
  end(consumer: QueueConsumer, how: 'clean' | 'lost', queues: ServedQueues): void {
    consumer.open = false;
    if (consumer.isInTransaction) {
      consumer.ending = how;
      return;
    }
    consumer.ending = null;
    const list = queues.queues.get(consumer.destination)?.list;
    let lost = how === 'lost';
    for (const position of consumer.drain()) {
      if (list === undefined || !list.find(position)) continue;
      consumer.giveBack(position, lost ? outcomeCode.requeue : outcomeCode.return);
      this.#gathers(consumer);
      lost = false;
    }
    consumer.left = true;
    this.#leaving.push(consumer);
  }

  /** The settlements of this turn, as groups that are outstanding from now on; null: there are none, or none any more. */
  takeGathered(): readonly OutstandingGroup[] | null {
    if (this.#gathering.length === 0) return null;
    const groups: OutstandingGroup[] = [];
    let room = settlePositionsMax;
    while (this.#gathering.length > 0) {
      const consumer = this.#gathering[this.#gathering.length - 1]!;
      for (const [name, code] of outcomes) {
        const group = consumer.takeGathered(code, name, room);
        if (group === null) continue;
        groups.push(group);
        room -= group.positions.length;
        if (room === 0) return groups;
      }
      consumer.gatheredAll();
      this.#gathering.pop();
    }
    return groups.length === 0 ? null : groups;
  }

  /** The settlements of the subscriptions that are over have been sent: so the master is told. */
  tellLeft(): void {
    if (this.#leaving.length === 0) return;
    for (const { key } of this.#leaving) this.#outbox.send({ type: 'unsubscribe', consumer: key });
    this.#leaving = [];
  }

  /**
   * The settlements of that number are over; `accepted` false: they were not carried out, and the client holds the messages as before.
   */
  settled(number: number, groups: readonly OutstandingGroup[], accepted: boolean, queues: ServedQueues): void {
    for (const group of groups) {
      const consumer = this.#byKey.get(group.consumer);
      if (consumer === undefined) continue;
      consumer.settledGroup(group);
      const removes = group.outcome === 'ack' || group.outcome === 'discard';
      if (accepted && !removes) this.#overSince?.push({ number, consumer: group.consumer, positions: group.positions });
      if (!accepted) consumer.putBack(group.positions, group.late);
      if (consumer.ending !== null) this.end(consumer, consumer.ending, queues);
      this.#forget(consumer);
    }
  }

  /** The master knows that the consumer is over. */
  unsubscribed(consumer: QueueConsumer): void {
    consumer.forgotten = true;
    this.#forget(consumer);
  }

  /** The master has taken the attachment, and does not take again what had a number up to `through`. */
  taken(through: number): void {
    for (const { number, consumer, positions } of this.#overSince ?? []) {
      if (number <= through) this.#outbox.send({ type: 'release', consumer, positions });
    }
    this.#overSince = null;
  }

  /** What the clients held was given back elsewhere. */
  lapse(): void {
    for (const consumer of this.#byKey.values()) consumer.lapse();
  }

  /**
   * For an attachment: all that has a client, or settlements under way. What has neither any more is forgotten; `forgotten` is told of it.
   * Settlements have been gathered before.
   */
  attached(queues: ServedQueues, forgotten: (consumer: QueueConsumer) => void): readonly AttachedConsumer[] {
    this.#leaving = [];
    this.#overSince = [];
    const listed: AttachedConsumer[] = [];
    for (const consumer of this.#byKey.values()) {
      const { key, left, destination, prefetchMessages, prefetchBytes, attributes, outstanding } = consumer;
      if (left && outstanding.length === 0) {
        this.#byKey.delete(key);
        forgotten(consumer);
        continue;
      }
      consumer.forgotten = false;
      consumer.voidUnwritten();
      const held = this.#held(consumer, queues);
      const wish = { destination, prefetchMessages: left ? 0 : prefetchMessages, prefetchBytes, attributes };
      listed.push({ consumer: key, ...wish, held });
      if (left) this.#leaving.push(consumer);
    }
    return listed;
  }

  /** References that the master hands out: effects for those whose subscription is open and whose message is live. */
  deliver(
    { consumers, positions, sizes, counts }: Extract<MasterMessage, { type: 'deliver' }>,
    queues: ServedQueues,
    attachment: number,
    effects: BrokerEffect[],
  ): void {
    let consumer: QueueConsumer | undefined;
    let list: QueueMessages | undefined;
    for (const [i, key] of consumers.entries()) {
      if (consumer?.key !== key) {
        consumer = this.#byKey.get(key);
        list = consumer === undefined ? undefined : queues.queues.get(consumer.destination)?.list;
      }
      if (consumer === undefined || !consumer.open) continue;
      const position = positions[i]! as StoredDelivery['position'];
      const size = sizes[i]!;
      const count = counts[i]!;
      if (list === undefined || !list.find(position)) {
        this.#outbox.send({ type: 'undeliverable', consumer: key, position, size });
        continue;
      }
      const comesLate = consumer.comesLate(list.priority, position);
      effects.push({
        type: 'deliverStored',
        session: consumer.session.id,
        subscription: consumer.subscription,
        consumer: key,
        attachment,
        position,
        destination: consumer.destination,
        size,
        priority: list.priority,
        deadLetter: list.deadLetter,
        redelivered: comesLate || count % 2 === 1,
        deliveryCount: count >>> 1,
      });
    }
  }

  /** Those of that queue whose clients still want messages. */
  facts(queue: string): readonly SubscriptionFacts[] {
    const facts: SubscriptionFacts[] = [];
    for (const { destination, open, key, session, subscription, written } of this.#byKey.values()) {
      if (destination !== queue || !open) continue;
      const waiting = { waitingMessages: 0, waitingBytes: 0 };
      facts.push({ session: session.id, subscription, consumer: key, unsettled: written.length, ...waiting });
    }
    return facts;
  }

  #held(consumer: QueueConsumer, { queues }: ServedQueues): number[] {
    const list = queues.get(consumer.destination)?.list;
    if (list === undefined) return [];
    const held = this.#holdsSettling(false) ? consumer.written.filter((position) => list.find(position)) : [];
    if (!this.#holdsSettling(true)) return held;
    for (const { positions, late } of consumer.outstanding) {
      for (const position of positions) if (list.find(position) && !late.includes(position)) held.push(position);
    }
    return held;
  }

  #gathers(consumer: QueueConsumer): void {
    if (consumer.gathering) return;
    consumer.gathering = true;
    this.#gathering.push(consumer);
  }

  #forget({ key, left, forgotten, outstanding, gathering }: QueueConsumer): void {
    if (left && forgotten && outstanding.length === 0 && !gathering) this.#byKey.delete(key);
  }
}
