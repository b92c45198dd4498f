import { formatAddress } from '@lockstep/kernel';
import { openAccess } from '../access.ts';
import { FrameParser, FrameWriter, StompError } from '../codec/index.ts';
import { Session } from '../session/session.ts';
import { HeartBeats } from './heart-beats.ts';
import type { Effect, Request } from '@lockstep/core';
import type { Clock, Connection, Log, NetworkError, SessionId, Timer } from '@lockstep/kernel';
import type { Frame } from '../codec/index.ts';
import type { AccessControl, Admission, Claim } from '../access.ts';
import type { BrokerPort, SessionEndpoint } from '../broker-port.ts';
import type { InputBudget } from '../input-budget.ts';
import type { BrokerSelf } from '../session/connected-frame.ts';
import type { StompLimits } from '../session/limits.ts';
import type { FlowOptions } from './flow-options.ts';

export interface StompConnectionOptions {
  /** Unique over all time in the logical broker (`SessionIds`). */
  readonly session: SessionId;
  readonly self: BrokerSelf;
  readonly limits: StompLimits;
  /** Shared by all connections of the node. */
  readonly budget: InputBudget;
  readonly flow: FlowOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: everybody is let in, and may do everything. */
  readonly access?: AccessControl;
  /** Called once, when the connection is gone. */
  readonly onClosed: () => void;
}

/**
 * Serves one client: bytes to frames to the session, the session's frames to bytes, and the timers. It takes the
 * connection over and starts it. Whatever the client does, it ends in a close of this connection and nothing else.
 *
 * Reading stops while the broker does not accept, or too many of this client's requests are unanswered, or too much of
 * its output is unread; and after a slice of time, until the others had their turn. All that one turn writes goes out in one piece.
 */
export class StompConnection implements SessionEndpoint {
  readonly #connection: Connection;
  readonly #port: BrokerPort;
  readonly #options: StompConnectionOptions;
  readonly #parser: FrameParser;
  readonly #writer: FrameWriter;
  readonly #session: Session;
  #heartBeats: HeartBeats | null = null;
  /** Until CONNECT, then while finishing, then while lingering: whoever is over time is cut off. */
  #deadline: Timer | null = null;
  #connectWait: Timer | null = null;
  /** Runs while the broker takes nothing in. */
  #sendWait: Timer | null = null;
  /** Takes back the question whether the client is let in. */
  #takeBack: (() => void) | null = null;
  #pulling = false;
  #reading = true;
  #inputEnded = false;
  #congested = false;
  #flushDue = false;
  /** The session waits for replies before its last frame. */
  #finishing = false;
  /** The last frame is out. */
  #ending = false;
  #discardedBytes = 0;
  #closed = false;

