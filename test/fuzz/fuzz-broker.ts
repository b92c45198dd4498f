import { SUM, sumOf } from './grammar.ts';
import type { Effect, Message, Request, Settlement } from '@lockstep/core';
import type { JournalPosition, SessionId } from '@lockstep/kernel';
import type { BrokerPort, SessionEndpoint } from '@lockstep/stomp-server';
import type { SimRandom } from '@lockstep/testkit';
import type { Delivered } from './grammar.ts';

type Requested<T extends Request['type']> = Extract<Request, { type: T }>;
type Answerable = Exclude<Request, { type: 'endSession' }>;

interface Consumer {
  readonly session: SessionId;
  readonly subscription: number;
  readonly destination: string;
  readonly window: number;
  /** Delivered and not settled, by tag. */
  readonly held: Map<number, Message>;
}

interface Client {
  readonly endpoint: SessionEndpoint;
  readonly pending: Answerable[];
  lastToken: number;
  lastSubscription: number;
  readonly consumers: Map<number, Consumer>;
  /** Deliveries for subscriptions that have ended meanwhile: a session passes over them. */
  readonly late: Effect[];
}

const STORE_MAX = 30;
const SUM_LINE = new RegExp(`^${SUM}:(\\d+)$`, 'm');

/**
 * A broker that answers when it likes, refuses now and then, and keeps books: what a session asks for must make sense, whatever
 * its client sent. Every mistake of a session is a thrown error.
 */
export class FuzzBroker implements BrokerPort {
  accepting: boolean = true;
  heldUpBy: string = 'the fuzzer says so';
  /** Chance by which a request is refused. */
  refusals = 0;
  /** Where its client may not send or subscribe. */
  denies: (session: SessionId, destination: string) => boolean = () => false;
  #random: SimRandom;
  readonly #clients = new Map<SessionId, Client>();
  readonly #gone = new Set<SessionId>();
  readonly #waiting = new Set<SessionEndpoint>();
  #store: Message[] = [];
  #position = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** What the session's client holds. */
  delivered(session: SessionId): Delivered[] {
    const list: Delivered[] = [];
    for (const { subscription, held } of this.#clients.get(session)?.consumers.values() ?? []) {
      for (const { volatileId, position } of held.values()) {
        list.push({ subscription, id: volatileId ?? String(position) });
      }
    }
    return list;
  }

  has(session: SessionId): boolean {
    return this.#clients.has(session);
  }

  /** A new case begins: its chance, and no messages of earlier ones. */
  begin(random: SimRandom): void {
    this.#random = random;
    this.#store = [];
    this.#position = 0;
    this.#gone.clear();
  }

  attach(session: SessionId, endpoint: SessionEndpoint): void {
    check(!this.#clients.has(session) && !this.#gone.has(session), 'a session attaches twice');
    const client = { endpoint, pending: [], lastToken: 0, lastSubscription: 0, consumers: new Map(), late: [] };
    this.#clients.set(session, client);
  }

  submit(request: Request): void {
    const client = this.#clients.get(request.session);
    check(client !== undefined, `${request.type} of a session that is not attached, or over`);
    if (request.type === 'endSession') {
      this.#clients.delete(request.session);
      this.#gone.add(request.session);
      for (const consumer of client.consumers.values()) this.#putBack(consumer);
      return;
    }
    check(request.token > client.lastToken, 'tokens grow');
    client.lastToken = request.token;
    this.#note(client, request);
    client.pending.push(request);
  }

  taken(): void {}

  callWhenAccepting(endpoint: SessionEndpoint): void {
    this.#waiting.add(endpoint);
  }

  accept(accepting: boolean): void {
    this.accepting = accepting;
    if (!accepting) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const endpoint of waiting) endpoint.resume();
  }

  /** Answers some of what was asked, or all, and delivers. */
  turn(all: boolean): void {
    for (const client of this.#clients.values()) {
      const effects = [...client.late.splice(0), ...this.#answer(client, all)];
      for (const consumer of client.consumers.values()) this.#deliver(consumer, effects);
      for (const effect of effects) client.endpoint.effect(effect);
      if (effects.length > 0) client.endpoint.flush();
    }
  }

  /** The broker ends the session of itself: with a word to the client, or without. */
  drop(session: SessionId, silently: boolean): void {
    const client = this.#clients.get(session);
    if (client === undefined) return;
    this.#clients.delete(session);
    this.#gone.add(session);
    if (silently) return client.endpoint.abandon();
    client.endpoint.effect({ type: 'closeSession', session, code: 'slow-consumer', message: 'the fuzzer ends it' });
    client.endpoint.flush();
  }

  #answer(client: Client, all: boolean): Effect[] {
    const count = all ? client.pending.length : this.#random.below(client.pending.length + 1);
    return client.pending.splice(0, count).map(({ session, token }) => {
      const refused = this.refusals > 0 && this.#random.chance(this.refusals);
      const refusal = refused ? ({ code: 'overloaded', message: 'refused by the fuzzer' } as const) : null;
      return { type: 'reply', session, token, refusal };
    });
  }

