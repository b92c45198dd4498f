import type { JournalPosition, SessionId } from '@lockstep/kernel';
import { ByteWriter } from '../commands/byte-writer.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { writeEnqueue, writeOpen } from '../commands/encoder.ts';
import { commandType, outcomeCode } from '../commands/format.ts';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import type { TopicConsumer } from '../dispatch/topic-consumer.ts';
import type { BrokerEffect, Message, StoredDelivery } from '../effects.ts';
import type { BrokerOptions } from '../options.ts';
import type { Proposer } from '../proposer.ts';
import type { NewMessage, Refusal, Request } from '../requests.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import { indexBytesOf, recordOverheadBytes } from '../state/costs.ts';
import { MasterSession } from './master-session.ts';
import type { VolatileStep } from './master-session.ts';
import { PendingReplies } from './pending-replies.ts';
import { badDestination, notHeld, overloaded, storeFull, subscriptionInUse, tooLarge } from './refusals.ts';
import { writeSettlements } from './settlement-outbox.ts';
import { makeTopicMessage } from './topic-message.ts';
import { proposeTransaction } from './transaction.ts';

type SendRequest = Extract<Request, { type: 'send' }>;
type SettleRequest = Extract<Request, { type: 'settle' }>;
type CommitRequest = Extract<Request, { type: 'commit' }>;

/** Holds a message of a few MiB: a new buffer for each costs more in page faults and collections than all else (bench `large`). */
const scratchBytesKept = 4 * 1024 * 1024;
const destinationBytesMax = 1024;
const storeLimit = 'waiting messages take all of journal.hardLimitBytes';
const indexLimit = 'the index of waiting messages takes all of limits.indexBytes';
const closedSessionsMax = 1000;

/**
 * The master's side of the broker, for one mastership: sessions, what of theirs is under way, and the dispatcher. Forgotten as a
 * whole when the mastership ends.
 */
export class Mastership {
  readonly state: ReplicatedState;
  readonly options: BrokerOptions;
  readonly names: DestinationNames;
  readonly proposer: Proposer;
  readonly dispatcher: Dispatcher;
  readonly scratch: ByteWriter = new ByteWriter(scratchBytesKept);
  readonly #sessions = new Map<SessionId, MasterSession>();
  /** The last sessions that were closed from here. */
  readonly #closed = new Set<SessionId>();
  readonly #pending = new PendingReplies();
  /** Those whose settlements were gathered and not yet proposed, with their tokens. */
  #gatheredSessions: MasterSession[] = [];
  #gatheredTokens: number[] = [];
  #opening: number | null = null;
  #openedAtMs = 0;
  #volatileMessages = 0;
  /** Messages proposed and not yet applied, and what they take in the log. */
  #messagesUnderWay = 0;
  #bytesUnderWay = 0;

  constructor(state: ReplicatedState, options: BrokerOptions, names: DestinationNames, proposer: Proposer) {
    this.state = state;
    this.options = options;
    this.names = names;
    this.proposer = proposer;
    this.dispatcher = new Dispatcher(state);
    this.#open();
  }

  /** Another master has opened: this mastership is over, whatever the node has been told. */
  isOver(): boolean {
    const { position, wallMs } = this.state.opening;
    if (position < this.dispatcher.opening) return false;
    return position !== this.#opening || wallMs !== this.#openedAtMs;
  }

