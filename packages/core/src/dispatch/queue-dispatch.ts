import type { Queue, QueueListener } from '../state/queue.ts';
import { Fifo } from './fifo.ts';
import { PositionHeap } from './position-heap.ts';
import type { QueueConsumer } from './queue-consumer.ts';

/** In `MessageList.holder`: nobody has it, and nobody is to get it. No consumer's mark. */
export const setAside = 1;
/** In `MessageList.holder`: the settlement of one who does not hold it is on its way through the log. One more than no consumer's mark. */
const settledLate = 3;
/** Consumers' marks begin here. */
export const firstMark = 4;

/** What the queues of one mastership share. */
export interface DispatchContext {
  /** Numbers the hand-outs. */
  nextHandout(): number;
  consumer(mark: number): QueueConsumer | undefined;
  /** No node may hold messages of the queue that this mastership has not heard of. */
  mayStart(queue: string): boolean;
  /** What a consumer settles without holding it counts, though another holds it, or may. */
  takesLate(heldByAnother: boolean): boolean;
  /** The queue may have something to hand out. */
  wake(queue: QueueDispatch): void;
  /** The queue has no consumers, and nothing is held or under way. */
  idle(queue: QueueDispatch): void;
}

/**
 * Hands out one queue's messages, always the one with the lowest position that nobody holds: what comes back goes to its old place.
 * Messages below `#next` are held, or on their way to be settled, or in `#returned`.
 */
export class QueueDispatch implements QueueListener {
  readonly queue: Queue;
  readonly #context: DispatchContext;
  readonly #returned = new PositionHeap();
  readonly #line = new Fifo<QueueConsumer>();
  readonly consumers: Set<QueueConsumer> = new Set();
  #next = 0;
  #out = 0;
  #setAside = 0;
  /** Kept by the dispatcher: it stands in the list of queues with work. */
  awake = false;

  constructor(queue: Queue, context: DispatchContext) {
    this.queue = queue;
    this.#context = context;
  }

  /** Messages with consumers, and those whose settlement is under way. */
  get out(): number {
    return this.#out;
  }

  /** Of those, messages that nobody has or gets, since they could not be read. */
  get setAside(): number {
    return this.#setAside;
  }

  get hasWork(): boolean {
    return this.queue.list.length > this.#out && this.#line.size > 0;
  }

  /** From now on the consumer gets what it has room for, or (`served` false) nothing more. What it holds stays its own. */
  serve(consumer: QueueConsumer, served: boolean): void {
    consumer.served = served && !consumer.closing;
    if (consumer.served) this.#joinLine(consumer);
  }

  /** What the consumer holds is ready again, in its old place; what it has settled is on its way. */
  remove(consumer: QueueConsumer): void {
    const { list } = this.queue;
    consumer.gone = true;
    this.consumers.delete(consumer);
    for (const position of consumer.held(list)) if (list.find(position)) this.#ready();
    this.#checkIdle();
  }

