import type { Queue, QueueListener } from '../state/queue.ts';
import { ConsumerLine } from './consumer-line.ts';
import { QueueCursors } from './queue-cursors.ts';
import type { QueueConsumer } from './queue-consumer.ts';

/** In `QueueMessages.holder`: nobody has it, and nobody is to get it. No consumer's mark. */
export const setAside = 1;
/** In `QueueMessages.holder`: the settlement of one who does not hold it is on its way through the log. One more than no consumer's mark. */
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
 * Hands out one queue's messages, always the one that comes first of those that nobody holds (`QueueCursors`): what comes back goes to its old place.
 */
export class QueueDispatch implements QueueListener {
  readonly queue: Queue;
  readonly #context: DispatchContext;
  readonly #cursors: QueueCursors;
  readonly #line = new ConsumerLine();
  readonly consumers: Set<QueueConsumer> = new Set();
  /** How many of the consumers want to be the only one served, and which of them is. */
  #exclusives = 0;
  #exclusive: QueueConsumer | null = null;
  #out = 0;
  #setAside = 0;
  /** Kept by the dispatcher: it stands in the list of queues with work. */
  awake = false;

  constructor(queue: Queue, context: DispatchContext) {
    this.queue = queue;
    this.#cursors = new QueueCursors(queue.list);
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

  /** The consumer gets nothing, since another has the queue alone. */
  isPassedOver(consumer: QueueConsumer): boolean {
    return this.#exclusives > 0 && this.#exclusive !== null && consumer !== this.#exclusive;
  }

  get hasWork(): boolean {
    return this.queue.list.length > this.#out && !this.#line.isEmpty;
  }

  /** It gets nothing before `serve`. */
  add(consumer: QueueConsumer): void {
    this.consumers.add(consumer);
    if (!consumer.attributes.exclusive) return;
    this.#exclusives++;
    const priority = this.#exclusive?.attributes.priority ?? 0;
    if (consumer.attributes.priority > priority) this.#exclusive = null;
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
    if (consumer.attributes.exclusive) this.#endExclusive(consumer);
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

  added(priority: number, position: number): void {
    this.#cursors.ready(priority, position);
    if (!this.#line.isEmpty) this.#context.wake(this);
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
    if (this.#exclusives > 0) this.#context.wake(this);
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
    if (this.#exclusives > 0 && this.#exclusive === null) {
      // What the one before it gives back comes first.
      if (this.#isSettling) return;
      this.#exclusive = this.#firstExclusive();
    }
    for (let consumer = this.#firstInLine(); consumer !== undefined; consumer = this.#firstInLine()) {
      if (!this.#cursors.findNext()) return;
      const { found } = list;
      const counts = (found.count + 1) * 2 + (queue.foundWasDelivered ? 1 : 0);
      consumer.receiver.deliver(consumer.key, found.position, found.size, counts);
      consumer.hold(list, this.#context.nextHandout());
      this.#out++;
      this.#line.leave(consumer);
      this.#joinLine(consumer);
    }
  }

  /** The first consumer in the line that may get something and has room. */
  #firstInLine(): QueueConsumer | undefined {
    return this.#line.first(this.#mayGet);
  }

  readonly #mayGet = (consumer: QueueConsumer): boolean => {
    if (this.#exclusives > 0 && consumer !== this.#exclusive) return false;
    return !consumer.gone && consumer.served && consumer.window.hasRoom;
  };

  /** Settlements are on their way through the log. */
  get #isSettling(): boolean {
    let held = this.#setAside;
    for (const { window } of this.consumers) held += window.messages;
    return this.#out > held;
  }

  /** The one of the highest priority; of several, one that holds messages already: it was so before this mastership. */
  #firstExclusive(): QueueConsumer | null {
    let first: QueueConsumer | null = null;
    for (const consumer of this.consumers) {
      if (consumer.attributes.exclusive && (first === null || goesBefore(consumer, first))) first = consumer;
    }
    return first;
  }

  #endExclusive(consumer: QueueConsumer): void {
    this.#exclusives--;
    if (this.#exclusive === consumer) this.#exclusive = null;
    // Those that were passed over stand in the line no more.
    for (const other of this.consumers) this.#joinLine(other);
  }

  #joinLine(consumer: QueueConsumer): void {
    if (consumer.served && consumer.window.hasRoom) this.#line.join(consumer);
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
    this.#cursors.ready(list.priority, list.position);
    if (!this.#line.isEmpty) this.#context.wake(this);
  }
}

/** Of two exclusive consumers, the first of which has subscribed later. */
function goesBefore(later: QueueConsumer, earlier: QueueConsumer): boolean {
  const distance = later.attributes.priority - earlier.attributes.priority;
  return distance > 0 || (distance === 0 && earlier.window.messages === 0 && later.window.messages > 0);
}
