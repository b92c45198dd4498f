import type { SessionId } from '@lockstep/kernel';
import type { DestinationNames } from '../commands/destination-names.ts';
import type { BrokerEffect } from '../effects.ts';
import { badDestination, behindRefused, notHeld, overloaded, subscriptionInUse, tooLarge } from '../master/refusals.ts';
import type { Refusal, Request } from '../requests.ts';
import { isDestination, isTopic } from './destination-kind.ts';
import { CommitUnit, SettleUnit } from './outstanding.ts';
import type { Unit } from './outstanding.ts';
import type { ProposalStream } from './proposal-stream.ts';
import type { QueueConsumer } from './queue-consumer.ts';
import type { QueueConsumers, ServedQueues } from './queue-consumers.ts';
import { ServingSession } from './serving-session.ts';
import type { TopicSend, VolatileStep } from './serving-session.ts';
import { takeHeld } from './take-held.ts';
import type { TopicAnswers } from './topic-answers.ts';
import type { TopicConsumer } from './topic-consumer.ts';
import type { TopicFanOut } from './topic-fan-out.ts';

type SendRequest = Extract<Request, { type: 'send' }>;
type SettleRequest = Extract<Request, { type: 'settle' }>;
type CommitRequest = Extract<Request, { type: 'commit' }>;
type SubscribeRequest = Extract<Request, { type: 'subscribe' }>;

const closedSessionsMax = 1000;

export interface SessionsOptions {
  readonly messageBytesMax: number;
  readonly waitingBytesMax: number;
}

/** What the sessions work on. */
export interface SessionsParts {
  readonly names: DestinationNames;
  readonly stream: ProposalStream;
  readonly consumers: QueueConsumers;
  readonly topics: TopicFanOut;
  readonly answers: TopicAnswers;
  readonly state: () => ServedQueues;
}

