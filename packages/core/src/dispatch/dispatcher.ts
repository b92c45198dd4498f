import type { QueueMessages } from '../state/queue-messages.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { ConsumerWish } from '../stream/messages.ts';
import type { DispatchFacts, HolderFacts } from '../status.ts';
import { dispatchFacts, holderFacts } from './dispatch-facts.ts';
import { HandoutTimes } from './handout-times.ts';
import { QueueConsumer } from './queue-consumer.ts';
import type { Receiver } from './queue-consumer.ts';
import { firstMark, QueueDispatch } from './queue-dispatch.ts';
import type { DispatchContext } from './queue-dispatch.ts';

/** What the mastership knows beyond its own queues. */
export interface DispatchLimits {
  mayStart(queue: string): boolean;
  takesLate(heldByAnother: boolean): boolean;
}

/** Gives messages to consumers, whichever node they are on: lives on the master alone, for as long as its mastership, and writes nothing down. */
export class Dispatcher implements DispatchContext {
  readonly #state: ReplicatedState;
  readonly #limits: DispatchLimits;
  readonly #queues = new Map<string, QueueDispatch>();
  readonly #consumers = new Map<number, QueueConsumer>();
  #awakeQueues: QueueDispatch[] = [];
  #mark = firstMark;
  #handout = 0;
  readonly #times = new HandoutTimes();

  constructor(state: ReplicatedState, limits: DispatchLimits) {
    this.#state = state;
    this.#limits = limits;
    state.beginMastershipEra();
  }

  /** Nobody listens to the queues any more. Who held what is forgotten when the next one begins. */
  close(): void {
    for (const { queue } of this.#queues.values()) queue.listener = null;
  }

  /** Adds a consumer, which gets nothing before `QueueDispatch.serve`. */
  subscribe(receiver: Receiver, wish: ConsumerWish): QueueConsumer {
    const queue = this.#queueDispatch(wish.destination);
    const consumer = new QueueConsumer(wish.consumer, receiver, queue, this.#mark, wish);
    this.#mark += 2;
    this.#consumers.set(consumer.mark, consumer);
    queue.add(consumer);
    return consumer;
  }

  /** What the consumer held is ready again. */
  unsubscribe(consumer: QueueConsumer): void {
    this.#consumers.delete(consumer.mark);
    consumer.queue.remove(consumer);
  }

  /** See `QueueDispatch.beginSettling`. */
  beginSettling(consumer: QueueConsumer | null, destination: string, position: number): boolean {
    if (consumer !== null && consumer.queue.queue.name === destination) {
      return consumer.queue.beginSettling(consumer, position);
    }
    if (this.#state.queues.get(destination)?.list.find(position) !== true) return false;
    return this.#queueDispatch(destination).beginSettling(null, position);
  }

  undoSettling(destination: string, position: number): void {
    this.#queues.get(destination)?.undoSettling(position);
  }

  /** Fills the windows of all who wait. */
  dispatch(): void {
    const queues = this.#awakeQueues;
    if (queues.length === 0) return;
    this.#awakeQueues = [];
    for (const queue of queues) {
      queue.dispatch();
      queue.awake = false;
    }
  }

  consumersOf(destination: string): Iterable<QueueConsumer> {
    return this.#queues.get(destination)?.consumers ?? [];
  }

  /** How many consumers that queue has, also of nodes that are away; and messages that are with them, or whose settlement is under way. */
  consumers(destination: string): { readonly consumers: number; readonly out: number } {
    const queue = this.#queues.get(destination);
    return { consumers: queue?.consumers.size ?? 0, out: queue?.out ?? 0 };
  }

  /** What is handed out from now on is so at that time or later: for `facts`. */
  note(nowMs: number): void {
    this.#times.note(this.#handout + 1, nowMs);
  }

  /** What is known of that queue. */
  facts(destination: string, depth: number): Omit<DispatchFacts, 'awaited' | 'sinceMs'> {
    return dispatchFacts(this.#queues.get(destination), depth, (handout) => this.#times.timeOf(handout));
  }

  /** Who has the message that the queue's list has just found. */
  holder(list: QueueMessages): HolderFacts {
    return holderFacts(list, this, (handout) => this.#times.timeOf(handout));
  }

  /** The queue may be handed out from now on. */
  started(destination: string): void {
    const queue = this.#queues.get(destination);
    if (queue !== undefined) this.wake(queue);
  }

  nextHandout(): number {
    // 0 means never; after four thousand million hand-outs it begins anew, and by then an equal number is long gone.
    this.#handout = this.#handout === 0xffff_ffff ? 1 : this.#handout + 1;
    return this.#handout;
  }

  consumer(mark: number): QueueConsumer | undefined {
    return this.#consumers.get(mark);
  }

  mayStart(queue: string): boolean {
    return this.#limits.mayStart(queue);
  }

  takesLate(heldByAnother: boolean): boolean {
    return this.#limits.takesLate(heldByAnother);
  }

  wake(queue: QueueDispatch): void {
    if (queue.awake) return;
    queue.awake = true;
    this.#awakeQueues.push(queue);
  }

  /** Without consumers, and with nothing held or under way, there is nothing to remember but the order of the positions. */
  idle(queue: QueueDispatch): void {
    queue.queue.listener = null;
    this.#queues.delete(queue.queue.name);
  }

  #queueDispatch(destination: string): QueueDispatch {
    const known = this.#queues.get(destination);
    if (known !== undefined) return known;
    const queue = new QueueDispatch(this.#state.queue(destination), this);
    queue.queue.listener = queue;
    this.#queues.set(destination, queue);
    return queue;
  }
}
