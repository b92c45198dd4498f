import { stripHeaders, writeError } from '../codec/index.ts';
import { writeConnected } from './connected-frame.ts';
import { Deliveries } from './deliveries.ts';
import { resolveDestination } from './destination.ts';
import { missingHeader, shown } from './fault.ts';
import { heldUp } from './held-up.ts';
import { envelopeOf } from './message-frame.ts';
import { readNackAction } from './nack-action.ts';
import { negotiateHeartBeat, negotiateVersion, NO_HEART_BEAT } from './negotiation.ts';
import { OpenTransactions } from './open-transactions.ts';
import { NOT_STORED, refuseSendHeaders, refuseUnsubscribeHeaders } from './special-headers.ts';
import { readSubscribe } from './subscribe.ts';
import { Subscription } from './subscription.ts';
import { Transaction } from './transaction.ts';
import { UnansweredRequests } from './unanswered.ts';
import type { Effect, NewMessage, Request, Settlement } from '@lockstep/core';
import type { SessionId } from '@lockstep/kernel';
import type { InputBudget } from '../input-budget.ts';
import type { Frame, FrameWriter, StompError, StompVersion } from '../codec/index.ts';
import type { BrokerSelf } from './connected-frame.ts';
import type { Fault } from './fault.ts';
import type { StompLimits } from './limits.ts';
import type { HeartBeat } from './negotiation.ts';

/** Where a session's requests go. */
export interface SessionSink {
  /** The client is connected: effects for the session may come from now on. Before the first request. */
  opened(): void;
  submit(request: Request): void;
}

const PREFETCH_BYTES_MAX = 16 * 1024 * 1024;
const PREFETCH_BYTES_MIN = 64 * 1024;
/** Of all subscriptions of a connection; later ones get less, so that many of them can't take the node's memory. */
const CONNECTION_PREFETCH_BYTES = 128 * 1024 * 1024;

const CONNECTING = 0;
const OPEN = 1;
/** Nothing more is read; what was asked before is being answered. */
const FINISHING = 2;
const OVER = 3;

/** How a session ends once all earlier requests are answered. */
interface Ending {
  readonly fault: Fault | null;
  readonly receipt: string | undefined;
  readonly how: 'clean' | 'lost';
}

/**
 * The protocol state of one client connection. Frames and effects in; frames (into the writer) and requests (to the sink)
 * out. It has no socket, no timer and no clock, never throws for what a client does, and holds bounded memory: open
 * transactions are counted in the node's budget.
 *
 * Every frame that asks for a receipt ends in that RECEIPT or in an ERROR. After an ERROR, a DISCONNECT or the end of
 * the input nothing more is taken in; when the requests made before are answered the session is over (`isOver`), and
 * the connection is to be closed once the writer's bytes are out.
 */
export class Session {
  readonly id: SessionId;
  /** Milliseconds; settled by CONNECT. */
  heartBeat: HeartBeat = NO_HEART_BEAT;
  readonly #limits: StompLimits;
  readonly #self: BrokerSelf;
  readonly #writer: FrameWriter;
  readonly #sink: SessionSink;
  readonly #deliveries: Deliveries;
  readonly #unanswered = new UnansweredRequests();
  readonly #transactions: OpenTransactions;
  #subscriptions = 0;
  #phase = CONNECTING;
  #opened = false;
  #ending: Ending | null = null;
  /** It ends because the broker refused a request. */
  #refused = false;
  /** The destination of the last SEND: producers repeat themselves. */
  #lastWritten: string | undefined;
  #lastResolved = '';

  constructor(
    id: SessionId,
    self: BrokerSelf,
    limits: StompLimits,
    budget: InputBudget,
    writer: FrameWriter,
    sink: SessionSink,
  ) {
    this.id = id;
    this.#self = self;
    this.#limits = limits;
    this.#writer = writer;
    this.#sink = sink;
    this.#deliveries = new Deliveries(writer);
    this.#transactions = new OpenTransactions(limits, budget);
  }

  /** What the frames to come are to be parsed as. */
  get version(): StompVersion {
    return this.#writer.version;
  }

  get isConnected(): boolean {
    return this.#phase === OPEN;
  }

  /** No more frames are taken. */
  get isFinishing(): boolean {
    return this.#phase >= FINISHING;
  }

  /** Nothing more will be written or requested. */
  get isOver(): boolean {
    return this.#phase === OVER;
  }

  /** What its ERROR says, if it ends or ended in one. */
  get refusal(): string | null {
    return this.#ending?.fault?.message ?? null;
  }

  get unansweredCount(): number {
    return this.#unanswered.count;
  }

  /** Bytes of messages that the broker has been given and has not answered for. */
  get unansweredBytes(): number {
    return this.#unanswered.bytes;
  }

