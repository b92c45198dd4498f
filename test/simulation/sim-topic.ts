import type { Frame } from '@lockstep/stomp-server/codec';
import type { SimProcess } from '@lockstep/testkit';

import type { ClientScript, SimClient } from './sim-client.ts';
import { idOf } from './sim-workload.ts';

export const topic = '/topic/simulated';

/** Publishes numbered messages and never sends one again: what finds no master, or no subscriber, is gone. */
export class TopicTalker implements ClientScript {
  sent = 0;
  readonly #process: SimProcess;
  readonly #paceMs: number;
  #connected = false;
  #over = false;

  constructor(process: SimProcess, paceMs: number) {
    this.#process = process;
    this.#paceMs = paceMs;
  }

  connected(client: SimClient): void {
    this.#connected = true;
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
    if (this.#connected) client.send('SEND', [['destination', topic]], `t-${++this.sent}`);
    this.#process.clock.setTimer(this.#paceMs, () => this.#talk(client));
  }
}

/** Hears a part of what one talker says, each message once and in its order. */
export class TopicListener implements ClientScript {
  heard = 0;
  readonly errors: string[] = [];
  readonly #talker: TopicTalker;
  #last = 0;

  constructor(talker: TopicTalker) {
    this.#talker = talker;
  }

  connected(client: SimClient): void {
    client.send('SUBSCRIBE', [
      ['id', '0'],
      ['destination', topic],
      ['ack', 'auto'],
    ]);
  }

  frame(_client: SimClient, frame: Frame): void {
    if (frame.command === 'ERROR') this.errors.push(`topic: ${frame.header('message')}`);
    if (frame.command !== 'MESSAGE') return;
    this.heard++;
    const number = Number(idOf(frame).slice(2));
    if (number > this.#talker.sent) this.errors.push(`topic: t-${number} was never sent`);
    if (number <= this.#last) this.errors.push(`topic: t-${number} after t-${this.#last}`);
    this.#last = number;
  }

  disconnected(): void {}
}
