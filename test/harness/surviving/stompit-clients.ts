import stompit from 'stompit';
import type { Client, IncomingMessage, Transaction } from 'stompit';

import type { ClientEvents } from './books.ts';
import { queueOf } from './stay-clients.ts';
import type { StayClients, StayOptions } from './stay-clients.ts';

/** SENDs without their receipts, of one producer. */
const windowMax = 10;
/** So many messages each consumer keeps unacknowledged, so that whatever happens meets some. */
const keptMax = 10;
const prefetch = 50;
const heartBeat = '2000,2000';
/** What one transaction sends. */
const sendsOfTransaction = 2;
/** How long a transaction is open while nobody holds it. */
const transactionMs = 40;

interface Shared extends StayOptions {
  readonly events: ClientEvents;
}

/** A connection; `mayEnd` says when its end is its own doing. */
class Line {
  readonly name: string;
  readonly client: Promise<Client>;
  mayEnd = false;

  constructor(name: string, port: number, events: ClientEvents) {
    this.name = name;
    const connectHeaders = { host: 'test', login: 'test', passcode: 'test', 'heart-beat': heartBeat };
    this.client = new Promise((resolve, reject) => {
      stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error, client) => {
        if (error !== null) {
          reject(error);
          return;
        }
        client.on('error', (failure: Error) => {
          if (!this.mayEnd) events.cut(name, failure.message);
        });
        resolve(client);
      });
    });
  }

  async finish(): Promise<void> {
    const client = await this.client;
    this.mayEnd = true;
    await new Promise<void>((resolve) => client.disconnect(() => resolve()));
  }

  drop(): void {
    this.mayEnd = true;
    void this.client.then(
      (client) => client.destroy(),
      () => undefined,
    );
  }
}

class Producer {
  readonly #line: Line;
  readonly #events: ClientEvents;
  readonly #destination: string;
  readonly #paceMs: number;
  #timer: NodeJS.Timeout | null = null;
  #next = 0;
  #open = 0;
  #onStopped: (() => void) | null = null;

  constructor(line: Line, destination: string, { events, paceMs }: Shared) {
    this.#line = line;
    this.#events = events;
    this.#destination = destination;
    this.#paceMs = paceMs;
  }

  async begin(): Promise<void> {
    const client = await this.#line.client;
    this.#timer = setInterval(() => {
      if (this.#open < windowMax) this.#send(client);
    }, this.#paceMs);
  }

  async stop(): Promise<void> {
    this.halt();
    await new Promise<void>((resolve) => {
      this.#onStopped = resolve;
      this.#look();
    });
  }

  halt(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #send(client: Client): void {
    const id = `${this.#line.name}-${this.#next++}`;
    this.#open++;
    this.#events.sent(id);
    const onReceipt = (): void => {
      this.#open--;
      this.#events.receipted(id);
      this.#look();
    };
    const headers = { destination: this.#destination, 'content-length': Buffer.byteLength(id) };
    client.send(headers, { onReceipt }).end(id);
  }

  #look(): void {
    if (this.#open === 0) this.#onStopped?.();
  }
}

/** Hears of each message with its id. */
function listen(
  client: Client,
  { name, events }: { name: string; events: ClientEvents },
  headers: { destination: string; ack: string },
  take: (message: IncomingMessage) => void,
): void {
  client.subscribe({ ...headers, 'prefetch-count': prefetch }, (error, message) => {
    if (error !== null) return;
    message.readString('utf-8', (failure, body) => {
      if (failure !== null || body === undefined) return;
      const { headers: told } = message;
      events.got(name, body, told['message-id'] ?? '', told['redelivered'] === 'true');
      take(message);
    });
  });
}

/** Keeps the last messages, acknowledging the oldest of them (`individual`), or all but none at once (`client`). */
class Consumer {
  readonly #line: Line;
  readonly #mode: 'individual' | 'client' | 'auto';
  readonly #kept: IncomingMessage[] = [];

  constructor(line: Line, mode: 'individual' | 'client' | 'auto') {
    this.#line = line;
    this.#mode = mode;
  }