  /** The next frame of the client. Ignored once the session is finishing. */
  frame(frame: Frame): void {
    if (this.isFinishing) return;
    const fault = this.#phase === CONNECTING ? this.#connect(frame) : this.#take(frame);
    if (fault !== null) this.#finish({ fault, receipt: frame.header('receipt'), how: 'clean' });
  }

  /** The stream can't be read on. */
  malformed(error: StompError): void {
    this.fail({ message: error.message }, error.receipt);
  }

  /** One ERROR, then the end. */
  fail(fault: Fault, receipt?: string): void {
    if (!this.isFinishing) this.#finish({ fault, receipt, how: 'clean' });
  }

  /**
   * The broker has taken nothing in for so long that the client is told: `frame` is the one that waits, null when there is none whole.
   * Silence never means failure.
   */
  heldUp(frame: Frame | null, reason: string): void {
    const { oldest } = this.#unanswered;
    const receipt = frame === null ? oldest?.receipts?.[0] : frame.header('receipt');
    this.fail(heldUp(frame, oldest, this.#limits.sendWaitMs, reason), receipt);
  }

  /** The client will send no more. */
  inputEnded(insideFrame: boolean): void {
    if (this.isFinishing) return;
    const fault = insideFrame ? { message: 'The stream ended inside a frame: no NUL' } : null;
    this.#finish({ fault, receipt: undefined, how: 'lost' });
  }

  /** What was written has been handed to the network, and it keeps up: `auto` messages count as settled (STOMP 1.2, SUBSCRIBE ack Header). */
  written(): void {
    if (this.#phase === OVER) return;
    for (const [subscription, tags] of this.#deliveries.takeWritten()) {
      const settlement: Settlement = { subscription: subscription.number, outcome: 'ack', tags };
      this.#submitSettle('SUBSCRIBE', subscription.destination, undefined, settlement);
    }
  }

  /** An effect of the broker that names this session. */
  effect(effect: Effect): void {
    if (this.#phase === OVER) return;
    switch (effect.type) {
      case 'deliver':
        if (this.#phase === OPEN) this.#deliveries.deliver(effect);
        return;
      case 'reply':
        return this.#reply(effect);
      case 'closeSession':
        this.#opened = false;
        this.#ending = { fault: { message: effect.message }, receipt: undefined, how: 'clean' };
        return this.finishNow();
    }
  }

  /** Ends a session that is finishing without waiting for the rest of its replies. */
  finishNow(): void {
    const ending = this.#ending;
    if (ending === null || this.#phase === OVER) return;
    this.#close(OVER);
    if (ending.fault !== null) {
      const { message, hint, headers } = ending.fault;
      const body = hint === undefined ? message : `${message}\n${hint}`;
      writeError(this.#writer, { message, body, receiptId: ending.receipt, headers: headers ?? [] });
    } else if (ending.receipt !== undefined && this.#unanswered.count === 0) this.#writer.receipt(ending.receipt);
    this.#end(ending.how);
  }

  /** The connection is gone. */
  lost(): void {
    if (this.#phase === OVER) return;
    this.#close(OVER);
    this.#end(this.#ending?.how ?? 'lost');
  }

  /** The broker has no more use for the session; it is not told of its end. */
  abandon(): void {
    this.#close(OVER);
  }

  /** Nothing more is taken: what a transaction has not committed by now never takes effect. */
  #close(phase: typeof FINISHING | typeof OVER): void {
    this.#phase = phase;
    this.#transactions.endAll();
  }

  #end(how: 'clean' | 'lost'): void {
    if (this.#opened) this.#sink.submit({ type: 'endSession', session: this.id, how });
  }

  #finish(ending: Ending): void {
    this.#close(FINISHING);
    this.#ending = ending;
    if (this.#unanswered.count === 0) this.finishNow();
  }

  #reply(reply: Extract<Effect, { type: 'reply' }>): void {
    const request = this.#unanswered.answer(reply.token);
    if (request === undefined) return;
    if (reply.refusal !== null) {
      const where = request.destination === '' ? '' : ` ${shown(request.destination)}`;
      const fault = { message: `${request.command}${where}: ${reply.refusal.message}` };
      // What was asked later may have been done: it gets its receipts before this ERROR. The first refusal is the one told.
      const ending = this.#refused ? this.#ending! : { fault, receipt: request.receipts?.[0], how: 'clean' as const };
      this.#refused = true;
      return this.#finish(ending);
    }
    if (request.receipts !== null) for (const receipt of request.receipts) this.#writer.receipt(receipt);
    if (this.#phase === FINISHING && this.#unanswered.count === 0) this.finishNow();
  }

  #connect(frame: Frame): Fault | null {
    const { command } = frame;
    if (command !== 'CONNECT' && command !== 'STOMP') {
      return { message: `${command}: not connected`, hint: 'The first frame must be CONNECT or STOMP.' };
    }
    const version = negotiateVersion(frame.header('accept-version'));
    if (typeof version !== 'string') return version;
    const heartBeat = negotiateHeartBeat(frame.header('heart-beat'), version);
    if ('message' in heartBeat) return heartBeat;
    this.heartBeat = heartBeat;
    this.#phase = OPEN;
    this.#writer.version = version;
    writeConnected(this.#writer, version, this.id, heartBeat, this.#self);
    this.#opened = true;
    this.#sink.opened();
    return null;
  }

  #take(frame: Frame): Fault | null {
    switch (frame.command) {
      case 'SEND':
        return this.#send(frame);
      case 'ACK':
        return this.#settle(frame, 'ack');
      case 'NACK':
        return this.#nack(frame);
      case 'SUBSCRIBE':
        return this.#subscribe(frame);
      case 'UNSUBSCRIBE':
        return this.#unsubscribe(frame);
      case 'BEGIN':
        return this.#begin(frame);
      case 'COMMIT':
        return this.#commit(frame);
      case 'ABORT':
        return this.#abort(frame);
      case 'DISCONNECT':
        this.#finish({ fault: null, receipt: frame.header('receipt'), how: 'clean' });
        return null;
      case 'CONNECT':
      case 'STOMP':
        return { message: `${frame.command}: already connected` };
      case 'CONNECTED':
      case 'MESSAGE':
      case 'RECEIPT':
      case 'ERROR':
        return { message: `${frame.command}: only the broker sends such a frame` };
    }
  }

  #send(frame: Frame): Fault | null {
    const written = frame.header('destination');
    if (written === undefined) return missingHeader('SEND', 'destination', this.version);
    if (written !== this.#lastWritten) {
      const resolved = resolveDestination('SEND', written);
      if (typeof resolved !== 'string') return resolved;
      this.#lastWritten = written;
      this.#lastResolved = resolved;
    }
    const destination = this.#lastResolved;
    const refused = refuseSendHeaders(frame);
    if (refused !== null) return refused;
    const message: NewMessage = {
      envelope: envelopeOf(frame),
      headerBlock: stripHeaders(frame, NOT_STORED),
      body: frame.body,
    };
    const transactionId = frame.header('transaction');
    if (transactionId !== undefined) {
      const bytes = message.headerBlock.length + message.body.length;
      const transaction = this.#transactions.enter('SEND', transactionId, bytes);
      if (!(transaction instanceof Transaction)) return transaction;
      transaction.addSend(destination, message);
      return this.#receiptNow(frame);
    }
    const bytes = message.headerBlock.length + message.body.length;
    const token = this.#unanswered.add('SEND', destination, frame.header('receipt'), bytes);
    this.#sink.submit({ type: 'send', session: this.id, token, destination, message });
    return null;
  }

  #subscribe(frame: Frame): Fault | null {
    const wish = readSubscribe(frame);
    if ('message' in wish) return wish;
    const { id, destination, mode, prefetchMessages } = wish;
    if (this.#deliveries.subscription(id) !== undefined) {
      return { message: `SUBSCRIBE: subscription id ${shown(id)} is already in use` };
    }
    if (this.#deliveries.count >= this.#limits.subscriptions) {
      return { message: `SUBSCRIBE: more than ${this.#limits.subscriptions} subscriptions on one connection` };
    }
    const left = Math.floor((CONNECTION_PREFETCH_BYTES - this.#deliveries.prefetchBytes) / 2);
    const prefetchBytes = Math.max(PREFETCH_BYTES_MIN, Math.min(PREFETCH_BYTES_MAX, left));
    this.#subscriptions++;
    const subscription = this.#subscriptions;
    this.#deliveries.add(new Subscription(subscription, id, destination, mode, prefetchBytes));
    const token = this.#unanswered.add('SUBSCRIBE', destination, frame.header('receipt'), 0);
    const session = this.id;
    this.#sink.submit({
      type: 'subscribe',
      session,
      token,
      subscription,
      destination,
      prefetchMessages,
      prefetchBytes,
    });
    return null;
  }

  #unsubscribe(frame: Frame): Fault | null {
    const refused = refuseUnsubscribeHeaders(frame);
    if (refused !== null) return refused;
    const destination = this.version === '1.0' ? frame.header('destination') : undefined;
    const id = frame.header('id') ?? destination;
    if (id === undefined) return missingHeader('UNSUBSCRIBE', 'id', this.version);
    let subscription = this.#deliveries.subscription(id);
    if (subscription === undefined && destination !== undefined) {
      const resolved = resolveDestination('SUBSCRIBE', destination);
      if (typeof resolved === 'string') subscription = this.#deliveries.subscriptionTo(resolved);
    }
    if (subscription === undefined) return { message: `UNSUBSCRIBE: no subscription ${shown(id)} on this connection` };
    this.#transactions.breakBy(subscription);
    this.#deliveries.remove(subscription);
    const token = this.#unanswered.add('UNSUBSCRIBE', subscription.destination, frame.header('receipt'), 0);
    this.#sink.submit({ type: 'unsubscribe', session: this.id, token, subscription: subscription.number });
    return null;
  }

  #nack(frame: Frame): Fault | null {
    if (this.version === '1.0') return { message: 'NACK: unknown in STOMP 1.0', hint: 'STOMP 1.1 and 1.2 have it.' };
    const action = readNackAction(frame);
    return typeof action === 'string' ? this.#settle(frame, action) : action;
  }

  #settle(frame: Frame, outcome: Settlement['outcome']): Fault | null {
    const { command } = frame;
    const transactionId = frame.header('transaction');
    let transaction: Transaction | null = null;
    if (transactionId !== undefined) {
      const entered = this.#transactions.enter(command, transactionId, 0);
      if (!(entered instanceof Transaction)) return entered;
      transaction = entered;
    }
    const held = this.#deliveries.find(frame);
    if (held === 'settled') return transaction === null ? this.#receiptInTurn(frame) : this.#receiptNow(frame);
    if ('message' in held) return held;
    if (held.transaction !== null) {
      if (held.transaction === transactionId) return this.#receiptNow(frame);
      const where = `transaction ${shown(held.transaction)}`;
      return { message: `${command}: message ${held.messageId} is already settled in ${where}, which is open` };
    }
    const { subscription } = held;
    const taken = subscription.take(held, transactionId ?? null);
    if (transaction !== null) {
      transaction.addSettled(outcome, taken);
      return this.#receiptNow(frame);
    }
    for (const one of taken) this.#deliveries.forget(one);
    const settlement = { subscription: subscription.number, outcome, tags: taken.map((one) => one.tag) };
    this.#submitSettle(command, subscription.destination, frame.header('receipt'), settlement);
    return null;
  }

  #submitSettle(command: string, destination: string, receipt: string | undefined, settlement: Settlement): void {
    const token = this.#unanswered.add(command, destination, receipt, 0);
    this.#sink.submit({ type: 'settle', session: this.id, token, settlement });
  }

  #begin(frame: Frame): Fault | null {
    const id = frame.header('transaction');
    if (id === undefined) return missingHeader('BEGIN', 'transaction', this.version);
    return this.#transactions.begin(id) ?? this.#receiptNow(frame);
  }

