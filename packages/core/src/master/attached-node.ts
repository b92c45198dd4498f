import type { QueueConsumer, Receiver } from '../dispatch/queue-consumer.ts';
import type { StreamView } from '../state/stream.ts';
import type { RefusedSessions } from '../stream/refused-sessions.ts';
import type { ConsumerKey, MasterMessage } from '../stream/messages.ts';

/** What a mastership knows of one epoch of a node: made when it attaches first, kept while the node is away, gone when the stream lapses. */
export class AttachedNode implements Receiver {
  readonly node: string;
  readonly epoch: number;
  attached = false;
  /** Of the last command that was proposed, and is over or under way. */
  number: number;
  /** In the state or on the way there. */
  readonly refused: RefusedSessions;
  readonly consumers: Map<ConsumerKey, QueueConsumer> = new Map();
  /** Queues with consumers of the node, and how many. */
  readonly queues: Map<string, number> = new Map();
  /** Marks under way, by queue: how many, and what the last one says. */
  readonly marksUnderWay: Map<string, { count: number; on: boolean }> = new Map();
  /** Of its last topic message that was passed on. */
  published = 0;
  /** It is to be told so. */
  tellPublished = false;
  #consumers: ConsumerKey[] = [];
  #positions: number[] = [];
  #sizes: number[] = [];
  #counts: number[] = [];

  /** All that was proposed of the stream has been applied. */
  constructor({ node, epoch, number, refused }: StreamView) {
    this.node = node;
    this.epoch = epoch;
    this.number = number;
    this.refused = new Map(refused);
  }

  add(consumer: QueueConsumer): void {
    this.consumers.set(consumer.key, consumer);
    const { name } = consumer.queue.queue;
    this.queues.set(name, (this.queues.get(name) ?? 0) + 1);
  }

  /** Returns true when it was the node's last consumer of the queue. */
  remove(consumer: QueueConsumer): boolean {
    this.consumers.delete(consumer.key);
    const { name } = consumer.queue.queue;
    const left = (this.queues.get(name) ?? 1) - 1;
    if (left > 0) this.queues.set(name, left);
    else this.queues.delete(name);
    return left === 0;
  }

  deliver(consumer: ConsumerKey, position: number, size: number, counts: number): void {
    this.#consumers.push(consumer);
    this.#positions.push(position);
    this.#sizes.push(size);
    this.#counts.push(counts);
  }

  /** Ends the turn: what was gathered goes to `messages`. */
  gather(applied: number, messages: MasterMessage[]): void {
    if (this.#positions.length > 0) {
      const consumers = this.#consumers;
      const positions = this.#positions;
      messages.push({ type: 'deliver', applied, consumers, positions, sizes: this.#sizes, counts: this.#counts });
      this.#clear();
    }
    if (this.tellPublished) messages.push({ type: 'published', number: this.published });
    this.tellPublished = false;
  }

  /** It is away: what was gathered for it does not get there. It stays the node's until that says otherwise. */
  leave(): void {
    this.attached = false;
    this.tellPublished = false;
    this.#clear();
    for (const consumer of this.consumers.values()) consumer.queue.serve(consumer, false);
  }

  #clear(): void {
    this.#consumers = [];
    this.#positions = [];
    this.#sizes = [];
    this.#counts = [];
  }
}