  async begin(destination: string, events: ClientEvents): Promise<void> {
    const client = await this.#line.client;
    const ack = { individual: 'client-individual', client: 'client', auto: 'auto' }[this.#mode];
    listen(client, { name: this.#line.name, events }, { destination, ack }, (message) => {
      if (this.#mode === 'auto') return;
      this.#kept.push(message);
      if (this.#kept.length <= keptMax) return;
      if (this.#mode === 'individual') client.ack(this.#kept.shift()!);
      else client.ack(this.#kept.splice(0).at(-1)!);
    });
  }

  async finish(): Promise<void> {
    const client = await this.#line.client;
    if (this.#mode === 'individual') for (const message of this.#kept) client.ack(message);
    else if (this.#kept.length > 0) client.ack(this.#kept.at(-1)!);
    await this.#line.finish();
  }
}

/** Sends and acknowledges in transactions, on one connection: one after the other, each open for a while. */
class Transactor {
  readonly #line: Line;
  readonly #shared: Shared;
  readonly #destination: string;
  #unsettled: IncomingMessage[] = [];
  #next = 0;
  #transactions = 0;
  #ending = false;
  /** Set while transactions are held. */
  #held: Promise<void> | null = null;
  #release: () => void = () => {};
  #onHolding: (() => void) | null = null;
  #over: Promise<void> = Promise.resolve();

  constructor(line: Line, shared: Shared) {
    this.#line = line;
    this.#shared = shared;
    this.#destination = queueOf(shared.name, 'tx');
  }

  async begin(): Promise<void> {
    const client = await this.#line.client;
    const headers = { destination: this.#destination, ack: 'client-individual' };
    listen(client, { name: this.#line.name, events: this.#shared.events }, headers, (message) =>
      this.#unsettled.push(message),
    );
    this.#over = this.#work(client);
  }

  async hold(): Promise<void> {
    this.#held = new Promise((resolve) => (this.#release = resolve));
    await new Promise<void>((resolve) => (this.#onHolding = resolve));
  }

  release(): void {
    this.#held = null;
    this.#release();
  }

  async stop(): Promise<void> {
    this.#ending = true;
    this.release();
    await this.#over;
  }

  async finish(): Promise<void> {
    const client = await this.#line.client;
    for (const message of this.#unsettled) client.ack(message);
    await this.#line.finish();
  }

  async #work(client: Client): Promise<void> {
    while (!this.#ending) {
      const transaction = client.begin();
      const ids = Array.from({ length: sendsOfTransaction }, () => this.#send(transaction));
      const settled = this.#unsettled.splice(0);
      for (const message of settled) client.ack(message, { transaction: transaction.id });
      await new Promise((resolve) => setTimeout(resolve, transactionMs));
      if (this.#held !== null) {
        this.#onHolding?.();
        await this.#held;
      }
      await new Promise<void>((resolve) => transaction.commit({ onReceipt: resolve }));
      for (const id of ids) this.#shared.events.receipted(id);
      this.#shared.events.committed(`${this.#line.name}/${++this.#transactions}`);
    }
  }

  #send(transaction: Transaction): string {
    const id = `${this.#line.name}-${this.#next++}`;
    this.#shared.events.sent(id);
    transaction.send({ destination: this.#destination, 'content-length': Buffer.byteLength(id) }).end(id);
    return id;
  }
}

const consumed = ['individual', 'client', 'auto'] as const;

/** The clients of a node with stompit, in this process. */
export class StompitClients implements StayClients {
  readonly ready: Promise<void>;
  readonly #lines: Line[] = [];
  readonly #producers: Producer[];
  readonly #producerLines: Line[];
  readonly #consumers: Consumer[];
  readonly #transactor: Transactor;

  constructor(options: StayOptions, events: ClientEvents) {
    const shared = { ...options, events };
    const line = (kind: string): Line => {
      const made = new Line(`${kind}.${options.node}`, options.port, events);
      this.#lines.push(made);
      return made;
    };
    const destinations = consumed.map((mode) => queueOf(options.name, mode));
    this.#producerLines = consumed.map((mode) => line(`p${mode[0]}`));
    this.#producers = this.#producerLines.map((one, i) => new Producer(one, destinations[i]!, shared));
    this.#consumers = consumed.map((mode) => new Consumer(line(`c${mode[0]}`), mode));
    this.#transactor = new Transactor(line('t'), shared);
    this.ready = Promise.all([
      ...this.#consumers.map(async (consumer, i) => consumer.begin(destinations[i]!, events)),
      ...this.#producers.map(async (producer) => producer.begin()),
      this.#transactor.begin(),
    ]).then(() => undefined);
  }

  async hold(): Promise<void> {
    return this.#transactor.hold();
  }

  release(): void {
    this.#transactor.release();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#producers, this.#transactor].map(async (client) => client.stop()));
  }

  async finish(): Promise<void> {
    await Promise.all([...this.#producerLines, ...this.#consumers, this.#transactor].map(async (one) => one.finish()));
  }

  drop(): void {
    for (const producer of this.#producers) producer.halt();
    for (const line of this.#lines) line.drop();
  }
}
