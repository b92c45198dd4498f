import { parseBrokerUri } from './broker-uri.ts';
import { ClientConnection, refusal } from './client-connection.ts';
import { StompClientError } from './client-error.ts';
import { PendingRequests } from './pending-requests.ts';
import type { AckMode, NackAction } from '@lockstep/core';
import type { Address, Clock, Network, Random } from '@lockstep/kernel';
import type { Frame } from '../codec/index.ts';
import type { BrokerAddress, BrokerUri } from './broker-uri.ts';
import type { ClientConnectionOptions, Dial, HeaderList } from './client-connection.ts';

export interface StompClientOptions {
  /** `tcp://…` (or `ssl://`, `ws://`, `wss://`, where `dial` is given) or `failover:(…)?…` */
  readonly uri: string;
  readonly network: Pick<Network, 'connect'>;
  /** For all that is not plain TCP. */
  readonly dial?: Dial;
  readonly clock: Clock;
  readonly random: Random;
  /** For brokers whose URI names no user. */
  readonly login?: string;
  readonly passcode?: string;
  /** Both ways, milliseconds; 0: none. Default 10,000. */
  readonly heartBeatMs?: number;
  /** For a connection, and again for its CONNECTED, milliseconds. Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** Connected, for the first time or again. */
  readonly onConnected?: (address: Address) => void;
  /** The connection broke, or the broker closed it; the client connects anew as its URI says. */
  readonly onDisconnected?: (error: StompClientError) => void;
  /** Last call, once: null after `disconnect`. */
  readonly onClosed?: (error: StompClientError | null) => void;
}

export interface SendOptions {
  readonly headers?: HeaderList;
  /** Default true: resolves with the RECEIPT. Else as soon as the network has taken it, and the broker may still refuse it. */
  readonly receipt?: boolean;
  /** What `begin` gave. */
  readonly transaction?: string;
}

export interface SubscribeOptions {
  /** Default `auto`. */
  readonly ack?: AckMode;
  readonly headers?: HeaderList;
  /** The subscription could not be made again after a fail-over, and is gone. */
  readonly onEnded?: (error: StompClientError) => void;
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly destination: string;
  /** The client's own id of the subscription. */
  readonly subscription: string;
  /** All of them, in order. */
  readonly headers: HeaderList;
  /** Views into what was received: copy what is kept for long. */
  readonly body: Uint8Array;
  /** What ACK and NACK name in 1.2. */
  readonly ackId: string | null;
  /** Of which connection it is. */
  readonly epoch: number;
}

interface ClientSubscription {
  readonly id: string;
  readonly headers: HeaderList;
  readonly onMessage: (message: ReceivedMessage) => void;
  readonly onEnded: (error: StompClientError) => void;
  /** Its SUBSCRIBE has had its RECEIPT once. */
  established: boolean;
}

const BRIEF_MS = 1000;
const BRIEF_PAUSE_MS = 50;

/**
 * A STOMP client that survives fail-over: it connects as its URI says, and when the connection is gone it connects
 * anew, subscribes again, and sends again each SEND whose RECEIPT had not come (so a message may arrive twice, and none is lost in silence).
 * What was acknowledged or begun over a gone connection and not confirmed is rejected as `lost`: the broker gives those messages again.
 */
export class StompClient {
  readonly #options: StompClientOptions;
  readonly #uri: BrokerUri;
  readonly #connectionOptions: ClientConnectionOptions;
  readonly #pending = new PendingRequests();
  readonly #subscriptions = new Map<string, ClientSubscription>();
  readonly #transactions = new Set<string>();
  #connection: ClientConnection | null = null;
  #epoch = 0;
  #ids = 0;
  #connectedAtMs = 0;
  #closed = false;
  #leaving = false;
  /** Ends a wait between two rounds of attempts. */
  #wake: (() => void) | null = null;