  #commit(frame: Frame): Fault | null {
    const transaction = this.#transaction(frame);
    if (!(transaction instanceof Transaction)) return transaction;
    if (transaction.brokenBy !== null) {
      const where = `subscription ${shown(transaction.brokenBy)}`;
      const message = `COMMIT: messages acknowledged in ${shown(transaction.id)} went back when ${where} ended`;
      return { message, hint: 'Nothing of the transaction took effect.' };
    }
    if (transaction.isEmpty) {
      this.#transactions.end(transaction);
      return this.#receiptInTurn(frame);
    }
    const { sends } = transaction;
    const settlements = transaction.settlements();
    for (const [subscription, taken] of transaction.bySubscription()) {
      for (const held of taken) {
        subscription.settle(held);
        this.#deliveries.forget(held);
      }
    }
    const where = `transaction ${transaction.id}`;
    const token = this.#unanswered.add('COMMIT', where, frame.header('receipt'), transaction.bytes);
    this.#sink.submit({ type: 'commit', session: this.id, token, sends, settlements });
    this.#transactions.end(transaction);
    return null;
  }

  #abort(frame: Frame): Fault | null {
    const transaction = this.#transaction(frame);
    if (!(transaction instanceof Transaction)) return transaction;
    this.#transactions.end(transaction);
    for (const [subscription, taken] of transaction.bySubscription()) {
      // Of a subscription that is gone nothing is held any more.
      if (this.#deliveries.subscription(subscription.id) === subscription) subscription.giveBack(taken);
    }
    return this.#receiptNow(frame);
  }

  /** The one that COMMIT or ABORT names. */
  #transaction(frame: Frame): Transaction | Fault {
    const { command } = frame;
    const id = frame.header('transaction');
    if (id === undefined) return missingHeader(command, 'transaction', this.version);
    return this.#transactions.find(command, id);
  }

  /** For what concerns this session alone: nothing has to be waited for. */
  #receiptNow(frame: Frame): null {
    const receipt = frame.header('receipt');
    if (receipt !== undefined) this.#writer.receipt(receipt);
    return null;
  }

  /** For what has nothing to ask of the broker, but may repeat something that is still being made durable. */
  #receiptInTurn(frame: Frame): null {
    const receipt = frame.header('receipt');
    if (receipt !== undefined && !this.#unanswered.lineUp(receipt)) this.#writer.receipt(receipt);
    return null;
  }
}
