import type { Clock } from '@lockstep/kernel';
import type { Frame } from '@lockstep/stomp-server/codec';
import type { SimRandom } from '@lockstep/testkit';

import type { Ledger } from '../../harness/ledger.ts';
import type { ClientScript, SimClient } from '../sim-client.ts';
import { idOf } from '../sim-workload.ts';

export const heldDestination = '/queue/held';

interface Shared {
  readonly name: string;
  readonly ledger: Ledger;
  readonly random: SimRandom;
  readonly clock: Clock;
}

/** How long a message is kept before it is answered for, and a transaction is open; milliseconds. */
const holdMs = [0, 20, 200, 200, 1500, 4000] as const;

/**
 * A COMMIT that acknowledges what a lease took away meanwhile is refused as a whole, and its connection ends; as with a message that was given to
 * another and settled there.
 */
const rightlyRefused = /no longer|not yours|gone|settled|given to/;

/** Keeps each message for a while, so that whatever happens meets clients that hold some; some are acknowledged in transactions that stay open. */
export class HoldingConsumer implements ClientScript {
  readonly errors: string[] = [];
  readonly #options: Shared & { readonly prefetch: number };
  #connections = 0;
  #transactions = 0;
  /** The books are being closed: nothing is kept. */
  calm = false;
  refused = 0;

  constructor(options: Shared & { readonly prefetch: number }) {
    this.#options = options;
  }

  connected(client: SimClient): void {
    this.#connections++;
    client.send('SUBSCRIBE', [
      ['id', '0'],
      ['destination', heldDestination],
      ['ack', 'client-individual'],
      ['prefetch-count', String(this.#options.prefetch)],
    ]);
  }

  frame(client: SimClient, frame: Frame): void {
    if (frame.command === 'ERROR') this.#error(frame.header('message') ?? '');
    if (frame.command !== 'MESSAGE') return;
    const { ledger, name, random } = this.#options;
    const redelivered = frame.header('redelivered') === 'true';
    const consumer = `${name} (${this.#connections})`;
    ledger.delivered({ consumer, id: idOf(frame), messageId: frame.header('message-id') ?? '', redelivered });
    const ack = frame.header('ack') ?? '';
    const inTransaction = random.chance(0.3);
    this.#later(client, () => {
      if (!inTransaction) {
        client.send('ACK', [['id', ack]]);
        return;
      }
      const transaction = `h${++this.#transactions}`;
      client.send('BEGIN', [['transaction', transaction]]);
      client.send('ACK', [
        ['id', ack],
        ['transaction', transaction],
      ]);
      this.#later(client, () => client.send('COMMIT', [['transaction', transaction]]));
    });
  }

  disconnected(): void {
    this.#connections++;
  }

  /** Unless the connection is over by then. */
  #later(client: SimClient, act: () => void): void {
    const { random, clock } = this.#options;
    const connection = this.#connections;
    const waitMs = this.calm ? 0 : random.pick([...holdMs]) * random.between(0.5, 1.5);
    clock.setTimer(waitMs, () => {
      if (client.open && this.#connections === connection) act();
    });
  }

  #error(message: string): void {
    if (rightlyRefused.test(message)) this.refused++;
    else this.errors.push(`${this.#options.name}: ${message}`);
  }
}

/** Sends in transactions that stay open for a while, one after the other; one without a receipt is sent again as a whole. */
export class SlowSender implements ClientScript {
  readonly errors: string[] = [];
  readonly #options: Shared;
  #left: number;
  #next = 0;
  #frames = 0;
  #connections = 0;
  /** What has no receipt yet. */
  #batch: readonly string[] = [];
  #receipt = '';

  constructor(options: Shared & { readonly batches: number }) {
    this.#options = options;
    this.#left = options.batches;
  }

  get done(): boolean {
    return this.#left === 0 && this.#batch.length === 0;
  }

  /** One more, and that's it. */
  close(): void {
    this.#left = Math.min(this.#left, 1);
  }

  connected(client: SimClient): void {
    this.#connections++;
    if (this.#batch.length === 0) this.#draw();
    this.#send(client);
  }

  frame(client: SimClient, frame: Frame): void {
    const { name, ledger } = this.#options;
    if (frame.command === 'ERROR') this.errors.push(`${name}: ${frame.header('message')}`);
    if (frame.command !== 'RECEIPT' || frame.header('receipt-id') !== this.#receipt) return;
    for (const id of this.#batch) ledger.receipted(id);
    this.#batch = [];
    this.#draw();
    this.#send(client);
  }

  disconnected(): void {
    this.#connections++;
  }

  #draw(): void {
    if (this.#left === 0) return;
    this.#left--;
    const { random, name } = this.#options;
    this.#batch = Array.from({ length: 1 + random.below(3) }, () => `${name}-${this.#next++}`);
  }

  #send(client: SimClient): void {
    const ids = this.#batch;
    if (ids.length === 0) return;
    const connection = this.#connections;
    const transaction = `s${++this.#frames}`;
    this.#receipt = transaction;
    const headers: [string, string][] = [
      ['destination', heldDestination],
      ['transaction', transaction],
    ];
    const next = (i: number): void => {
      const id = ids[i];
      if (!client.open || this.#connections !== connection) return;
      if (id === undefined) {
        client.send('COMMIT', [
          ['transaction', transaction],
          ['receipt', transaction],
        ]);
        return;
      }
      this.#options.ledger.sent(id);
      client.send('SEND', headers, id);
      this.#later(() => next(i + 1));
    };
    client.send('BEGIN', [['transaction', transaction]]);
    next(0);
  }

  #later(act: () => void): void {
    const { random, clock } = this.#options;
    clock.setTimer(random.pick([0, 10, 60, 400]) * random.between(0.5, 1.5), act);
  }
}
