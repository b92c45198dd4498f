import stompit from 'stompit';
import type { Client, ConnectFunction, FailoverOptions, IncomingMessage } from 'stompit';

import type { Ledger } from './ledger.ts';

const connectHeaders = { host: 'test', login: 'test', passcode: 'test', 'heart-beat': '1000,1000' };

/** The system of a stopped process goes on accepting connections, and stompit has no patience of its own with them. */
const connectedWithinMs = 1000;

const connectFunction: ConnectFunction = (options, callback) => {
  const client = stompit.connect(options, (error, connected) => {
    clearTimeout(patience);
    callback(error, connected);
  });
  const patience = setTimeout(() => client.destroy(new Error('no CONNECTED in time')), connectedWithinMs);
  return client;
};

const failoverOptions: FailoverOptions = { maxReconnectDelay: 100, connect: { connectHeaders }, connectFunction };

/** Sends numbered messages with receipts through stompit's failover, and what got no receipt again after a reconnect, in order. */
export class FailoverProducer {
  readonly #name: string;
  readonly #destination: string;
  readonly #ledger: Ledger;
  readonly #windowMax: number;
  readonly #open = new Set<number>();
  readonly #connecting: { abort(): void };
  #client: Client | null = null;
  #next = 0;
  #stopAt = Infinity;
  #onStopped: (() => void) | null = null;

  constructor(options: { uri: string; name: string; destination: string; ledger: Ledger; window: number }) {
    this.#name = options.name;
    this.#destination = options.destination;
    this.#ledger = options.ledger;
    this.#windowMax = options.window;
    const failover = new stompit.ConnectFailover(options.uri, failoverOptions);
    this.#connecting = failover.connect((error, client, reconnect) => {
      if (error !== null) throw error;
      this.#client = client;
      client.on('error', () => {
        if (this.#client !== client) return;
        this.#client = null;
        if (this.#onStopped === null || this.#open.size > 0) reconnect();
      });
      for (const number of [...this.#open]) this.#send(client, number);
      this.#fill(client);
    });
  }

  /** Sends no more new messages; resolves when all that were sent have their receipts. */
  async stop(): Promise<void> {
    this.#stopAt = this.#next;
    await new Promise<void>((resolve) => {
      this.#onStopped = resolve;
      this.#checkStopped();
    });
    this.#connecting.abort();
    this.#client?.destroy();
  }

  #fill(client: Client): void {
    while (this.#open.size < this.#windowMax && this.#next < this.#stopAt) {
      const number = this.#next++;
      this.#open.add(number);
      this.#send(client, number);
    }
  }

  #send(client: Client, number: number): void {
    const id = `${this.#name}-${number}`;
    this.#ledger.sent(id);
    const frame = client.send(
      { destination: this.#destination, 'x-id': id, 'content-length': Buffer.byteLength(id) },
      {
        onReceipt: () => {
          this.#ledger.receipted(id);
          this.#open.delete(number);
          if (this.#client === client) this.#fill(client);
          this.#checkStopped();
        },
      },
    );
    frame.end(id);
  }

  #checkStopped(): void {
    if (this.#onStopped !== null && this.#open.size === 0) this.#onStopped();
  }
}

/** Takes messages with `client-individual` and acknowledges each one, through stompit's failover. */
export class FailoverConsumer {
  readonly #name: string;
  readonly #ledger: Ledger;
  readonly #connecting: { abort(): void };
  #client: Client | null = null;
  #connections = 0;
  #stopped = false;

  constructor(options: { uri: string; name: string; destination: string; ledger: Ledger; prefetch: number }) {
    this.#name = options.name;
    this.#ledger = options.ledger;
    const failover = new stompit.ConnectFailover(options.uri, failoverOptions);
    this.#connecting = failover.connect((error, client, reconnect) => {
      if (error !== null) throw error;
      this.#client = client;
      this.#connections++;
      const consumer = `${this.#name} (${this.#connections})`;
      client.on('error', () => {
        if (this.#client !== client) return;
        this.#client = null;
        if (!this.#stopped) reconnect();
      });
      const headers = {
        destination: options.destination,
        ack: 'client-individual',
        'prefetch-count': options.prefetch,
      };
      client.subscribe(headers, (failure, message) => {
        if (failure === null) this.#take(client, consumer, message);
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#connecting.abort();
    this.#client?.destroy();
  }

  #take(client: Client, consumer: string, message: IncomingMessage): void {
    message.readString('utf-8', (error, body) => {
      if (error !== null || body === undefined) return;
      this.#ledger.delivered({
        consumer,
        id: body,
        messageId: message.headers['message-id'] ?? '',
        redelivered: message.headers['redelivered'] === 'true',
      });
      client.ack(message);
    });
  }
}
