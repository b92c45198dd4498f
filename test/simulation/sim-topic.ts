import type { Frame } from '@lockstep/stomp-server/codec';
import type { SimProcess } from '@lockstep/testkit';

import { bodyText } from './sim-client.ts';
import type { ClientScript, SimClient } from './sim-client.ts';
import { idOf } from './sim-workload.ts';

export const topic = '/topic/simulated';

/** Publishes numbered messages and never sends one again: what finds no master, or no subscriber, is gone. */
export class TopicTalker implements ClientScript {
  sent = 0;
  readonly #process: SimProcess;
  readonly #paceMs: number;
  #connected = false;
  /** Counts its connections: there is an order only on each of them. */
  #connections = 0;
  #over = false;

  constructor(process: SimProcess, paceMs: number) {
    this.#process = process;
    this.#paceMs = paceMs;
  }

  connected(client: SimClient): void {
    this.#connected = true;
    this.#connections++;
    if (this.sent > 0) return;
    this.#talk(client);
  }

  frame(): void {}

  disconnected(): void {
    this.#connected = false;
  }

  stop(): void {
    this.#over = true;
  }

  #talk(client: SimClient): void {
    if (this.#over) return;
    if (this.#connected) client.send('SEND', [['destination', topic]], `t-${++this.sent} ${this.#connections}`);
    this.#process.clock.setTimer(this.#paceMs, () => this.#talk(client));
  }
}

/**
 * Hears a part of what one talker says: on each of its own connections each message once, in the order of the connection on which it was sent.
 *
 * It may hear a message on one connection and once more on the next: a master fails that has passed it on and not told the sender's node so; that
 * node has to give it to the next master, since subscribers that stayed may lack it; and of a subscription that was made in between, on another node, nobody knows that its
 * client had another one before. But it is the same publication, with the same message-id.
 */
export class TopicListener implements ClientScript {
  heard = 0;
  readonly errors: string[] = [];
  readonly #talker: Pick<TopicTalker, 'sent'>;
  /** On this connection: by the talker's. */
  readonly #lastOf = new Map<string, number>();
  readonly #heard = new Set<number>();
  readonly #messageIds = new Map<number, string>();

  constructor(talker: Pick<TopicTalker, 'sent'>) {
    this.#talker = talker;
  }

  connected(client: Pick<SimClient, 'send'>): void {
    this.#lastOf.clear();
    this.#heard.clear();
    client.send('SUBSCRIBE', [
      ['id', '0'],
      ['destination', topic],
      ['ack', 'auto'],
    ]);
  }

  frame(_client: unknown, frame: Frame): void {
    if (frame.command === 'ERROR') this.errors.push(`topic: ${frame.header('message')}`);
    if (frame.command !== 'MESSAGE') return;
    this.heard++;
    const number = Number(idOf(frame).slice(2));
    if (number > this.#talker.sent) this.errors.push(`topic: t-${number} was never sent`);
    if (this.#heard.has(number)) this.errors.push(`topic: t-${number} came twice`);
    this.#heard.add(number);
    this.#published(number, frame.header('message-id') ?? '');
    const connection = bodyText(frame).split(' ')[1] ?? '';
    const last = this.#lastOf.get(connection) ?? 0;
    if (number <= last) this.errors.push(`topic: t-${number} after t-${last}`);
    this.#lastOf.set(connection, number);
  }

  disconnected(): void {}

  /** The talker sends each once, so it is published once. */
  #published(number: number, messageId: string): void {
    const before = this.#messageIds.get(number) ?? messageId;
    if (messageId !== before) this.errors.push(`topic: t-${number} came as ${before} and as ${messageId}`);
    this.#messageIds.set(number, messageId);
  }
}
