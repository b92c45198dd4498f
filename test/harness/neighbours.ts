import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

const window = 20;

/**
 * A producer and a consumer that behave: messages with receipts, each acknowledged by itself. They use plain sockets that do not
 * reconnect, so that the least disturbance shows.
 */
export class Neighbours {
  /** What went wrong with them, in words; empty when nothing did. */
  readonly troubles: string[] = [];
  readonly #producer: RawClient;
  readonly #consumer: RawClient;
  readonly #destination: string;
  #sent = 0;
  #receipts = 0;
  #deliveries = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;

  private constructor(producer: RawClient, consumer: RawClient, destination: string) {
    this.#producer = producer;
    this.#consumer = consumer;
    this.#destination = destination;
  }

  static async start(producerPort: number, consumerPort: number, destination: string): Promise<Neighbours> {
    const [producer, consumer] = await Promise.all([
      RawClient.connected(producerPort),
      RawClient.connected(consumerPort),
    ]);
    consumer.say(`SUBSCRIBE\nid:0\ndestination:${destination}\nack:client-individual\nreceipt:sub\n\n\0`);
    await consumer.receipt('sub');
    const neighbours = new Neighbours(producer, consumer, destination);
    consumer.frames.length = 0;
    producer.frames.length = 0;
    neighbours.#timer = setInterval(() => neighbours.#work(), 10);
    return neighbours;
  }

  /** Resolves when so many more messages have gone all the way. */
  async progress(more: number): Promise<void> {
    const goal = this.#deliveries + more;
    await until(`${more} more messages to reach the neighbours`, () => {
      if (this.troubles.length > 0) throw new Error(this.troubles.join('; '));
      return this.#deliveries >= goal;
    });
  }

  /** Resolves when all that was sent has its receipt and has arrived. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await until('the last messages of the neighbours', () => {
      if (this.troubles.length > 0) throw new Error(this.troubles.join('; '));
      return this.#receipts === this.#sent && this.#deliveries === this.#sent;
    });
    this.drop();
  }

  /** Whatever is still on its way. */
  drop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#producer.drop();
    this.#consumer.drop();
  }

  #work(): void {
    for (const frame of this.#producer.frames.splice(0)) {
      if (frame.command !== 'RECEIPT') this.troubles.push(`the producer was told ${frame.command}`);
      else if (frame.headers['receipt-id'] !== `r${this.#receipts}`) this.troubles.push('a receipt out of its turn');
      this.#receipts++;
    }
    for (const frame of this.#consumer.frames.splice(0)) {
      if (frame.command !== 'MESSAGE') this.troubles.push(`the consumer was told ${frame.command}`);
      else if (frame.body.toString() !== `m${this.#deliveries}`)
        this.troubles.push(`${frame.body.toString()} out of its turn`);
      this.#deliveries++;
      this.#consumer.say(`ACK\nid:${frame.headers['ack'] ?? ''}\n\n\0`);
    }
    if (this.#producer.ended) this.troubles.push('the producer was cut off');
    if (this.#consumer.ended) this.troubles.push('the consumer was cut off');
    while (!this.#stopping && this.#sent - this.#receipts < window) {
      const number = this.#sent++;
      this.#producer.say(`SEND\ndestination:${this.#destination}\nreceipt:r${number}\n\nm${number}\0`);
    }
  }
}
