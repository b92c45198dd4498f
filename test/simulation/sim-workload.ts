import type { Clock } from '@lockstep/kernel';
import type { Frame } from '@lockstep/stomp-server/codec';
import type { SimRandom } from '@lockstep/testkit';

import type { Ledger } from '../harness/ledger.ts';
import { bodyText } from './sim-client.ts';
import type { ClientScript, SimClient } from './sim-client.ts';

/** A body is the message's id, and filling behind a space. */
export function bodyOf(id: string, fillBytes: number): string {
  return fillBytes === 0 ? id : `${id} ${'x'.repeat(fillBytes)}`;
}

export function idOf(frame: Frame): string {
  const text = bodyText(frame);
  const space = text.indexOf(' ');
  return space < 0 ? text : text.slice(0, space);
}

/** A message, or several in one transaction: answered by one receipt, sent again as a whole. */
interface Batch {
  readonly ids: readonly string[];
  readonly transaction: boolean;
}

/** Sends numbered messages, some of them in transactions, each with a receipt; sends again, in order, what got none. */
export class ProducerScript implements ClientScript {
  readonly #name: string;
  readonly #destination: string;
  readonly #ledger: Ledger;
  readonly #random: SimRandom;
  readonly #windowMax: number;
  readonly #fills: readonly number[];
  readonly #open: Batch[] = [];
  readonly #receipts = new Map<string, Batch>();
  #next = 0;
  #left: number;
  #frames = 0;
  readonly #clock: Clock;
  readonly #paceMs: number;
  #thinking = false;
  #connected = false;
  readonly errors: string[] = [];

  constructor(options: {
    name: string;
    destination: string;
    ledger: Ledger;
    random: SimRandom;
    clock: Clock;
    window: number;
    messages: number;
    /** Waited on average before more is sent; 0: not at all. */
    paceMs: number;
    /** What bodies are filled up with, in bytes; one is drawn for each. */
    fills: readonly number[];
  }) {
    this.#name = options.name;
    this.#destination = options.destination;
    this.#ledger = options.ledger;
    this.#random = options.random;
    this.#windowMax = options.window;
    this.#left = options.messages;
    this.#clock = options.clock;
    this.#paceMs = options.paceMs;
    this.#fills = options.fills;
  }

  /** Everything was sent and has its receipt. */
  get done(): boolean {
    return this.#left === 0 && this.#open.length === 0;
  }

  /** A few last messages, and no more. */
  close(): void {
    this.#left = Math.min(this.#left, 3);
  }

  connected(client: SimClient): void {
    this.#connected = true;
    this.#receipts.clear();
    for (const batch of this.#open) this.#send(client, batch);
    this.#fill(client);
  }

  frame(client: SimClient, frame: Frame): void {
    if (frame.command === 'ERROR') this.errors.push(`${this.#name}: ${frame.header('message')}`);
    if (frame.command !== 'RECEIPT') return;
    const batch = this.#receipts.get(frame.header('receipt-id') ?? '');
    if (batch === undefined) return;
    this.#open.splice(this.#open.indexOf(batch), 1);
    for (const id of batch.ids) this.#ledger.receipted(id);
    this.#goOn(client);
  }

  disconnected(): void {
    this.#connected = false;
    this.#receipts.clear();
  }

  #goOn(client: SimClient): void {
    if (this.#paceMs === 0) {
      this.#fill(client);
      return;
    }
    if (this.#thinking) return;
    this.#thinking = true;
    this.#clock.setTimer(this.#random.between(0, 2 * this.#paceMs), () => {
      this.#thinking = false;
      if (this.#connected) this.#fill(client);
    });
  }

  #fill(client: SimClient): void {
    while (this.#open.length < this.#windowMax && this.#left > 0) {
      const transaction = this.#random.chance(0.2);
      const count = Math.min(this.#left, transaction ? 1 + this.#random.below(4) : 1);
      const ids = Array.from({ length: count }, () => `${this.#name}-${this.#next++}`);
      this.#left -= count;
      const batch = { ids, transaction };
      this.#open.push(batch);
      this.#send(client, batch);
    }
  }

