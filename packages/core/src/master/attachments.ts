import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { QueueConsumer } from '../dispatch/queue-consumer.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { StreamView } from '../state/stream.ts';
import type { AttachedConsumer, ConsumerKey, ConsumerWish, NodeMessage } from '../stream/messages.ts';
import type { StreamRules } from '../stream/stream-rules.ts';
import { AttachedNode } from './attached-node.ts';
import type { Marks } from './marks.ts';

type Attach = Extract<NodeMessage, { type: 'attach' }>;

/** The marks do not change while their node is away: a lapse makes others. */
type Awaited = Pick<StreamView, 'node' | 'marks'>;

/** Which nodes take part in a mastership with which consumers, and which have not spoken yet. */
export class Attachments {
  readonly #rules: StreamRules;
  readonly #dispatcher: Dispatcher;
  readonly #marks: Marks;
  readonly #ends = new Map<number, AttachedNode>();
  /** Streams whose nodes may hold messages of which this mastership has not heard, by epoch, as the state had them when it began. */
  readonly #awaited = new Map<number, Awaited>();

  constructor(state: ReplicatedState, rules: StreamRules, dispatcher: Dispatcher, marks: Marks) {
    this.#rules = rules;
    this.#dispatcher = dispatcher;
    this.#marks = marks;
    for (const { node, epoch, marks: queues } of state.streams.values()) {
      if (queues.size > 0) this.#awaited.set(epoch, { node, marks: queues });
    }
  }

  get awaited(): readonly string[] {
    return [...this.#awaited.values()].map(({ node }) => node);
  }

  /** Those of them for which the queue waits. */
  awaitedFor(queue: string): readonly string[] {
    return [...this.#awaited.values()].filter(({ marks }) => marks.has(queue)).map(({ node }) => node);
  }

  end(epoch: number): AttachedNode | undefined {
    return this.#ends.get(epoch);
  }

  mayStart(queue: string): boolean {
    if (this.#awaited.size === 0) return true;
    let marked = false;
    for (const { marks } of this.#awaited.values()) marked ||= marks.has(queue);
    return this.#rules.mayStart(marked);
  }

  /** The node's consumers are those of the message from now on; `lapsed`: none of what it names as held was taken. */
  attach(
    stream: StreamView,
    { attachedAt, consumers }: Attach,
  ): { readonly end: AttachedNode; readonly lapsed: boolean } {
    const { epoch } = stream;
    const known = this.#ends.get(epoch);
    const end = known ?? new AttachedNode(stream);
    this.#ends.set(epoch, end);
    end.attached = true;
    const lapsed = !this.#rules.takesHeld(attachedAt, stream.lapsedAt);
    const named = new Set(consumers.map(({ consumer }) => consumer));
    for (const key of [...end.consumers.keys()]) if (!named.has(key)) this.unsubscribe(end, key);
    for (const consumer of consumers) this.#resume(end, consumer, lapsed);
    for (const queue of stream.marks) if (!end.queues.has(queue)) this.#marks.check(end, queue);
    this.#spoken(epoch);
    return { end, lapsed };
  }

  subscribe(end: AttachedNode, wish: ConsumerWish): void {
    if (!end.consumers.has(wish.consumer)) this.#serveIfMarked(end, this.#add(end, wish));
  }

  unsubscribe(end: AttachedNode, key: ConsumerKey): void {
    const consumer = end.consumers.get(key);
    if (consumer === undefined) return;
    this.#dispatcher.unsubscribe(consumer);
    if (end.remove(consumer)) this.#marks.check(end, consumer.queue.queue.name);
  }

  /** See `QueueDispatch.release`. */
  release(end: AttachedNode, key: ConsumerKey, positions: readonly number[]): void {
    const consumer = end.consumers.get(key);
    consumer?.queue.release(consumer, positions);
  }

  /** See `QueueDispatch.undeliverable`. */
  undeliverable(end: AttachedNode, key: ConsumerKey, position: number, size: number): void {
    const consumer = end.consumers.get(key);
    consumer?.queue.undeliverable(consumer, position, size);
  }

  /** A mark of the node has been applied. */
  marked(end: AttachedNode, queue: string): void {
    this.#marks.applied(end, queue);
    if (!end.attached || !this.#marks.isOn(end, queue)) return;
    for (const consumer of this.#dispatcher.consumersOf(queue)) {
      if (consumer.receiver === end) consumer.queue.serve(consumer, true);
    }
  }

  /** What the stream's node held is ready again. Returns what was known of the node. */
  lapsed(epoch: number): AttachedNode | undefined {
    const end = this.#ends.get(epoch);
    if (end !== undefined) {
      this.#ends.delete(epoch);
      this.#marks.forget(end);
      end.leave();
      for (const consumer of end.consumers.values()) this.#dispatcher.unsubscribe(consumer);
    }
    this.#spoken(epoch);
    return end;
  }

  #resume(end: AttachedNode, { held, ...wish }: AttachedConsumer, lapsed: boolean): void {
    const consumer = end.consumers.get(wish.consumer) ?? this.#add(end, wish);
    consumer.queue.holdExactly(consumer, lapsed ? [] : held);
    consumer.closing = wish.prefetchMessages === 0;
    this.#serveIfMarked(end, consumer);
  }

  #add(end: AttachedNode, wish: ConsumerWish): QueueConsumer {
    const consumer = this.#dispatcher.subscribe(end, wish);
    end.add(consumer);
    return consumer;
  }

  #serveIfMarked(end: AttachedNode, consumer: QueueConsumer): void {
    const { name } = consumer.queue.queue;
    if (this.#marks.isOn(end, name)) consumer.queue.serve(consumer, true);
    else this.#marks.check(end, name);
  }

  /** What the node of that stream held is known. */
  #spoken(epoch: number): void {
    const awaited = this.#awaited.get(epoch);
    if (awaited === undefined) return;
    this.#awaited.delete(epoch);
    for (const queue of awaited.marks) this.#dispatcher.started(queue);
  }
}
