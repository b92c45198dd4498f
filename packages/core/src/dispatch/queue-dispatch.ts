import type { Effect } from '../effects.ts';
import { outcomeCount } from '../commands/format.ts';
import type { OutcomeCode } from '../commands/format.ts';
import type { Queue, QueueListener } from '../state/queue.ts';
import { Fifo } from './fifo.ts';
import { PositionHeap } from './position-heap.ts';
import type { QueueConsumer } from './queue-consumer.ts';

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

  removing(): void {
    if (this.queue.list.chunk.holders[this.queue.list.slot] === 0) return;
    this.#out--;
    this.#checkIdle();
  }

  requeued(): void {
    this.#ready();
    this.#checkIdle();
  }

  kept(): void {
    const { list } = this.queue;
    const mark = list.chunk.holders[list.slot]!;
    if (mark % 2 === 0) return;
    const consumer = this.#context.consumer(mark - 1);
    if (consumer === undefined) {
      this.#ready();
      this.#checkIdle();
    } else consumer.undoSettling(list);
  }

  /** Hands out what the consumers have room for. */
  dispatch(effects: Effect[]): void {
    const { list } = this.queue;
    for (let consumer = this.#firstInLine(); consumer !== undefined; consumer = this.#firstInLine()) {
      if (!this.#findNext()) return;
      const { chunk, slot, found } = list;
      const position = found.position;
      const count = chunk.counts[slot]!;
      effects.push({
        type: 'deliver',
        session: consumer.session,
        subscription: consumer.subscription,
        tag: position,
        message: found,
        redelivered: count > 0 || chunk.handouts[slot] !== 0 || position < this.#context.opening,
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
      if (list.find(position) && list.chunk.holders[list.slot] === 0) return true;
    }
    if (!list.findFrom(this.#next)) return false;
    this.#next = list.chunk.positions[list.slot]! + 1;
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
    const { chunk, slot } = this.queue.list;
    if (chunk.holders[slot] === 0) return;
    chunk.holders[slot] = 0;
    this.#out--;
    this.#returned.push(chunk.positions[slot]!);
    if (this.#line.size > 0) this.#context.wake(this);
  }
}