  #note(client: Client, request: Answerable): void {
    switch (request.type) {
      case 'send':
        check(!this.denies(request.session, request.destination), 'nothing is sent where the client may not');
        return this.#keep(request.destination, request.message);
      case 'subscribe':
        return this.#subscribe(client, request);
      case 'unsubscribe': {
        const consumer = client.consumers.get(request.subscription);
        check(consumer !== undefined, 'UNSUBSCRIBE of a subscription that there is');
        client.consumers.delete(request.subscription);
        for (const [tag, message] of consumer.held) client.late.push(toDelivery(consumer, tag, message, false));
        return this.#putBack(consumer);
      }
      case 'settle':
        return this.#settle(client, request.settlement);
      case 'commit':
        for (const settlement of request.settlements) this.#settle(client, settlement);
        for (const { destination, message } of request.sends) this.#keep(destination, message);
        return;
    }
  }

  #subscribe(client: Client, request: Requested<'subscribe'>): void {
    const { session, subscription, destination, prefetchMessages, prefetchBytes } = request;
    check(subscription > client.lastSubscription, 'numbers of subscriptions grow');
    check(!this.denies(session, destination), 'nothing is read where the client may not');
    check(prefetchMessages > 0 && prefetchBytes > 0, 'a window lets something through');
    client.lastSubscription = subscription;
    const window = Math.min(prefetchMessages, 10);
    client.consumers.set(subscription, { session, subscription, destination, window, held: new Map() });
  }

  #settle(client: Client, { subscription, tags }: Settlement): void {
    const consumer = client.consumers.get(subscription);
    check(consumer !== undefined, 'a settlement of a subscription that there is');
    check(tags.length > 0, 'a settlement settles something');
    for (const tag of tags)
      check(consumer.held.delete(tag), `message ${tag} is held when it is settled, and settled once`);
  }

  #keep(destination: string, { envelope, headerBlock, body, attributes }: Requested<'send'>['message']): void {
    check(/^\/(queue|topic)\/./.test(destination), `${destination} is a canonical destination`);
    const lines = Buffer.from(headerBlock).toString('latin1');
    check(lines === '' || /^([^\n:]+:[^\n]*\n)+$/.test(lines), 'a stored header block is whole lines');
    const sum = SUM_LINE.exec(lines)?.[1];
    check(sum === undefined || Number(sum) === sumOf(body), 'a body arrives as it was sent');
    this.#position++;
    const volatile = destination.startsWith('/topic/');
    this.#store.push({
      position: (volatile ? 0 : this.#position) as JournalPosition,
      volatileId: volatile ? `v1-${this.#position}` : null,
      destination,
      timestampMs: 1_700_000_000_000,
      envelope,
      headerBlock: new Uint8Array(headerBlock),
      body: new Uint8Array(body),
      deadLetter: null,
      attributes,
    });
    if (this.#store.length > STORE_MAX) this.#store.shift();
  }

  #putBack(consumer: Consumer): void {
    this.#store.unshift(...consumer.held.values());
    this.#store.length = Math.min(this.#store.length, STORE_MAX);
  }

  #deliver(consumer: Consumer, effects: Effect[]): void {
    for (let i = 0; i < this.#store.length && consumer.held.size < consumer.window; i++) {
      const message = this.#store[i]!;
      if (message.destination !== consumer.destination || this.#random.chance(0.3)) continue;
      this.#store.splice(i, 1);
      i--;
      const tag = message.volatileId === null ? message.position : Number(message.volatileId.slice(3));
      consumer.held.set(tag, message);
      effects.push(toDelivery(consumer, tag, message, this.#random.chance(0.1)));
    }
  }
}

function toDelivery(consumer: Consumer, tag: number, message: Message, redelivered: boolean): Effect {
  const { session, subscription } = consumer;
  return { type: 'deliver', session, subscription, tag, message, redelivered, deliveryCount: 1 };
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the session broke a rule: ${what}`);
}
