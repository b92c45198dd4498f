import type { SessionId } from '@lockstep/kernel';
import type { BrokerEffect, Message, StoredDelivery } from '../effects.ts';
import { outcomeCode } from '../commands/format.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import { QueueConsumer } from './queue-consumer.ts';
import { QueueDispatch } from './queue-dispatch.ts';
import type { DispatchContext } from './queue-dispatch.ts';
import { TopicConsumer } from './topic-consumer.ts';

/** A consumer and where it gets its messages from. */
export type Subscription =
  | { readonly kind: 'queue'; readonly consumer: QueueConsumer; readonly queue: QueueDispatch }
  | { readonly kind: 'topic'; readonly consumer: TopicConsumer };

/** What was asked for, of a subscription. */
export interface SubscriptionWish {
  readonly subscription: number;
  readonly destination: string;
  readonly prefetchMessages: number;
  readonly prefetchBytes: number;
}

/** Gives messages to consumers: lives on the master alone, for as long as its mastership, and writes nothing down. */
export class Dispatcher implements DispatchContext {
  readonly #state: ReplicatedState;
  readonly #queues = new Map<string, QueueDispatch>();
  readonly #topics = new Map<string, Set<TopicConsumer>>();
  readonly #consumers = new Map<number, QueueConsumer>();
  #awakeQueues: QueueDispatch[] = [];
  #awakeTopics: TopicConsumer[] = [];
  /** Had more than their windows let through when they were last served. */
  readonly #behind: TopicConsumer[] = [];
  #settling: QueueDispatch[] = [];
  #consumerNumber = 0;
  #handout = 0;
  readonly opening: number;

  /** `opening`: where this mastership begins in the log; what is in the state now has a lower position. */
  constructor(state: ReplicatedState) {
    this.#state = state;
    state.beginMastershipEra();
    this.opening = state.applied + 1;
  }

  /** Nobody listens to the queues any more. Who held what is forgotten when the next one begins. */
  close(): void {
    for (const { queue } of this.#queues.values()) queue.listener = null;
  }

  subscribe(session: SessionId, wish: SubscriptionWish): Subscription {
    const { subscription, destination, prefetchMessages, prefetchBytes } = wish;
    if (destination.startsWith('/topic/')) {
      const consumer = new TopicConsumer(session, subscription, destination, prefetchMessages, prefetchBytes);
      const consumers = this.#topics.get(destination);
      if (consumers === undefined) this.#topics.set(destination, new Set([consumer]));
      else consumers.add(consumer);
      return { kind: 'topic', consumer };
    }
    const consumer = new QueueConsumer(session, subscription, ++this.#consumerNumber, prefetchMessages, prefetchBytes);
    this.#consumers.set(consumer.mark, consumer);
    const queue = this.#queueDispatch(destination);
    queue.add(consumer);
    return { kind: 'queue', consumer, queue };
  }

  /** What a queue's consumer held is ready again. `lost`: a delivery is counted for the message given to it longest ago. */
  unsubscribe(subscription: Subscription, lost: boolean): void {
    if (subscription.kind === 'queue') {
      const { consumer, queue } = subscription;
      this.#consumers.delete(consumer.mark);
      queue.remove(consumer, lost, outcomeCode.requeue);
      return;
    }
    const { consumer } = subscription;
    consumer.gone = true;
    const consumers = this.#topics.get(consumer.destination);
    consumers?.delete(consumer);
    if (consumers?.size === 0) this.#topics.delete(consumer.destination);
  }

  /** See `QueueDispatch.undeliverable`. The subscription may be gone meanwhile. */
  undeliverable(subscription: Subscription | undefined, { destination, position, size }: StoredDelivery): boolean {
    if (subscription?.kind === 'queue') return subscription.queue.undeliverable(subscription.consumer, position, size);
    return this.#state.queues.get(destination)?.list.find(position) === true;
  }

  hasSubscribers(topic: string): boolean {
    return this.#topics.has(topic);
  }

  publish(topic: string, message: Message): void {
    for (const consumer of this.#topics.get(topic) ?? []) {
      consumer.publish(message);
      this.wakeTopic(consumer);
    }
  }

  wakeTopic(consumer: TopicConsumer): void {
    if (consumer.awake) return;
    consumer.awake = true;
    this.#awakeTopics.push(consumer);
  }

  /** Fills the windows of all who wait. */
  dispatch(effects: BrokerEffect[]): void {
    const queues = this.#awakeQueues;
    if (queues.length > 0) {
      this.#awakeQueues = [];
      for (const queue of queues) {
        queue.dispatch(effects);
        queue.awake = false;
      }
    }
    const topics = this.#awakeTopics;
    if (topics.length > 0) {
      this.#awakeTopics = [];
      for (const consumer of topics) {
        consumer.awake = false;
        if (!consumer.gone) consumer.dispatch(effects);
        if (consumer.backlogMessages > 0) this.#behind.push(consumer);
      }
    }
  }

  /** Topic consumers with more than so many bytes waiting, of those that have got something since this was last asked. */
  slowConsumers(backlogBytesMax: number): readonly TopicConsumer[] {
    if (this.#behind.length === 0 && this.#awakeTopics.length === 0) return this.#behind;
    const slow = [...this.#behind, ...this.#awakeTopics].filter(
      (consumer) => !consumer.gone && consumer.backlogBytes > backlogBytesMax,
    );
    this.#behind.length = 0;
    return slow;
  }

  /** The queues with settlements to propose. Whoever has proposed them calls `settlementsProposed`. */
  get settling(): readonly QueueDispatch[] {
    return this.#settling;
  }

  settlementsProposed(): void {
    const queues = this.#settling;
    this.#settling = [];
    for (const queue of queues) {
      queue.isSettling = false;
      for (const positions of queue.toSettle) positions.length = 0;
    }
  }

  consumers(destination: string): { readonly consumers: number; readonly out: number } {
    const queue = this.#queues.get(destination);
    return { consumers: queue?.consumers.size ?? 0, out: queue?.out ?? 0 };
  }

  get topics(): ReadonlyMap<string, ReadonlySet<TopicConsumer>> {
    return this.#topics;
  }

  nextHandout(): number {
    // 0 means never; after four thousand million hand-outs it begins anew, and by then an equal number is long gone.
    this.#handout = this.#handout === 0xffff_ffff ? 1 : this.#handout + 1;
    return this.#handout;
  }

  consumer(mark: number): QueueConsumer | undefined {
    return this.#consumers.get(mark);
  }

  wake(queue: QueueDispatch): void {
    if (queue.awake) return;
    queue.awake = true;
    this.#awakeQueues.push(queue);
  }

  markSettling(queue: QueueDispatch): void {
    if (queue.isSettling) return;
    queue.isSettling = true;
    this.#settling.push(queue);
  }

  #queueDispatch(destination: string): QueueDispatch {
    const known = this.#queues.get(destination);
    if (known !== undefined) return known;
    const queue = new QueueDispatch(this.#state.queue(destination), this);
    queue.queue.listener = queue;
    this.#queues.set(destination, queue);
    return queue;
  }

  /** Without consumers, and with nothing held or under way, there is nothing to remember but the order of the positions. */
  idle(queue: QueueDispatch): void {
    queue.queue.listener = null;
    this.#queues.delete(queue.queue.name);
  }
}