  #send(client: SimClient, batch: Batch): void {
    const receipt = `r${++this.#frames}`;
    this.#receipts.set(receipt, batch);
    for (const id of batch.ids) this.#ledger.sent(id);
    if (!batch.transaction) {
      client.send(
        'SEND',
        [
          ['destination', this.#destination],
          ['receipt', receipt],
        ],
        this.#body(batch.ids[0] ?? ''),
      );
      return;
    }
    const transaction = `t${this.#frames}`;
    client.send('BEGIN', [['transaction', transaction]]);
    for (const id of batch.ids) {
      client.send(
        'SEND',
        [
          ['destination', this.#destination],
          ['transaction', transaction],
        ],
        this.#body(id),
      );
    }
    client.send('COMMIT', [
      ['transaction', transaction],
      ['receipt', receipt],
    ]);
  }

  #body(id: string): string {
    return bodyOf(id, this.#random.pick([...this.#fills]));
  }
}

/**
 * Takes messages; acknowledges most of them, gives some back, some again and again until they are dead letters, and sometimes leaves
 * without a word.
 */
export class ConsumerScript implements ClientScript {
  readonly #name: string;
  readonly #destination: string;
  readonly #ledger: Ledger;
  readonly #random: SimRandom;
  readonly #ackMode: 'client' | 'client-individual' | 'auto';
  readonly #prefetch: number;
  /** While set, nothing is given back and nobody leaves: the books are being closed. */
  calm = false;
  readonly errors: string[] = [];
  redelivered = 0;
  deadLetters = 0;
  #transactions = 0;
  #connections = 0;

  constructor(options: {
    name: string;
    destination: string;
    ledger: Ledger;
    random: SimRandom;
    ackMode: 'client' | 'client-individual' | 'auto';
    prefetch: number;
  }) {
    this.#name = options.name;
    this.#destination = options.destination;
    this.#ledger = options.ledger;
    this.#random = options.random;
    this.#ackMode = options.ackMode;
    this.#prefetch = options.prefetch;
  }

  connected(client: SimClient): void {
    this.#connections++;
    client.send('SUBSCRIBE', [
      ['id', '0'],
      ['destination', this.#destination],
      ['ack', this.#ackMode],
      ['prefetch-count', String(this.#prefetch)],
    ]);
    if (this.#ackMode === 'auto') return;
    // A message that was given back too often is not lost: it waits among the dead letters.
    client.send('SUBSCRIBE', [
      ['id', '1'],
      ['destination', '/queue/ActiveMQ.DLQ'],
      ['ack', 'client-individual'],
    ]);
  }

  frame(client: SimClient, frame: Frame): void {
    if (frame.command === 'ERROR') this.errors.push(`${this.#name}: ${frame.header('message')}`);
    if (frame.command !== 'MESSAGE') return;
    const messageId = frame.header('message-id') ?? '';
    const redelivered = frame.header('redelivered') === 'true';
    if (redelivered) this.redelivered++;
    if (frame.header('subscription') === '1') this.deadLetters++;
    const consumer = `${this.#name} (${this.#connections})`;
    this.#ledger.delivered({ consumer, id: idOf(frame), messageId, redelivered });
    if (this.#ackMode === 'auto') return;
    if (!this.calm && this.#random.chance(0.01)) {
      client.drop();
      return;
    }
    const id = frame.header('ack') ?? '';
    const indigestible = frame.header('subscription') === '0' && idOf(frame).endsWith('13');
    if (!indigestible && this.#random.chance(0.05)) {
      this.#ackInTransaction(client, id);
      return;
    }
    const nack = indigestible || (!this.calm && this.#random.chance(0.05));
    client.send(nack ? 'NACK' : 'ACK', [['id', id]]);
  }

  #ackInTransaction(client: SimClient, id: string): void {
    const transaction = `a${++this.#transactions}`;
    client.send('BEGIN', [['transaction', transaction]]);
    client.send('ACK', [
      ['id', id],
      ['transaction', transaction],
    ]);
    client.send('COMMIT', [['transaction', transaction]]);
  }

  disconnected(): void {}
}
