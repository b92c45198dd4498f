import type { Clock } from '@lockstep/kernel';
import type { Frame } from '@lockstep/stomp-server/codec';
import type { SimRandom } from '@lockstep/testkit';

import type { ClientScript, SimClient } from '../sim-client.ts';

/** How long a message is kept before it is acknowledged; milliseconds. */
const holdMs = [0, 100, 700, 2500, 4500] as const;
/** Unacknowledged messages, or such that have not come yet. */
const windowMax = 4;

/**
 * Sends to a queue that nobody else consumes, and takes from it. Nobody but itself can have been given what it acknowledges, at any time: so
 * whatever lease ran out meanwhile, an acknowledgement that got its receipt counts, and the message never comes again.
 */
export class LoneClient implements ClientScript {
  readonly errors: string[] = [];
  /** What came again. */
  readonly again: string[] = [];
  readonly #name: string;
  readonly #random: SimRandom;
  readonly #clock: Clock;
  #left: number;
  #frames = 0;
  #connections = 0;
  /** Sent on this connection, or come over it, and not answered for. */
  #open = 0;
  /** By receipt: what was acknowledged. */
  readonly #acknowledging = new Map<string, string>();
  readonly #acknowledged = new Set<string>();
  calm = false;

  constructor(name: string, random: SimRandom, clock: Clock, messages: number) {
    [this.#name, this.#random, this.#clock, this.#left] = [name, random, clock, messages];
  }

  get #destination(): string {
    return `/queue/lone-${this.#name}`;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  close(): void {
    this.#left = 0;
    this.calm = true;
  }

  connected(client: SimClient): void {
    this.#begin();
    client.send('SUBSCRIBE', [
      ['id', '0'],
      ['destination', this.#destination],
      ['ack', 'client-individual'],
    ]);
    this.#fill(client);
  }

  frame(client: SimClient, frame: Frame): void {
    if (frame.command === 'ERROR') this.errors.push(`${this.#name}: ${frame.header('message')}`);
    if (frame.command === 'RECEIPT') this.#receipted(client, frame.header('receipt-id') ?? '');
    if (frame.command !== 'MESSAGE') return;
    const message = frame.header('message-id') ?? '';
    if (this.#acknowledged.has(message))
      this.again.push(`message ${message} of ${this.#name} came again behind the receipt of its ACK`);
    const connection = this.#connections;
    const waitMs = this.calm ? 0 : this.#random.pick([...holdMs]) * this.#random.between(0.5, 1.5);
    this.#clock.setTimer(waitMs, () => {
      if (!client.open || this.#connections !== connection) return;
      const receipt = `a${++this.#frames}`;
      this.#acknowledging.set(receipt, message);
      client.send('ACK', [
        ['id', frame.header('ack') ?? ''],
        ['receipt', receipt],
      ]);
    });
  }

  disconnected(): void {
    this.#begin();
  }

  #begin(): void {
    this.#connections++;
    this.#open = 0;
    this.#acknowledging.clear();
  }

  #receipted(client: SimClient, receipt: string): void {
    const message = this.#acknowledging.get(receipt);
    if (message === undefined) return;
    this.#acknowledging.delete(receipt);
    this.#acknowledged.add(message);
    this.#open--;
    this.#fill(client);
  }

  #fill(client: SimClient): void {
    for (; this.#open < windowMax && this.#left > 0; this.#open++, this.#left--)
      client.send('SEND', [['destination', this.#destination]], `${this.#name}-${++this.#frames}`);
  }
}
