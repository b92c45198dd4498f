import type { BrokerEffect } from '../effects.ts';
import { outcomeCount } from '../commands/format.ts';
import type { OutcomeCode } from '../commands/format.ts';
import type { Queue, QueueListener } from '../state/queue.ts';
import { Fifo } from './fifo.ts';
import { PositionHeap } from './position-heap.ts';
import type { QueueConsumer } from './queue-consumer.ts';

/** In `MessageList.holder`: nobody has it, and nobody is to get it. No consumer's mark. */
const setAside = 1;

/** What the queues of one mastership share. */
export interface DispatchContext {
  /** Messages below this were there when the mastership began: an earlier master may have handed them out. */
  readonly opening: number;
  /** Numbers the hand-outs. */
  nextHandout(): number;
  consumer(mark: number): QueueConsumer | undefined;
  /** The queue may have something to hand out. */
  wake(queue: QueueDispatch): void;
  /** The queue has settlements to propose. */
  markSettling(queue: QueueDispatch): void;
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
  /** Positions whose settlement is to be proposed, by outcome. */
  readonly toSettle: readonly number[][] = Array.from({ length: outcomeCount }, () => []);
  /** Kept by the dispatcher: it stands in the list of queues with work. */
  awake = false;
  /** Kept by the dispatcher: it stands in the list of queues with settlements to propose. */
  isSettling = false;

  constructor(queue: Queue, context: DispatchContext) {
    this.queue = queue;
    this.#context = context;
  }

  /** Messages with consumers, and those whose settlement is under way. */
  get out(): number {
    return this.#out;
  }

  get hasWork(): boolean {
    return this.queue.list.length > this.#out && this.#line.size > 0;
  }

  add(consumer: QueueConsumer): void {
    this.consumers.add(consumer);
    this.#joinLine(consumer);
  }

  /** What the consumer holds is ready again, in its old place. `lost`: the message given to it longest ago counts a delivery first. */
  remove(consumer: QueueConsumer, lost: boolean, countDelivery: OutcomeCode): void {
    const { list } = this.queue;
    consumer.gone = true;
    this.consumers.delete(consumer);
    const held = consumer.held(list);
    for (const [index, position] of held.entries()) {
      if (lost && index === 0) this.settle(consumer, position, countDelivery);
      else if (list.find(position)) this.#ready();
    }
    this.#checkIdle();
  }

  /** The settlement of a message that this consumer holds is to be proposed. False, and nothing done, when it does not hold it. */
  settle(consumer: QueueConsumer, position: number, outcome: OutcomeCode): boolean {
    if (!this.beginSettling(consumer, position)) return false;
    this.toSettle[outcome]!.push(position);
    this.#context.markSettling(this);
    return true;
  }

  /** As `settle`, for a settlement that is proposed with a transaction. */
  beginSettling(consumer: QueueConsumer, position: number): boolean {
    if (!consumer.beginSettling(this.queue.list, position)) return false;
    if (!consumer.gone) this.#joinLine(consumer);
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
   * nobody, until the next mastership; it may be readable then. False: it is there no more.
   */
  undeliverable(consumer: QueueConsumer, position: number, bytes: number): boolean {
    const { list } = this.queue;
    const isThere = list.find(position);
    if (!consumer.gone && (!isThere || list.holder === consumer.mark)) {
      if (isThere) list.note(setAside, list.handout);
      consumer.window.giveBack(bytes);
      this.#joinLine(consumer);
    }
    return isThere;
  }

  removing(): void {
    if (this.queue.list.holder === 0) return;
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
    } else consumer.undoSettling(list);
  }

  /** Hands out what the consumers have room for. */
  dispatch(effects: BrokerEffect[]): void {
    const { list } = this.queue;
    for (let consumer = this.#firstInLine(); consumer !== undefined; consumer = this.#firstInLine()) {
      if (!this.#findNext()) return;
      const { position, size, count, deadLetter } = list;
      effects.push({
        type: 'deliverStored',
        session: consumer.session,
        subscription: consumer.subscription,
        consumer: consumer.mark,
        attachment: 0,
        position,
        destination: this.queue.name,
        size,
        deadLetter,
        redelivered: count > 0 || list.handout !== 0 || position < this.#context.opening,
        deliveryCount: count + 1,
      });
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
    if (!list.findFrom(this.#next)) return false;
    this.#next = list.position + 1;
    return true;
  }

  /** The first consumer in the line that is there and has room. */
  #firstInLine(): QueueConsumer | undefined {
    for (let consumer = this.#line.peek(); consumer !== undefined; consumer = this.#line.peek()) {
      if (!consumer.gone && consumer.window.hasRoom) return consumer;
      this.#line.shift();
      consumer.inLine = false;
    }
    return undefined;
  }

  #joinLine(consumer: QueueConsumer): void {
    if (!consumer.inLine && consumer.window.hasRoom) {
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
    list.note(0, list.handout);
    this.#out--;
    this.#returned.push(list.position);
    if (this.#line.size > 0) this.#context.wake(this);
  }
}
