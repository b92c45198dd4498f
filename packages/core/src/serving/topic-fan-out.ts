import type { SessionId } from '@lockstep/kernel';
import type { BrokerEffect, Message } from '../effects.ts';
import type { SubscriptionFacts, TopicStatus } from '../status.ts';
import type { TopicInterest } from '../stream/messages.ts';
import { TopicConsumer } from './topic-consumer.ts';
import type { TopicWish } from './topic-consumer.ts';

/** With so many streams remembered, those that are open no more are forgotten. */
const epochsKept = 64;

/** Topic subscriptions of this node's sessions: each message comes here once, and goes to all of them. */
export class TopicFanOut {
  readonly #topics = new Map<string, Set<TopicConsumer>>();
  #awake: TopicConsumer[] = [];
  /** Had more than their windows let through when they were last served. */
  readonly #behind: TopicConsumer[] = [];
  /** The highest number that has come, by the epoch of its stream. */
  readonly #had = new Map<number, number>();

  /** `after`: the node's last own message that is not for it. */
  subscribe(session: SessionId, wish: TopicWish, after: number): TopicConsumer {
    const { destination } = wish;
    const consumer = new TopicConsumer(session, wish, after);
    const consumers = this.#topics.get(destination);
    if (consumers === undefined) this.#topics.set(destination, new Set([consumer]));
    else consumers.add(consumer);
    return consumer;
  }

  unsubscribe(consumer: TopicConsumer): void {
    consumer.gone = true;
    const consumers = this.#topics.get(consumer.destination);
    consumers?.delete(consumer);
    if (consumers?.size === 0) this.#topics.delete(consumer.destination);
  }

  interestIn(topic: string): TopicInterest {
    return { topic, consumers: this.#topics.get(topic)?.size ?? 0 };
  }

  interests(): readonly TopicInterest[] {
    return [...this.#topics.keys()].map((topic) => this.interestIn(topic));
  }

  /** The message of that stream and number comes for the first time. A master that is new may pass on what the last one has. */
  isNew(epoch: number, number: number, isOpen: (epoch: number) => boolean): boolean {
    const had = this.#had.get(epoch);
    if (had !== undefined && number <= had) return false;
    if (had === undefined && this.#had.size >= epochsKept) {
      for (const old of this.#had.keys()) if (!isOpen(old)) this.#had.delete(old);
    }
    this.#had.set(epoch, number);
    return true;
  }

  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  /** `ownNumber`: in the series of this node; Infinity for one of another node. */
  publish(message: Message, ownNumber: number): void {
    for (const consumer of this.#topics.get(message.destination) ?? []) {
      if (ownNumber <= consumer.after) continue;
      consumer.publish(message);
      this.wake(consumer);
    }
  }

  /** Its window may have room for what waits. */
  wake(consumer: TopicConsumer): void {
    if (consumer.awake) return;
    consumer.awake = true;
    this.#awake.push(consumer);
  }

  /** Fills the windows of all who wait. */
  dispatch(effects: BrokerEffect[]): void {
    if (this.#awake.length === 0) return;
    const consumers = this.#awake;
    this.#awake = [];
    for (const consumer of consumers) {
      consumer.awake = false;
      if (consumer.gone) continue;
      consumer.dispatch(effects);
      if (consumer.backlogMessages > 0) this.#behind.push(consumer);
    }
  }

  /** Those with more than so many bytes waiting, of those that have got something since this was last asked. */
  takeSlow(backlogBytesMax: number): readonly TopicConsumer[] {
    if (this.#behind.length === 0) return this.#behind;
    return this.#behind.splice(0).filter((consumer) => !consumer.gone && consumer.backlogBytes > backlogBytesMax);
  }

  /** All subscriptions are over. */
  clear(): void {
    for (const consumers of this.#topics.values()) for (const consumer of consumers) consumer.gone = true;
    this.#topics.clear();
  }

  facts(topic: string): readonly SubscriptionFacts[] {
    return [...(this.#topics.get(topic) ?? [])].map((consumer) => {
      const { session, subscription, unsettled, backlogMessages: waitingMessages, backlogBytes } = consumer;
      return { session, subscription, consumer: null, unsettled, waitingMessages, waitingBytes: backlogBytes };
    });
  }

  statuses(): readonly TopicStatus[] {
    return [...this.#topics].map(([name, consumers]) => {
      let waitingMessages = 0;
      let waitingBytes = 0;
      for (const { backlogMessages, backlogBytes } of consumers) {
        waitingMessages += backlogMessages;
        waitingBytes += backlogBytes;
      }
      return { name, consumers: consumers.size, waitingMessages, waitingBytes };
    });
  }
}