  constructor(connection: Connection, port: BrokerPort, options: StompConnectionOptions) {
    this.#connection = connection;
    this.#port = port;
    this.#options = options;
    this.#writer = new FrameWriter({ frameEnd: connection.writeMessage === undefined ? 'nul-lf' : 'nul' });
    const { limits, budget } = options;
    const { headerBytes: headerBytesMax, headers: headersMax, bodyBytes: bodyBytesMax } = limits;
    this.#parser = new FrameParser({ headerBytesMax, headersMax, bodyBytesMax }, budget);
    this.#session = new Session(options.session, options.self, limits, budget, this.#writer, {
      opened: () => this.#opened(),
      admit: (claim) => this.#admit(claim),
      submit: (request: Request) => port.submit(request),
    });
    this.#setDeadline(limits.connectMs, () => {
      if (this.#session.isAdmitting) return this.#overloaded(`login not judged within ${limits.connectMs} ms`);
      this.#session.fail({ message: `No CONNECT frame within ${limits.connectMs} ms` });
      this.#settleDown();
    });
    connection.start({
      data: (chunk) => this.#data(chunk),
      drain: () => this.#drained(),
      end: () => this.#inputEnd(),
      close: (error) => this.#gone(error),
    });
  }

  get session(): SessionId {
    return this.#session.id;
  }

  effect(effect: Effect): void {
    this.#session.effect(effect);
  }

  get client(): string {
    return formatAddress(this.#connection.remote);
  }

  get unsentBytes(): number {
    return this.#connection.bufferedBytes + this.#writer.pendingBytes;
  }

  flush(): void {
    this.#writeOut();
    this.#settleDown();
    // Replies have made room for more.
    if (!this.#reading) this.#pull();
  }

  resume(): void {
    this.#pull();
  }

  abandon(): void {
    if (this.#closed) return;
    this.#session.abandon();
    this.#writeOut();
    this.#settleDown();
  }

  /** See `Session.accessChanged`. */
  accessChanged(): void {
    this.#session.accessChanged();
    this.#flushAtTurnEnd();
    this.#settleDown();
  }

  #admit(claim: Claim): Admission | null {
    const { access = openAccess } = this.#options;
    const { remote, certifiedNames } = this.#connection;
    let inTime: Admission | null = null;
    let asking = true;
    const takeBack = access.admit(claim, { remote, certifiedNames }, (admission) => {
      this.#takeBack = null;
      if (asking) inTime = admission;
      else this.#judged(admission);
    });
    asking = false;
    if (inTime === null) this.#takeBack = takeBack;
    else this.#tellOverload(inTime);
    return inTime;
  }

  #judged(admission: Admission): void {
    if (this.#closed || !this.#session.isAdmitting) return;
    this.#tellOverload(admission);
    this.#session.admitted(admission);
    this.#parser.version = this.#session.version;
    if (this.#session.isFinishing) this.#settleDown();
    else this.#pull();
  }

  #tellOverload(admission: Admission): void {
    if (admission.verdict === 'overloaded') this.#log('warn', 'client not let in', { reason: admission.message });
  }

  #overloaded(reason: string): void {
    this.#log('warn', 'client not let in', { reason });
    this.abandon();
  }

  #opened(): void {
    this.#deadline?.cancel();
    this.#connectWait?.cancel();
    this.#heartBeats = new HeartBeats(this.#session.heartBeat, this.#options.clock, {
      beat: () => {
        // With output waiting to be read, a beat would only wait behind it.
        if (this.#ending || this.#congested) return;
        this.#writer.heartBeat();
        this.#writeOut();
      },
      silent: (silentMs) => {
        this.#log('warn', 'client silent: connection closed', { silentMs: Math.round(silentMs) });
        this.#connection.destroy();
      },
    });
    this.#port.attach(this.#session.id, this);
  }

  #data(chunk: Uint8Array): void {
    this.#heartBeats?.received();
    if (this.#session.isFinishing) return this.#discard(chunk);
    this.#parser.feed(chunk);
    this.#pull();
  }

  /** Behind a faulty frame: read, so that the client is not reset before it has the ERROR, and thrown away, up to a bound. */
  #discard(chunk: Uint8Array): void {
    this.#discardedBytes += chunk.length;
    if (this.#discardedBytes > this.#options.flow.lingerBytes) this.#connection.pause();
  }

  #pull(): void {
    if (this.#pulling || this.#closed || this.#session.isFinishing) return;
    this.#pulling = true;
    let exhausted = false;
    const { clock, flow } = this.#options;
    const sliceEndMs = clock.monotonicMs() + flow.sliceMs;
    while (!exhausted && !this.#session.isFinishing && this.#mayRead()) {
      const frame = this.#next();
      if (frame === null) exhausted = true;
      else {
        this.#session.frame(frame);
        this.#parser.version = this.#session.version;
        if (clock.monotonicMs() > sliceEndMs) {
          // Not at this turn's end: what others have sent meanwhile comes first.
          clock.setTimer(0, () => this.#pull());
          break;
        }
      }
    }
    this.#pulling = false;
    this.#setReading(exhausted || this.#session.isFinishing);
    if (exhausted && this.#inputEnded) this.#session.inputEnded(this.#parser.midFrame);
    this.#flushAtTurnEnd();
    this.#settleDown();
  }

  #next(): Frame | null {
    try {
      return this.#parser.next();
    } catch (error) {
      if (!(error instanceof StompError)) throw error;
      this.#session.malformed(error);
      return null;
    }
  }

  #mayRead(): boolean {
    if (!this.#port.accepting) {
      this.#port.callWhenAccepting(this);
      if (this.#session.isConnected) this.#waitToSend();
      else this.#waitToConnect();
      return false;
    }
    this.#stopSendWait();
    if (this.#session.isAdmitting) return false;
    const { unansweredBytes, unansweredRequests, outputPauseBytes } = this.#options.flow;
    const { unansweredCount, unansweredBytes: bytes } = this.#session;
    if (unansweredCount >= unansweredRequests || bytes >= unansweredBytes) return false;
    return this.unsentBytes <= outputPauseBytes;
  }

  /** A client that has just come is better off with another node than waiting long for this one. */
  #waitToConnect(): void {
    const { clock, flow } = this.#options;
    this.#connectWait ??= clock.setTimer(flow.connectWaitMs, () => {
      if (this.#session.isConnected) return;
      this.#log('info', 'a new client found no master in time: connection closed', { reason: this.#port.heldUpBy });
      this.abandon();
    });
  }

  #waitToSend(): void {
    const { clock, limits } = this.#options;
    this.#sendWait ??= clock.setTimer(limits.sendWaitMs, () => {
      this.#sendWait = null;
      if (this.#port.accepting || this.#session.isFinishing) return this.#pull();
      const frame = this.#next();
      // Heart-beats alone wait for nothing.
      if (frame === null && !this.#parser.midFrame && this.#session.unansweredCount === 0) this.#setReading(true);
      else this.#session.heldUp(frame, this.#port.heldUpBy);
      this.#settleDown();
    });
  }

  #stopSendWait(): void {
    this.#sendWait?.cancel();
    this.#sendWait = null;
  }

  #setReading(reading: boolean): void {
    if (reading === this.#reading) return;
    this.#reading = reading;
    this.#heartBeats?.reading(reading);
    if (reading) this.#connection.resume();
    else this.#connection.pause();
  }

  #inputEnd(): void {
    this.#inputEnded = true;
    this.#pull();
  }

  #flushAtTurnEnd(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#options.clock.atTurnEnd(() => {
      this.#flushDue = false;
      this.#writeOut();
      this.#settleDown();
    });
  }

  #writeOut(): void {
    if (this.#closed || this.#writer.pendingBytes === 0) return;
    const connection = this.#connection;
    let roomy = true;
    connection.cork();
    if (connection.writeMessage === undefined) {
      for (const chunk of this.#writer.take()) roomy = connection.write(chunk);
    } else for (const message of this.#writer.takeMessages()) roomy = connection.writeMessage(message);
    connection.uncork();
    this.#heartBeats?.sent();
    if (connection.bufferedBytes > this.#options.flow.outputBytesMax) {
      this.#log('warn', 'client does not read: connection closed', { unreadBytes: connection.bufferedBytes });
      return connection.destroy();
    }
    this.#congested = !roomy;
    if (roomy) this.#session.written();
  }

  #drained(): void {
    this.#congested = false;
    this.#session.written();
    this.#port.taken(this.#session.id);
    if (!this.#reading) this.#pull();
  }

  /** After anything that may have brought the session nearer to its end. */
  #settleDown(): void {
    if (this.#closed || this.#ending || !this.#session.isFinishing) return;
    this.#parser.close();
    if (!this.#session.isOver) {
      if (this.#finishing) return;
      this.#finishing = true;
      this.#setReading(true);
      this.#setDeadline(this.#options.flow.finishMs, () => {
        this.#session.finishNow();
        this.#settleDown();
      });
      return;
    }
    this.#ending = true;
    const { refusal } = this.#session;
    if (refusal !== null) this.#log('info', 'client refused, connection closed', { refusal });
    this.#heartBeats?.stop();
    this.#connectWait?.cancel();
    this.#stopSendWait();
    this.#writeOut();
    this.#connection.end();
    this.#setReading(true);
    this.#linger(this.#options.clock.monotonicMs() + this.#options.flow.lingerMsMax);
  }

  /** STOMP 1.2, Connection Lingering: a reset could overtake the last frame, so there is none while the client is still sending, up to a bound. */
  #linger(untilMs: number): void {
    const { clock, flow } = this.#options;
    const discarded = this.#discardedBytes;
    this.#setDeadline(Math.min(flow.lingerMs, untilMs - clock.monotonicMs()), () => {
      if (this.#discardedBytes > discarded && clock.monotonicMs() < untilMs) this.#linger(untilMs);
      else this.#connection.destroy();
    });
  }

  #setDeadline(delayMs: number, callback: () => void): void {
    this.#deadline?.cancel();
    this.#deadline = this.#options.clock.setTimer(delayMs, callback);
  }

  #gone(error: NetworkError | null): void {
    this.#closed = true;
    this.#takeBack?.();
    this.#heartBeats?.stop();
    this.#deadline?.cancel();
    this.#connectWait?.cancel();
    this.#stopSendWait();
    this.#takeRest();
    this.#parser.close();
    this.#session.lost();
    this.#log('debug', 'client connection closed', { error: error?.code, reason: error?.message });
    this.#options.onClosed();
  }

  /** What a client sent before it left is done all the same (STOMP 1.2, RECEIPT): frames that were read and had to wait for their turn. */
  #takeRest(): void {
    while (this.#session.isConnected && this.#port.accepting) {
      const frame = this.#next();
      if (frame === null) return;
      this.#session.frame(frame);
    }
  }

  #log(
    level: 'debug' | 'info' | 'warn',
    message: string,
    fields: Readonly<Record<string, string | number | undefined>>,
  ): void {
    const { log, session } = this.#options;
    const user = this.#session.user ?? undefined;
    log[level](message, { session, user, client: formatAddress(this.#connection.remote), ...fields });
  }
}
