import { Fifo } from './fifo.ts';
import type { QueueConsumer } from './queue-consumer.ts';

interface Rank {
  readonly priority: number;
  readonly line: Fifo<QueueConsumer>;
}

/** Consumers of a queue that may have room, in turn; those of a higher priority before all others. */
export class ConsumerLine {
  /** Of priority 0. */
  readonly #plain = new Fifo<QueueConsumer>();
  /** The highest priority first, 0 among them; null: there was no other yet. Those that are there stay: a queue has few of them. */
  #ranks: Rank[] | null = null;

  /** Somebody stands in it, perhaps one who may get nothing any more. */
  get isEmpty(): boolean {
    if (this.#plain.size > 0) return false;
    return this.#ranks === null || this.#ranks.every(({ line }) => line.size === 0);
  }

  /** Behind all of its priority. Does nothing when it stands there already. */
  join(consumer: QueueConsumer): void {
    if (consumer.inLine) return;
    consumer.inLine = true;
    this.#lineOf(consumer).push(consumer);
  }

  /** The first that may get something; those before it that may not are in the line no more. */
  first(mayGet: (consumer: QueueConsumer) => boolean): QueueConsumer | undefined {
    if (this.#ranks === null) return firstOf(this.#plain, mayGet);
    for (const { line } of this.#ranks) {
      const consumer = firstOf(line, mayGet);
      if (consumer !== undefined) return consumer;
    }
    return undefined;
  }

  /** `consumer` is what `first` has returned. */
  leave(consumer: QueueConsumer): void {
    this.#lineOf(consumer).shift();
    consumer.inLine = false;
  }

  #lineOf({ attributes: { priority } }: QueueConsumer): Fifo<QueueConsumer> {
    if (priority === 0) return this.#plain;
    const ranks = (this.#ranks ??= [{ priority: 0, line: this.#plain }]);
    const at = ranks.findIndex((rank) => rank.priority <= priority);
    const known = ranks[at];
    if (known?.priority === priority) return known.line;
    const rank = { priority, line: new Fifo<QueueConsumer>() };
    ranks.splice(at === -1 ? ranks.length : at, 0, rank);
    return rank.line;
  }
}

function firstOf(line: Fifo<QueueConsumer>, mayGet: (consumer: QueueConsumer) => boolean): QueueConsumer | undefined {
  for (let consumer = line.peek(); consumer !== undefined; consumer = line.peek()) {
    if (mayGet(consumer)) return consumer;
    line.shift();
    consumer.inLine = false;
  }
  return undefined;
}
