import { writeError } from '../codec/index.ts';
import { readConnect } from './connect.ts';
import { writeConnected } from './connected-frame.ts';
import { shown } from './fault.ts';
import { heldUp } from './held-up.ts';
import { NO_HEART_BEAT } from './negotiation.ts';
import { forbidden } from './permission.ts';
import { Sending } from './sending.ts';
import { SessionContext } from './session-context.ts';
import { Settling } from './settling.ts';
import { Subscribing } from './subscribing.ts';
import { Transacting } from './transacting.ts';
import type { Effect } from '@lockstep/core';
import type { SessionId } from '@lockstep/kernel';
import type { Admission } from '../access.ts';
import type { InputBudget } from '../input-budget.ts';
import type { Frame, FrameWriter, StompError, StompVersion } from '../codec/index.ts';
import type { BrokerSelf } from './connected-frame.ts';
import type { ConnectWish } from './connect.ts';
import type { Deliveries } from './deliveries.ts';
import type { Fault } from './fault.ts';
import type { StompLimits } from './limits.ts';
import type { HeartBeat } from './negotiation.ts';
import type { OpenTransactions } from './open-transactions.ts';
import type { SessionSink } from './session-context.ts';
import type { UnansweredRequests } from './unanswered.ts';

const CONNECTING = 0;
/** Whether the client may come in is not known yet. */
const ADMITTING = 1;
const OPEN = 2;
/** Nothing more is read; what was asked before is being answered. */
const FINISHING = 3;
const OVER = 4;

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
  readonly #context: SessionContext;
  readonly #deliveries: Deliveries;
  readonly #unanswered: UnansweredRequests;
  readonly #transactions: OpenTransactions;
  readonly #sending: Sending;
  readonly #subscribing: Subscribing;
  readonly #settling: Settling;
  readonly #transacting: Transacting;
  #phase = CONNECTING;
  /** The CONNECT that is being judged. */
  #knocking: { readonly wish: ConnectWish; readonly receipt: string | undefined } | null = null;
  #opened = false;
  #ending: Ending | null = null;
  /** It ends because the broker refused a request. */
  #refused = false;

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
    const context = new SessionContext(id, limits, budget, writer, sink);
    this.#context = context;
    this.#deliveries = context.deliveries;
    this.#unanswered = context.unanswered;
    this.#transactions = context.transactions;
    this.#sending = new Sending(context);
    this.#subscribing = new Subscribing(context);
    this.#settling = new Settling(context);
    this.#transacting = new Transacting(context);
  }

  /** What the frames to come are to be parsed as. */
  get version(): StompVersion {
    return this.#writer.version;
  }

  get isConnected(): boolean {
    return this.#phase === OPEN;
  }

  /** Who the client is, once it is let in; null: nobody in particular. */
  get user(): string | null {
    return this.#context.access.user;
  }

  /** No frames are taken before `admitted`. */
  get isAdmitting(): boolean {
    return this.#phase === ADMITTING;
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

  /** The next frame of the client. Ignored once the session is finishing; not while it is admitting. */
  frame(frame: Frame): void {
    if (this.isFinishing || this.isAdmitting) return;
    const fault = this.#phase === CONNECTING ? this.#connect(frame) : this.#take(frame);
    if (fault !== null) this.#finish({ fault, receipt: frame.header('receipt'), how: 'clean' });
  }

  /** What became of the client's wish to come in. */
  admitted(admission: Admission): void {
    if (this.#phase !== ADMITTING || this.#knocking === null) return;
    const { wish, receipt } = this.#knocking;
    this.#knocking = null;
    switch (admission.verdict) {
      case 'admitted':
        this.#context.access = admission.access;
        return this.#open(wish);
      case 'refused':
        return this.#finish({ fault: admission, receipt, how: 'clean' });
      case 'overloaded':
        return this.abandon();
    }
  }

  /** What the user may do has changed: who no longer may be here, or read what he subscribed to, gets an ERROR. */
  accessChanged(): void {
    if (this.#phase !== OPEN) return;
    const { access, deliveries } = this.#context;
    if (access.revoked !== null) return this.fail({ message: access.revoked });
    for (const { destination } of deliveries.all()) {
      const fault = forbidden(access, 'SUBSCRIBE', destination);
      if (fault !== null) return this.fail(fault);
    }
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
    if (this.#phase !== OVER) this.#settling.written();
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
      // What was settled later may have been done: it gets its receipts before this ERROR. Later messages are refused as well: the first refusal is the one told.
      const ending = this.#refused ? this.#ending! : { fault, receipt: request.receipts?.[0], how: 'clean' as const };
      this.#refused = true;
      return this.#finish(ending);
    }
    if (request.receipts !== null) for (const receipt of request.receipts) this.#writer.receipt(receipt);
    if (this.#phase === FINISHING && this.#unanswered.count === 0) this.finishNow();
  }

  #connect(frame: Frame): Fault | null {
    const wish = readConnect(frame);
    if ('message' in wish) return wish;
    this.#phase = ADMITTING;
    this.#knocking = { wish, receipt: frame.header('receipt') };
    if (this.#sink.admit === undefined) this.#open(wish);
    else {
      const admission = this.#sink.admit(wish.claim);
      if (admission !== null) this.admitted(admission);
    }
    return null;
  }

  #open({ version, heartBeat }: ConnectWish): void {
    this.heartBeat = heartBeat;
    this.#phase = OPEN;
    this.#writer.version = version;
    writeConnected(this.#writer, version, this.id, heartBeat, this.#self);
    this.#opened = true;
    this.#sink.opened();
  }

  #take(frame: Frame): Fault | null {
    switch (frame.command) {
      case 'SEND':
        return this.#sending.send(frame);
      case 'ACK':
        return this.#settling.ack(frame);
      case 'NACK':
        return this.#settling.nack(frame);
      case 'SUBSCRIBE':
        return this.#subscribing.subscribe(frame);
      case 'UNSUBSCRIBE':
        return this.#subscribing.unsubscribe(frame);
      case 'BEGIN':
        return this.#transacting.begin(frame);
      case 'COMMIT':
        return this.#transacting.commit(frame);
      case 'ABORT':
        return this.#transacting.abort(frame);
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
}
