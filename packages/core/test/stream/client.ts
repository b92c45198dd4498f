import type { SessionId } from '@lockstep/kernel';
import type { Broker, BrokerEffect, Request } from '../../src/index.ts';
import { require } from './judge.ts';
import type { Judge } from './judge.ts';

export interface ClientSubscription {
  readonly number: number;
  readonly destination: string;
  /** Of a queue: positions that it was given and has not settled. */
  held: number[];
  /** Of a topic: the last number of each producer. */
  readonly last: Map<string, number>;
  confirmed: boolean;
}

type Pending =
  | { readonly type: 'send' | 'publish'; readonly body: string }
  | { readonly type: 'ack'; readonly subscription: ClientSubscription; readonly positions: readonly number[] }
  | {
      readonly type: 'commit';
      readonly bodies: readonly string[];
      readonly subscription: ClientSubscription | undefined;
      readonly positions: readonly number[];
    }
  | { readonly type: 'other' };

type Unsent<T> = T extends Request ? Omit<T, 'session' | 'token'> : never;

function numberOf(body: string): number {
  return Number(body.split(':')[1]);
}

const encoder = new TextEncoder();

/** One connection: asks, and knows what it was told. */
export class Client {
  readonly id: string;
  readonly node: string;
  readonly subscriptions: Map<number, ClientSubscription> = new Map();
  /** Effects that wait for a record to be read, and those behind them. */
  readonly waiting: BrokerEffect[] = [];
  readonly pending: Map<number, Pending> = new Map();
  over = false;
  /** The first of its messages that was refused, as far as it was told. */
  #refusedFrom = Infinity;
  #askedSince = 0;
  readonly #broker: Broker;
  readonly #judge: Judge;
  readonly #effects: BrokerEffect[];
  #token = 0;
  #number = 0;
  #lastSubscription = 0;

  constructor(id: string, node: string, broker: Broker, judge: Judge, effects: BrokerEffect[]) {
    this.id = id;
    this.node = node;
    this.#broker = broker;
    this.#judge = judge;
    this.#effects = effects;
  }

  get queues(): readonly ClientSubscription[] {
    return [...this.subscriptions.values()].filter(({ destination }) => destination.startsWith('/queue/'));
  }

  send(destination: string, filling: number): void {
    const { body, message } = this.#message(filling);
    const isTopic = destination.startsWith('/topic/');
    this.#ask({ type: 'send', destination, message }, { type: isTopic ? 'publish' : 'send', body });
  }