  private constructor(options: StompClientOptions) {
    this.#options = options;
    this.#uri = parseBrokerUri(options.uri);
    this.#connectionOptions = {
      network: options.network,
      ...(options.dial === undefined ? {} : { dial: options.dial }),
      clock: options.clock,
      login: options.login ?? null,
      passcode: options.passcode ?? null,
      heartBeatMs: options.heartBeatMs ?? 10_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
    };
  }

  /** Resolves when connected. @throws StompClientError (as rejection): `bad-uri`, `refused`, `unreachable` */
  static async connect(options: StompClientOptions): Promise<StompClient> {
    const client = new StompClient(options);
    await client.#connect(client.#uri.startupMaxReconnectAttempts);
    return client;
  }

  /** Whether there is a connection now. */
  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /** The body is kept until the promise is settled and must not change before. */
  send(destination: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const headers: [string, string][] = [['destination', destination]];
    if (options.transaction !== undefined) headers.push(['transaction', options.transaction]);
    headers.push(['content-length', String(body.length)]);
    for (const [name, value] of options.headers ?? []) headers.push([name, value]);
    const replay = options.transaction === undefined;
    if (!replay && !this.#transactions.has(options.transaction)) return lostTransaction(options.transaction);
    return this.#request('SEND', headers, body, { replay, receipt: options.receipt !== false });
  }

  /** Resolves to the subscription's id when the broker has confirmed it. Messages may come before. */
  async subscribe(
    destination: string,
    onMessage: (message: ReceivedMessage) => void,
    options: SubscribeOptions = {},
  ): Promise<string> {
    const id = this.#nextId('sub');
    const headers: HeaderList = [
      ['id', id],
      ['destination', destination],
      ['ack', options.ack ?? 'auto'],
      ...(options.headers ?? []),
    ];
    const onEnded = options.onEnded ?? ((): void => {});
    const subscription: ClientSubscription = { id, headers, onMessage, onEnded, established: false };
    this.#subscriptions.set(id, subscription);
    try {
      await this.#request('SUBSCRIBE', headers, undefined, { replay: true, receipt: true });
    } catch (error) {
      this.#subscriptions.delete(id);
      throw error;
    }
    subscription.established = true;
    return id;
  }

  async unsubscribe(id: string): Promise<void> {
    if (!this.#subscriptions.delete(id) || this.#connection === null) return;
    await this.#request('UNSUBSCRIBE', [['id', id]], undefined, { replay: false, receipt: true });
  }

  /** Resolves with the RECEIPT. */
  ack(message: ReceivedMessage, transaction?: string): Promise<void> {
    return this.#settle('ACK', message, [], transaction);
  }

  nack(message: ReceivedMessage, action: NackAction = 'requeue', transaction?: string): Promise<void> {
    return this.#settle('NACK', message, [['action', action]], transaction);
  }

  /** Resolves to the id of the transaction. It ends with its connection. */
  async begin(): Promise<string> {
    const id = this.#nextId('tx');
    this.#transactions.add(id);
    await this.#request('BEGIN', [['transaction', id]], undefined, { replay: false, receipt: true });
    return id;
  }

  commit(transaction: string): Promise<void> {
    return this.#endTransaction('COMMIT', transaction);
  }

  abort(transaction: string): Promise<void> {
    return this.#endTransaction('ABORT', transaction);
  }

  /** Waits for what was asked before, then leaves. Never rejects: a broker that is gone is left, too. */
  async disconnect(): Promise<void> {
    if (this.#closed) return;
    this.#leaving = true;
    if (this.#connection !== null) {
      const timer = this.#options.clock.setTimer(this.#connectionOptions.connectTimeoutMs, () => this.#close(null));
      try {
        await this.#request('DISCONNECT', [], undefined, { replay: false, receipt: true });
      } catch (error) {
        if (!(error instanceof StompClientError)) throw error;
      }
      timer.cancel();
    }
    this.#close(null);
  }

  #endTransaction(command: 'COMMIT' | 'ABORT', id: string): Promise<void> {
    if (!this.#transactions.delete(id)) return lostTransaction(id);
    return this.#request(command, [['transaction', id]], undefined, { replay: false, receipt: true });
  }

  #settle(command: 'ACK' | 'NACK', message: ReceivedMessage, more: HeaderList, transaction?: string): Promise<void> {
    if (message.epoch !== this.#epoch || this.#connection === null) {
      const text = `message ${message.messageId} came over an earlier connection, and comes again`;
      return Promise.reject(new StompClientError('stale', text));
    }
    if (transaction !== undefined && !this.#transactions.has(transaction)) return lostTransaction(transaction);
    const named: HeaderList =
      this.#connection.version === '1.2'
        ? [['id', message.ackId ?? message.messageId]]
        : [
            ['message-id', message.messageId],
            ['subscription', message.subscription],
          ];
    const inTransaction: HeaderList = transaction === undefined ? [] : [['transaction', transaction]];
    return this.#request(command, [...named, ...more, ...inTransaction], undefined, { replay: false, receipt: true });
  }

  #request(
    command: 'SEND' | 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'ACK' | 'NACK' | 'BEGIN' | 'COMMIT' | 'ABORT' | 'DISCONNECT',
    headers: HeaderList,
    body: Uint8Array | undefined,
    how: { readonly replay: boolean; readonly receipt: boolean },
  ): Promise<void> {
    if (this.#closed) return Promise.reject(new StompClientError('closed', 'the client has been closed'));
    if (this.#connection === null && !how.replay) {
      return Promise.reject(new StompClientError('lost', `${command}: not connected`));
    }
    if (!how.receipt && this.#connection !== null) {
      this.#connection.write(command, headers, body);
      return this.#connection.room();
    }
    const receipt = this.#nextId('r');
    const all: HeaderList = [...headers, ['receipt', receipt]];
    const done = this.#pending.add(receipt, { command, headers: all, body, replay: how.replay });
    this.#connection?.write(command, all, body);
    return done;
  }

  #nextId(kind: string): string {
    this.#ids++;
    return `${kind}-${this.#ids}`;
  }

  #frame(frame: Frame): void {
    if (frame.command === 'MESSAGE') this.#message(frame);
    else if (frame.command === 'RECEIPT') this.#pending.resolve(frame.header('receipt-id') ?? '');
    else this.#refused(frame);
  }

  #message(frame: Frame): void {
    const subscription = this.#subscriptions.get(frame.header('subscription') ?? '');
    subscription?.onMessage({
      messageId: frame.header('message-id') ?? '',
      destination: frame.header('destination') ?? '',
      subscription: subscription.id,
      headers: frame.headers(),
      body: frame.body,
      ackId: frame.header('ack') ?? null,
      epoch: this.#epoch,
    });
  }

  /** The broker closes after an ERROR; what it names is not tried again, the rest is as after any lost connection. */
  #refused(frame: Frame): void {
    const error = refusal(frame);
    const receipt = frame.header('receipt-id');
    if (receipt !== undefined) this.#pending.reject(receipt, error);
    this.#connection?.destroy();
    this.#lost(error);
  }

  #lost(error: StompClientError): void {
    if (this.#closed || this.#connection === null) return;
    this.#connection = null;
    this.#transactions.clear();
    this.#pending.rejectOnce(error.code === 'refused' ? new StompClientError('lost', error.message, error) : error);
    this.#options.onDisconnected?.(error);
    if (this.#leaving) return;
    if (this.#uri.maxReconnectAttempts === 0) return this.#close(error);
    void this.#reconnect().catch((failure: unknown) => {
      this.#close(
        failure instanceof StompClientError ? failure : new StompClientError('lost', String(failure), failure),
      );
    });
  }

  async #reconnect(): Promise<void> {
    // Who is let in and put out at once must not ask again and again without a pause.
    const livedMs = this.#options.clock.monotonicMs() - this.#connectedAtMs;
    if (livedMs < BRIEF_MS) await this.#wait(Math.max(BRIEF_PAUSE_MS, this.#uri.initialReconnectDelayMs));
    await this.#connect(this.#uri.maxReconnectAttempts);
  }

  /** Rounds over all addresses until one takes it. An ERROR on CONNECT is an answer: it ends the attempts. */
  async #connect(attemptsMax: number): Promise<void> {
    let delayMs = this.#uri.initialReconnectDelayMs;
    for (let round = 0; ; round++) {
      const failure = await this.#tryAll();
      if (failure === null) return;
      if (this.#closed) throw new StompClientError('closed', 'the client has been closed');
      if (failure.code === 'refused' || (attemptsMax >= 0 && round >= attemptsMax)) throw failure;
      await this.#wait(delayMs);
      delayMs = Math.min(Math.max(1, delayMs * 2), this.#uri.maxReconnectDelayMs);
    }
  }

  async #tryAll(): Promise<StompClientError | null> {
    let failure = new StompClientError('unreachable', 'no address');
    for (const broker of this.#order()) {
      if (this.#closed) break;
      try {
        this.#connected(await ClientConnection.open(broker, this.#connectionOptions));
        return null;
      } catch (error) {
        if (!(error instanceof StompClientError)) throw error;
        failure = error;
        if (error.code === 'refused') break;
      }
    }
    return failure;
  }

  #order(): BrokerAddress[] {
    const order = [...this.#uri.brokers];
    if (!this.#uri.randomize) return order;
    for (let i = order.length - 1; i > 0; i--) {
      const other = this.#options.random.below(i + 1);
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    return order;
  }

  #connected(connection: ClientConnection): void {
    if (this.#closed) return connection.destroy();
    this.#connection = connection;
    this.#epoch++;
    this.#connectedAtMs = this.#options.clock.monotonicMs();
    connection.listen({ frame: (frame) => this.#frame(frame), closed: (error) => this.#lost(error) });
    this.#options.onConnected?.(connection.broker.address);
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.established) this.#subscribeAgain(subscription);
    }
    this.#pending.replay((request) => connection.write(request.command, request.headers, request.body));
  }

  #subscribeAgain(subscription: ClientSubscription): void {
    this.#request('SUBSCRIBE', subscription.headers, undefined, { replay: false, receipt: true }).catch((error) => {
      if (!(error instanceof StompClientError) || error.code !== 'refused') return;
      this.#subscriptions.delete(subscription.id);
      subscription.onEnded(error);
    });
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(delayMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #close(error: StompClientError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    this.#pending.rejectAll(error ?? new StompClientError('closed', 'the client has been closed'));
    const connection = this.#connection;
    this.#connection = null;
    connection?.listen({ frame() {}, closed() {} });
    connection?.end();
    this.#options.onClosed?.(error);
  }
}

function lostTransaction(id: string): Promise<never> {
  return Promise.reject(new StompClientError('lost', `transaction ${id} is not open on this connection`));
}