/** The sessions of this node: takes their requests, and answers them when the log or the master has spoken. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #parts: SessionsParts;
  readonly #stream: ProposalStream;
  readonly #consumers: QueueConsumers;
  readonly #sessions = new Map<SessionId, ServingSession>();
  #lastKey = 0;
  /** The last sessions that were closed from here. */
  readonly #closed = new Set<SessionId>();
  /** Those whose settlements were gathered and not yet proposed, with their tokens. */
  #gatheredSessions: ServingSession[] = [];
  #gatheredTokens: number[] = [];

  constructor(parts: SessionsParts, options: SessionsOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#stream = parts.stream;
    this.#consumers = parts.consumers;
  }

  /** Requests whose settlements have not been proposed. */
  get gathered(): number {
    return this.#gatheredTokens.length;
  }

  handle(request: Request, effects: BrokerEffect[]): void {
    if (this.#closed.size > 0 && this.#closed.has(request.session)) return;
    const session = this.#session(request.session);
    switch (request.type) {
      case 'endSession':
        return this.#end(session, request.how);
      case 'send':
        return this.#send(session, request, effects);
      case 'settle':
        return this.#settle(session, request, effects);
      case 'commit':
        return this.#commit(session, request, effects);
      case 'subscribe':
      case 'unsubscribe':
        this.#step(session, request, effects);
    }
  }

  /** Proposes the settlements of this turn: before whatever the same session asks for next. */
  gather(): void {
    let groups = this.#consumers.takeGathered();
    if (groups === null) return;
    for (let next = this.#consumers.takeGathered(); next !== null; next = this.#consumers.takeGathered()) {
      this.#stream.settle(groups, null, 0);
      groups = next;
    }
    this.#stream.settle(groups, null, 0);
    for (const [index, session] of this.#gatheredSessions.entries()) {
      session.gathered = false;
      this.#stream.alsoAnswers(session, this.#gatheredTokens[index]!);
    }
    this.#gatheredSessions.length = 0;
    this.#gatheredTokens.length = 0;
  }

  /** The numbers up to `through` are over. `refusal` null: they took effect. */
  over(through: number, refusal: Refusal | null, effects: BrokerEffect[]): void {
    const { outstanding } = this.#stream;
    while (outstanding.number <= through) {
      const { number, unit, session, token } = outstanding;
      outstanding.shift();
      if (unit !== null) this.#unitOver(number, unit, refusal === null);
      if (session === null) continue;
      session.applied++;
      if (refusal !== null) session.refused = true;
      if (!session.over) effects.push(reply(session, token, refusal));
      for (let step = session.takeDue(); step !== null; step = session.takeDue()) this.#take(session, step, effects);
    }
  }

  /** The numbers up to `through` are over, and nobody can say how: the sessions that asked are abandoned. */
  passedOver(through: number, effects: BrokerEffect[]): void {
    const { outstanding } = this.#stream;
    const asked = new Set<ServingSession>();
    while (outstanding.number <= through) {
      const { number, unit, session } = outstanding;
      outstanding.shift();
      if (unit !== null) this.#unitOver(number, unit, false);
      if (session === null) continue;
      session.applied++;
      asked.add(session);
    }
    for (const session of asked) {
      session.dropWaiting();
      if (!session.over) this.#abandon(session, effects);
    }
  }

  /** The stream is void: so is all that the sessions had. They are abandoned. */
  abandonAll(effects: BrokerEffect[]): void {
    for (const session of this.#sessions.values()) this.#abandon(session, effects);
    this.#gatheredSessions.length = 0;
    this.#gatheredTokens.length = 0;
  }

  /** The topic subscription's session does not keep up: it is closed. */
  closeSlow(consumer: TopicConsumer, effects: BrokerEffect[]): void {
    const session = this.#sessions.get(consumer.session);
    if (session === undefined) return;
    const message = `${consumer.backlogBytes} bytes wait for subscription ${consumer.subscription} to a topic: it does not keep up`;
    effects.push({ type: 'closeSession', session: session.id, code: 'slow-consumer', message });
    this.#end(session, 'clean');
    this.#rememberClosed(session.id);
  }

  /** The master has answered for the consumer. */
  answer(consumer: QueueConsumer, refusal: Refusal | null, effects: BrokerEffect[]): void {
    const { session, token } = consumer;
    consumer.token = null;
    if (token === null) return;
    if (refusal !== null) session.subscriptions.delete(consumer.subscription);
    if (!session.over) effects.push(reply(session, token, refusal));
  }

  /** The node's topic messages up to that one have been passed on. */
  published(number: number, effects: BrokerEffect[]): void {
    const { publications } = this.#stream;
    for (let next = publications.take(number); next !== null; next = publications.take(number)) {
      const { session, token } = next;
      if (session !== null && !session.over) effects.push(reply(session, token, null));
    }
  }

  #send(session: ServingSession, { token, destination, message }: SendRequest, effects: BrokerEffect[]): void {
    const refusal = this.#refusalOf(destination, message) ?? this.#barred(session, destination);
    if (refusal !== null) {
      this.#refuse(session, token, refusal, effects);
    } else if (isTopic(destination)) {
      this.#publishSteps(session, token, [{ destination, message }], effects);
    } else {
      if (session.gathered) this.gather();
      session.issued++;
      this.#stream.message(session, token, destination, message);
    }
  }

  #settle(session: ServingSession, { token, settlement }: SettleRequest, effects: BrokerEffect[]): void {
    const subscription = session.subscriptions.get(settlement.subscription);
    if (subscription?.kind === 'queue' && this.#consumers.settle(subscription, settlement) > 0) {
      session.issued++;
      session.gathered = true;
      this.#gatheredSessions.push(session);
      this.#gatheredTokens.push(token);
      return;
    }
    if (subscription?.kind === 'topic') this.#settleTopic(subscription, settlement.tags);
    this.#step(session, { type: 'reply', token, refusal: null }, effects);
  }

  #commit(session: ServingSession, request: CommitRequest, effects: BrokerEffect[]): void {
    const { token, sends, settlements } = request;
    let refusal = this.#barred(session, 'COMMIT');
    for (const { destination, message } of sends) refusal ??= this.#refusalOf(destination, message);
    if (session.gathered) this.gather();
    const groups = refusal === null ? takeHeld(session, settlements, this.#consumers) : null;
    if (groups === null) return this.#refuse(session, token, refusal ?? notHeld(), effects);
    for (const { subscription: number, tags } of settlements) {
      const subscription = session.subscriptions.get(number);
      if (subscription?.kind === 'topic') this.#settleTopic(subscription, tags);
    }
    const durable = sends.filter(({ destination }) => !isTopic(destination));
    const toTopics = sends.filter(({ destination }) => isTopic(destination));
    if (durable.length === 0 && groups.length === 0) {
      this.#publishSteps(session, token, toTopics, effects);
      return;
    }
    session.issued++;
    const [only] = durable;
    if (durable.length === 1 && groups.length === 0 && toTopics.length === 0) {
      this.#stream.message(session, token, only!.destination, only!.message);
      return;
    }
    const topicSends = toTopics.map(({ destination, message }) => this.#stream.topicSend(destination, message));
    this.#stream.commit(session, token, { sends: durable, groups, topicSends });
  }

  #refusalOf(destination: string, { headerBlock, body }: SendRequest['message']): Refusal | null {
    if (!isDestination(destination, this.#parts.names)) return badDestination(destination);
    const bytes = headerBlock.length + body.length;
    const { messageBytesMax } = this.#options;
    return bytes > messageBytesMax ? tooLarge(destination, bytes, messageBytesMax) : null;
  }

  /** Nothing can have a number yet, or nothing of this session may. */
  #barred({ refused, refusing }: ServingSession, destination: string): Refusal | null {
    if (refused || refusing) return behindRefused();
    return this.#stream.epoch === 0 ? overloaded(destination) : null;
  }

  /** In its turn; and all messages that the session asks for from now on. */
  #refuse(session: ServingSession, token: number, refusal: Refusal, effects: BrokerEffect[]): void {
    session.refusing = true;
    this.#step(session, { type: 'reply', token, refusal }, effects);
  }

  #publishSteps(
    session: ServingSession,
    token: number,
    messages: readonly Pick<SendRequest, 'destination' | 'message'>[],
    effects: BrokerEffect[],
  ): void {
    const where = messages.length === 1 ? messages[0]!.destination : 'COMMIT';
    let bytes = session.waitingBytes;
    for (const { message } of messages) bytes += message.headerBlock.length + message.body.length;
    const isTooMuch = !session.isClear && bytes > this.#options.waitingBytesMax;
    if (isTooMuch) return this.#refuse(session, token, overloaded(where), effects);
    const sends = messages.map((one) => this.#stream.topicSend(one.destination, one.message));
    this.#step(session, { type: 'publish', token, sends }, effects);
  }

  /** A request that does not go through the log: it takes effect once the session's earlier ones have. */
  #step(session: ServingSession, step: VolatileStep, effects: BrokerEffect[]): void {
    if (session.isClear) this.#take(session, step, effects);
    else session.wait(step);
  }

  #take(session: ServingSession, step: VolatileStep, effects: BrokerEffect[]): void {
    const { token } = step;
    switch (step.type) {
      case 'reply':
        if (step.refusal !== null) session.refused = true;
        this.#reply(session, token, step.refusal, effects);
        return;
      case 'publish':
        if (session.refused) this.#reply(session, token, behindRefused(), effects);
        else if (step.sends.length === 0) this.#reply(session, token, null, effects);
        else this.#publish(step.sends, session, token);
        return;
      case 'subscribe':
        if (!session.over) this.#subscribe(session, step, effects);
        return;
      case 'unsubscribe':
        this.#unsubscribe(session, step.subscription, token, effects);
    }
  }

  /** The last of them answers. `session` null: nobody waits. */
  #publish(sends: readonly TopicSend[], session: ServingSession | null, token: number): void {
    for (const [index, send] of sends.entries()) {
      this.#stream.publish(send, index === sends.length - 1 ? session : null, token);
    }
  }

  #subscribe(session: ServingSession, request: SubscribeRequest, effects: BrokerEffect[]): void {
    const { token, subscription, destination } = request;
    let refusal = isDestination(destination, this.#parts.names) ? null : badDestination(destination);
    if (session.subscriptions.has(subscription)) refusal ??= subscriptionInUse(subscription);
    if (refusal !== null) {
      this.#reply(session, token, refusal, effects);
    } else if (isTopic(destination)) {
      const { topics, answers } = this.#parts;
      session.subscriptions.set(subscription, topics.subscribe(session.id, request, this.#stream.publications.last));
      answers.tell(topics.interestIn(destination), { session, token });
    } else {
      const consumer = this.#consumers.add(session, request, subscription);
      consumer.token = token;
      session.subscriptions.set(subscription, consumer);
    }
  }

  #unsubscribe(session: ServingSession, number: number, token: number, effects: BrokerEffect[]): void {
    const subscription = session.subscriptions.get(number);
    if (subscription === undefined) return this.#reply(session, token, null, effects);
    session.subscriptions.delete(number);
    if (subscription.kind === 'topic') this.#leaveTopic(subscription, { session, token });
    else {
      // Its own answer is on the way as well: whichever word of the master comes first answers both.
      if (subscription.token !== null) this.#reply(session, subscription.token, null, effects);
      subscription.token = token;
      this.#consumers.end(subscription, 'clean', this.#parts.state());
    }
  }

  #leaveTopic(consumer: TopicConsumer, answer: { session: ServingSession; token: number } | null): void {
    const { topics, answers } = this.#parts;
    topics.unsubscribe(consumer);
    answers.tell(topics.interestIn(consumer.destination), answer);
  }

  /** The session's messages go back; what it sent and was not yet applied takes effect in its turn all the same. */
  #end(session: ServingSession, how: 'clean' | 'lost'): void {
    session.over = true;
    this.#sessions.delete(session.id);
    for (const subscription of session.subscriptions.values()) {
      if (subscription.kind === 'topic') this.#leaveTopic(subscription, null);
      else this.#consumers.end(subscription, how, this.#parts.state());
    }
    session.subscriptions.clear();
  }

  #abandon(session: ServingSession, effects: BrokerEffect[]): void {
    effects.push({ type: 'abandonSession', session: session.id });
    this.#end(session, 'clean');
    this.#rememberClosed(session.id);
  }

  #unitOver(number: number, unit: Unit, accepted: boolean): void {
    this.#stream.release(unit);
    if (unit instanceof SettleUnit || unit instanceof CommitUnit) {
      this.#consumers.settled(number, unit.groups, accepted, this.#parts.state());
    }
    if (unit instanceof CommitUnit && accepted) this.#publish(unit.topicSends, null, 0);
  }

  /** Topic messages are nowhere kept: settling them only makes room in the window. */
  #settleTopic(consumer: TopicConsumer, tags: readonly number[]): void {
    for (const tag of tags) consumer.settle(tag);
    if (consumer.hasWork) this.#parts.topics.wake(consumer);
  }

  /** Long enough for requests that were on their way. */
  #rememberClosed(id: SessionId): void {
    this.#closed.add(id);
    if (this.#closed.size <= closedSessionsMax) return;
    const [oldest] = this.#closed;
    if (oldest !== undefined) this.#closed.delete(oldest);
  }

  #reply(session: ServingSession, token: number, refusal: Refusal | null, effects: BrokerEffect[]): void {
    if (!session.over) effects.push(reply(session, token, refusal));
  }

  #session(id: SessionId): ServingSession {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const session = new ServingSession(id, ++this.#lastKey);
    this.#sessions.set(id, session);
    return session;
  }
}

function reply({ id: session }: ServingSession, token: number, refusal: Refusal | null): BrokerEffect {
  return { type: 'reply', session, token, refusal };
}