  /**
   * The consumer's node says that it holds these, and nothing else. What another holds is not given to it; what it has settled is on its way.
   */
  holdExactly(consumer: QueueConsumer, positions: readonly number[]): void {
    const { list } = this.queue;
    const named = new Set(positions);
    for (const position of consumer.held(list)) {
      if (named.has(position) || !list.find(position)) continue;
      consumer.window.giveBack(list.size);
      this.#ready();
    }
    for (const position of named) {
      if (!list.find(position) || list.holder !== 0) continue;
      consumer.hold(list, this.#context.nextHandout());
      this.#out++;
    }
    this.#joinLine(consumer);
  }

  /** What of these the consumer still holds is ready again. */
  release(consumer: QueueConsumer, positions: readonly number[]): void {
    const { list } = this.queue;
    for (const position of positions) {
      if (!list.find(position) || list.holder !== consumer.mark) continue;
      consumer.window.giveBack(list.size);
      this.#ready();
    }
    this.#joinLine(consumer);
  }

  /**
   * A settlement is to be proposed for a message that this consumer holds, or that nobody does (`consumer` null: it is gone, or was never heard
   * of). False, and nothing done, when another holds it, when its settlement is on its way, or when it is live no more.
   */
  beginSettling(consumer: QueueConsumer | null, position: number): boolean {
    const { list } = this.queue;
    if (consumer?.beginSettling(list, position) === true) {
      if (!consumer.gone) this.#joinLine(consumer);
      return true;
    }
    if (!list.find(position)) return false;
    const free = list.holder === 0;
    // A node that is awaited may say that it is with one of its clients.
    const mayBeHeld = !free || !this.#context.mayStart(this.queue.name);
    if (!this.#context.takesLate(mayBeHeld)) return false;
    if (free) this.#out++;
    list.note(settledLate, list.handout);
    return true;
  }

  /** That settlement was never proposed. */
  undoSettling(position: number): void {
    if (this.queue.list.find(position)) this.kept();
  }

  added(position: number): void {
    if (position < this.#next) this.#returned.push(position);
    if (this.#line.size > 0) this.#context.wake(this);
  }

  /**
   * What the consumer was given could not be brought to it: its window has room again. A message that is still there stays where it is, given to
   * nobody, until the next mastership; it may be readable then.
   */
  undeliverable(consumer: QueueConsumer, position: number, bytes: number): void {
    const { list } = this.queue;
    const isThere = list.find(position);
    if (consumer.gone || (isThere && list.holder !== consumer.mark)) return;
    if (isThere) {
      list.note(setAside, list.handout);
      this.#setAside++;
    }
    consumer.window.giveBack(bytes);
    this.#joinLine(consumer);
  }

  removing(): void {
    const { holder } = this.queue.list;
    if (holder === 0) return;
    if (holder === setAside) this.#setAside--;
    this.#out--;
    this.#checkIdle();
  }

  requeued(): void {
    this.#ready();
    this.#checkIdle();
  }

  kept(): void {
    const { list } = this.queue;
    const mark = list.holder;
    if (mark % 2 === 0 || mark === setAside) return;
    const consumer = this.#context.consumer(mark - 1);
    if (consumer === undefined) {
      this.#ready();
      this.#checkIdle();
    } else consumer.hold(list, this.#context.nextHandout());
  }

  /** Hands out what the consumers have room for. */
  dispatch(): void {
    if (!this.#context.mayStart(this.queue.name)) return;
    const { queue } = this;
    const { list } = queue;
    for (let consumer = this.#firstInLine(); consumer !== undefined; consumer = this.#firstInLine()) {
      if (!this.#findNext()) return;
      const counts = (list.count + 1) * 2 + (queue.foundWasDelivered ? 1 : 0);
      consumer.receiver.deliver(consumer.key, list.position, list.size, counts);
      consumer.hold(list, this.#context.nextHandout());
      this.#out++;
      this.#line.shift();
      consumer.inLine = false;
      this.#joinLine(consumer);
    }
  }

  /** Finds the first message that nobody holds, and counts it as taken. */
  #findNext(): boolean {
    const { list } = this.queue;
    while (this.#returned.size > 0) {
      const position = this.#returned.smallest;
      this.#returned.pop();
      if (list.find(position) && list.holder === 0) return true;
    }
    while (list.findFrom(this.#next)) {
      this.#next = list.position + 1;
      if (list.holder === 0) return true;
    }
    return false;
  }

  /** The first consumer in the line that may get something and has room. */
  #firstInLine(): QueueConsumer | undefined {
    for (let consumer = this.#line.peek(); consumer !== undefined; consumer = this.#line.peek()) {
      if (!consumer.gone && consumer.served && consumer.window.hasRoom) return consumer;
      this.#line.shift();
      consumer.inLine = false;
    }
    return undefined;
  }

  #joinLine(consumer: QueueConsumer): void {
    if (consumer.served && !consumer.inLine && consumer.window.hasRoom) {
      consumer.inLine = true;
      this.#line.push(consumer);
    }
    if (this.hasWork) this.#context.wake(this);
  }

  #checkIdle(): void {
    if (this.consumers.size === 0 && this.#out === 0) this.#context.idle(this);
  }

  /** The message that the list has found has no holder any more. */
  #ready(): void {
    const { list } = this.queue;
    if (list.holder === 0) return;
    if (list.holder === setAside) this.#setAside--;
    list.note(0, list.handout);
    this.#out--;
    // Above `#next` it is found in its turn.
    if (list.position < this.#next) this.#returned.push(list.position);
    if (this.#line.size > 0) this.#context.wake(this);
  }
}