  handle(request: Request, effects: BrokerEffect[]): void {
    if (this.#closed.size > 0 && this.#closed.has(request.session)) return;
    const session = this.#session(request.session);
    if (request.type === 'endSession') {
      this.#endSession(session, request.how === 'lost');
      return;
    }
    switch (request.type) {
      case 'send':
        this.#send(session, request, effects);
        return;
      case 'settle':
        this.#settle(session, request, effects);
        return;
      case 'commit':
        this.#commit(session, request, effects);
        return;
      case 'subscribe':
      case 'unsubscribe':
        this.#step(session, request, effects);
    }
  }

  /** A command of this mastership has been applied; `accepted` is what the state made of it. */
  applied(position: JournalPosition, command: Uint8Array, accepted: boolean, effects: BrokerEffect[]): void {
    const type = command[1]!;
    if (type === commandType.enqueue || type === commandType.transactionPart) {
      this.#bytesUnderWay = Math.max(0, this.#bytesUnderWay - command.length - recordOverheadBytes);
      this.#messagesUnderWay = Math.max(0, this.#messagesUnderWay - 1);
    }
    const pending = this.#pending;
    while (pending.position <= position) {
      const { session, token, topicMessages } = pending;
      pending.shift();
      session.applied++;
      if (accepted && topicMessages !== null) this.#publish(topicMessages);
      if (!session.over) effects.push(reply(session.id, token, accepted ? null : notHeld()));
      for (let step = session.takeDue(); step !== null; step = session.takeDue()) this.#take(session, step, effects);
    }
  }

  flush(effects: BrokerEffect[], dispatch: boolean): void {
    if (this.#opening === null && !this.#open()) return;
    this.#proposeSettlements();
    if (dispatch) this.dispatcher.dispatch(effects);
    for (const consumer of this.dispatcher.slowConsumers(this.options.topicBacklogBytesMax)) {
      const session = this.#sessions.get(consumer.session);
      if (session === undefined) continue;
      const message = `${consumer.backlogBytes} bytes wait for subscription ${consumer.subscription} to a topic: it does not keep up`;
      effects.push({ type: 'closeSession', session: session.id, code: 'slow-consumer', message });
      this.#endSession(session, false);
      this.#rememberClosed(session.id);
    }
    // What the closed sessions held may go to others at once.
    if (dispatch) this.dispatcher.dispatch(effects);
  }

  /** See `Broker.undeliverable`. */
  undeliverable(delivery: StoredDelivery): boolean {
    const session = this.#sessions.get(delivery.session);
    return this.dispatcher.undeliverable(session?.subscriptions.get(delivery.subscription), delivery);
  }

  /** The refusal of messages to these destinations, if there is one. */
  refusalOf(sends: CommitRequest['sends']): Refusal | null {
    const { messageBytesMax, storeBytesMax, indexBytesMax, sendsRefused } = this.options;
    let storeBytes = this.state.storeBytes + this.#bytesUnderWay;
    let indexBytes = this.state.indexBytes + indexBytesOf(this.#messagesUnderWay, 0);
    for (const { destination, message } of sends) {
      if (!this.#isDestination(destination)) return badDestination(destination);
      const bytes = message.headerBlock.length + message.body.length;
      if (bytes > messageBytesMax) return tooLarge(destination, bytes, messageBytesMax);
      if (isTopic(destination)) continue;
      storeBytes += bytes + recordOverheadBytes;
      indexBytes += indexBytesOf(1, 0);
      if (storeBytes > storeBytesMax) return storeFull(destination, storeLimit);
      if (indexBytes > indexBytesMax) return storeFull(destination, indexLimit);
      const refused = sendsRefused();
      if (refused !== null) return storeFull(destination, refused);
    }
    return null;
  }

  /** A message that nobody stores, with the bytes copied. */
  topicMessage(destination: string, message: NewMessage): Message {
    const id = `v${this.#opening}-${++this.#volatileMessages}`;
    return makeTopicMessage(id, destination, this.proposer.wallMs(), message);
  }

  /** Proposes what `scratch` holds: commands with these ends. Null: nothing was proposed. */
  propose(ends: readonly number[]): JournalPosition | null {
    const commands: Uint8Array[] = [];
    let from = 0;
    for (const end of ends) {
      commands.push(this.scratch.view(from, end));
      from = end;
    }
    return this.proposer.propose(commands);
  }

  /** Notes that the session's request is answered once `position` has been applied. */
  await(position: number, session: MasterSession, token: number, topic: readonly Message[] | null): void {
    session.issued++;
    this.#pending.push(position, session, token, topic);
  }

  /** So many messages were proposed, with commands of so many bytes together. */
  proposedMessages(messages: number, bytes: number): void {
    this.#messagesUnderWay += messages;
    this.#bytesUnderWay += bytes + messages * recordOverheadBytes;
  }

  /** Topic messages are nowhere kept: settling them only makes room in the window. */
  settleTopic(consumer: TopicConsumer, tags: readonly number[]): void {
    for (const tag of tags) consumer.settle(tag);
    if (consumer.hasWork) this.dispatcher.wakeTopic(consumer);
  }

  #open(): boolean {
    const { maxDeliveries, deadLetterQueue } = this.options;
    this.#openedAtMs = this.proposer.wallMs();
    this.scratch.clear();
    writeOpen(this.scratch, this.#openedAtMs, { maxDeliveries, deadLetterQueue }, this.names);
    this.#opening = this.propose([this.scratch.length]);
    return this.#opening !== null;
  }

  #send(session: MasterSession, { token, destination, message }: SendRequest, effects: BrokerEffect[]): void {
    const refusal = this.refusalOf([{ destination, message }]);
    if (refusal !== null) {
      this.#step(session, { type: 'reply', token, refusal }, effects);
    } else if (this.#opening === null) {
      this.#step(session, { type: 'reply', token, refusal: overloaded(destination) }, effects);
    } else if (isTopic(destination)) {
      this.#sendToTopic(session, token, destination, message, effects);
    } else {
      const { scratch } = this;
      const ordered = !session.gathered || this.#proposeSettlements();
      scratch.clear();
      const name = this.names.bytesOf(destination);
      writeEnqueue(scratch, commandType.enqueue, name, this.proposer.wallMs(), message);
      const position = ordered ? this.propose([scratch.length]) : null;
      if (position === null) {
        this.#step(session, { type: 'reply', token, refusal: overloaded(destination) }, effects);
        return;
      }
      this.await(position, session, token, null);
      this.proposedMessages(1, scratch.length);
    }
  }

  #sendToTopic(session: MasterSession, token: number, to: string, message: NewMessage, effects: BrokerEffect[]): void {
    if (session.isClear) {
      if (this.dispatcher.hasSubscribers(to)) this.dispatcher.publish(to, this.topicMessage(to, message));
      effects.push(reply(session.id, token, null));
      return;
    }
    // It must wait. Who subscribes before its turn is to get it: so it is kept even if nobody listens now.
    const bytes = message.headerBlock.length + message.body.length;
    if (session.waitingBytes + bytes > this.options.waitingBytesMax) {
      session.wait({ type: 'reply', token, refusal: overloaded(to) });
    } else session.wait({ type: 'publish', token, messages: [this.topicMessage(to, message)] });
  }

  #settle(session: MasterSession, { token, settlement }: SettleRequest, effects: BrokerEffect[]): void {
    const subscription = session.subscriptions.get(settlement.subscription);
    let settled = 0;
    if (subscription?.kind === 'queue') {
      const outcome = outcomeCode[settlement.outcome];
      for (const tag of settlement.tags) if (subscription.queue.settle(subscription.consumer, tag, outcome)) settled++;
    } else if (subscription?.kind === 'topic') {
      this.settleTopic(subscription.consumer, settlement.tags);
    }
    if (settled === 0) {
      this.#step(session, { type: 'reply', token, refusal: null }, effects);
      return;
    }
    session.issued++;
    session.gathered = true;
    this.#gatheredSessions.push(session);
    this.#gatheredTokens.push(token);
  }

  #commit(session: MasterSession, request: CommitRequest, effects: BrokerEffect[]): void {
    const ready = this.#opening !== null && (!session.gathered || this.#proposeSettlements());
    const outcome =
      this.refusalOf(request.sends) ?? (ready ? proposeTransaction(this, session, request) : overloaded('COMMIT'));
    if (outcome === 'under-way') return;
    const { token } = request;
    this.#step(
      session,
      outcome === 'volatile' ? this.#volatileCommit(session, request) : { type: 'reply', token, refusal: outcome },
      effects,
    );
  }

  /** A transaction without anything for the log. */
  #volatileCommit(session: MasterSession, { token, sends }: CommitRequest): VolatileStep {
    if (session.waitingBytes > this.options.waitingBytesMax)
      return { type: 'reply', token, refusal: overloaded('COMMIT') };
    return {
      type: 'publish',
      token,
      messages: sends.map(({ destination, message }) => this.topicMessage(destination, message)),
    };
  }

  /** A request that does not go through the log: it takes effect once the session's earlier ones have. */
  #step(session: MasterSession, step: VolatileStep, effects: BrokerEffect[]): void {
    if (session.isClear) this.#take(session, step, effects);
    else session.wait(step);
  }

  #take(session: MasterSession, step: VolatileStep, effects: BrokerEffect[]): void {
    let refusal: Refusal | null = null;
    switch (step.type) {
      case 'reply':
        ({ refusal } = step);
        break;
      case 'publish':
        this.#publish(step.messages);
        break;
      case 'subscribe':
        if (!session.over) refusal = this.#subscribe(session, step);
        break;
      case 'unsubscribe':
        this.#unsubscribe(session, step.subscription);
        break;
    }
    if (!session.over) effects.push(reply(session.id, step.token, refusal));
  }

  #subscribe(session: MasterSession, request: Extract<VolatileStep, { type: 'subscribe' }>): Refusal | null {
    if (!this.#isDestination(request.destination)) return badDestination(request.destination);
    if (session.subscriptions.has(request.subscription)) return subscriptionInUse(request.subscription);
    session.subscriptions.set(request.subscription, this.dispatcher.subscribe(session.id, request));
    return null;
  }

  #unsubscribe(session: MasterSession, number: number): void {
    const subscription = session.subscriptions.get(number);
    if (subscription === undefined) return;
    session.subscriptions.delete(number);
    this.dispatcher.unsubscribe(subscription, false);
  }

  #publish(messages: readonly Message[]): void {
    for (const message of messages) this.dispatcher.publish(message.destination, message);
  }

  /** The session's messages go back; what it sent and was not yet applied takes effect in its turn all the same. */
  #endSession(session: MasterSession, lost: boolean): void {
    session.over = true;
    for (const subscription of session.subscriptions.values()) this.dispatcher.unsubscribe(subscription, lost);
    session.subscriptions.clear();
    this.#sessions.delete(session.id);
  }

  /** Long enough for requests that were on their way. */
  #rememberClosed(id: SessionId): void {
    this.#closed.add(id);
    if (this.#closed.size <= closedSessionsMax) return;
    const [oldest] = this.#closed;
    if (oldest !== undefined) this.#closed.delete(oldest);
  }

  /** False: there was something to propose, and it could not be; it stays gathered. */
  #proposeSettlements(): boolean {
    if (this.dispatcher.settling.length === 0) return true;
    this.scratch.clear();
    const ends = writeSettlements(this.scratch, this.dispatcher, this.names);
    const first = this.propose(ends);
    if (first === null) return false;
    this.dispatcher.settlementsProposed();
    const last = first + ends.length - 1;
    for (const [index, session] of this.#gatheredSessions.entries()) {
      session.gathered = false;
      this.#pending.push(last, session, this.#gatheredTokens[index]!, null);
    }
    this.#gatheredSessions.length = 0;
    this.#gatheredTokens.length = 0;
    return true;
  }

  #session(id: SessionId): MasterSession {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const session = new MasterSession(id);
    this.#sessions.set(id, session);
    return session;
  }

  #isDestination(name: string): boolean {
    if (name.length > destinationBytesMax) return false;
    const kind = name.startsWith('/queue/') || name.startsWith('/topic/');
    if (!kind || name.length <= '/queue/'.length) return false;
    // A UTF-16 unit makes at most three bytes.
    return name.length * 3 <= destinationBytesMax || this.names.bytesOf(name).length <= destinationBytesMax;
  }
}

function isTopic(destination: string): boolean {
  return destination.startsWith('/topic/');
}

function reply(session: SessionId, token: number, refusal: Refusal | null): BrokerEffect {
  return { type: 'reply', session, token, refusal };
}