  subscribe(destination: string, prefetchMessages: number): void {
    const subscription = ++this.#lastSubscription;
    this.subscriptions.set(subscription, {
      number: subscription,
      destination,
      held: [],
      last: new Map(),
      confirmed: false,
    });
    this.#ask(
      { type: 'subscribe', subscription, destination, prefetchMessages, prefetchBytes: 1e9, attributes: null },
      { type: 'other' },
    );
  }

  unsubscribe({ number: subscription, held }: ClientSubscription): void {
    this.subscriptions.delete(subscription);
    for (const position of held) this.#judge.letGo(this, position);
    this.#ask({ type: 'unsubscribe', subscription }, { type: 'other' });
  }

  settle(subscription: ClientSubscription, positions: readonly number[], outcome: 'ack' | 'requeue'): void {
    subscription.held = subscription.held.filter((position) => !positions.includes(position));
    for (const position of positions) {
      if (outcome === 'ack') this.#judge.acknowledging(position);
      else this.#judge.letGo(this, position);
    }
    const settlement = { subscription: subscription.number, outcome, tags: positions };
    this.#ask(
      { type: 'settle', settlement },
      outcome === 'ack' ? { type: 'ack', subscription, positions } : { type: 'other' },
    );
  }

  commit(destinations: readonly string[], subscription: ClientSubscription | undefined, count: number): void {
    const positions = subscription?.held.slice(0, count) ?? [];
    if (subscription !== undefined) subscription.held = subscription.held.slice(count);
    for (const position of positions) this.#judge.acknowledging(position);
    const sends = destinations.map((destination) => ({ destination, ...this.#message(0) }));
    const bodies = sends.map(({ body }) => body);
    this.#judge.transaction(bodies, true);
    const number = subscription?.number ?? 0;
    const settlements =
      positions.length === 0 ? [] : [{ subscription: number, outcome: 'ack' as const, tags: positions }];
    this.#ask({ type: 'commit', sends, settlements }, { type: 'commit', bodies, subscription, positions });
  }

  /** It was told of a refusal, and has asked for more than enough since. */
  get hadEnough(): boolean {
    return this.#refusedFrom < Infinity && ++this.#askedSince > 5;
  }

  end(how: 'clean' | 'lost'): void {
    this.gone(false);
    this.#broker.handle({ type: 'endSession', session: this.id as SessionId, how }, this.#effects);
  }

  /** The connection is closed. `wholly`: with its node, or since nobody knows what became of its requests. */
  gone(wholly: boolean): void {
    this.over = true;
    this.waiting.length = 0;
    for (const { held } of this.subscriptions.values()) for (const position of held) this.#judge.letGo(this, position);
    for (const pending of this.pending.values()) {
      // What it acknowledged outside of a transaction is done all the same.
      if (pending.type === 'commit' || (wholly && pending.type === 'ack')) {
        for (const position of pending.positions) this.#judge.letGo(this, position);
      }
    }
    this.pending.clear();
  }

  effect(effect: BrokerEffect): void {
    if (this.over) return;
    switch (effect.type) {
      case 'reply': {
        const pending = this.pending.get(effect.token);
        require(pending !== undefined, `${this.id} is answered twice for ${effect.token}`);
        this.pending.delete(effect.token);
        return this.#answered(pending, effect.refusal?.code ?? null);
      }
      case 'deliverStored': {
        const subscription = this.subscriptions.get(effect.subscription);
        if (!this.#broker.give(effect)) return;
        // UNSUBSCRIBE is on its way: it is passed over, and comes back as if it had been written.
        if (subscription === undefined) return this.#judge.passedOver(effect.position);
        this.#judge.given(this, subscription, effect, this.#broker.applied);
        subscription.held.push(effect.position);
        return;
      }
      case 'deliver': {
        const subscription = this.subscriptions.get(effect.subscription);
        if (subscription === undefined) return;
        const [producer, number] = new TextDecoder().decode(effect.message.body).split(' ')[0]!.split(':');
        const last = subscription.last.get(producer!) ?? 0;
        require(Number(number) > last, `${this.id} got topic message ${producer}:${number} after ${last}`);
        subscription.last.set(producer!, Number(number));
        this.#ask(
          { type: 'settle', settlement: { subscription: subscription.number, outcome: 'ack', tags: [effect.tag] } },
          { type: 'other' },
        );
        return;
      }
      case 'abandonSession':
        return this.gone(true);
      case 'closeSession':
        require(false, `${this.id} was closed: ${effect.message}`);
    }
  }

  #answered(pending: Pending, refused: string | null): void {
    const judge = this.#judge;
    if (pending.type === 'commit') {
      const { bodies, subscription, positions } = pending;
      judge.transaction(bodies, false);
      if (refused === null) {
        for (const body of bodies) {
          this.#wasTaken(body);
          judge.sent(body);
        }
        for (const position of positions) judge.acknowledged(subscription, position);
        return;
      }
      if (refused === 'no-such-message') judge.transactionRefused(this, subscription, positions);
      else judge.refusedForRoom(refused);
      for (const body of bodies) this.#wasRefused(body);
      if (subscription !== undefined) subscription.held.push(...positions);
      // It has unsubscribed meanwhile: they go back.
      if (!this.subscriptions.has(subscription?.number ?? 0)) for (const one of positions) judge.letGo(this, one);
      return;
    }
    if (refused !== null) {
      require(pending.type === 'send' || pending.type === 'publish', `a ${pending.type} of ${this.id} was refused`);
      judge.refusedForRoom(refused);
      return this.#wasRefused(pending.body);
    }
    if (pending.type === 'publish') this.#wasTaken(pending.body);
    if (pending.type === 'send') {
      this.#wasTaken(pending.body);
      judge.sent(pending.body);
    }
    if (pending.type === 'ack')
      for (const position of pending.positions) judge.acknowledged(pending.subscription, position);
  }

  #wasTaken(body: string): void {
    const number = numberOf(body);
    require(number < this.#refusedFrom, `${body} was taken behind ${this.#refusedFrom}, which was refused`);
  }

  #wasRefused(body: string): void {
    this.#refusedFrom = Math.min(this.#refusedFrom, numberOf(body));
    this.#judge.refused(body);
  }

  #message(filling: number) {
    const body = `${this.id}:${++this.#number}`;
    const message = {
      envelope: 1,
      attributes: null,
      headerBlock: encoder.encode('h:1\n'),
      body: encoder.encode(`${body} ${'.'.repeat(filling)}`),
    };
    return { body, message };
  }

  #ask(wish: Unsent<Request>, pending: Pending): void {
    const token = ++this.#token;
    this.pending.set(token, pending);
    this.#broker.handle({ ...wish, session: this.id as SessionId, token } as Request, this.#effects);
  }
}
