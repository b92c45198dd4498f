import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';

import { assert, NetworkError } from '@lockstep/kernel';
import type { Address, Connection, ConnectionHandlers } from '@lockstep/kernel';
import { BudgetShare } from '@lockstep/stomp-server';
import type { InputBudget } from '@lockstep/stomp-server';

import { toNetworkError } from '../network-errors.ts';
import { addressesOf } from '../node-connection.ts';

/** What a socket hands over at a time, twice: not counted as half a message. */
const UNCOUNTED_BYTES = 128 * 1024;
/** RFC 6455, §7.4.1. */
const NORMAL = 1000;
/** Registered with IANA: try again later. */
const TRY_AGAIN_LATER = 1013;

export interface WebSocketConnectionOptions {
  /** Overrides what the socket says. */
  readonly remote: Address | null;
  readonly certifiedNames?: readonly string[];
  /** Unfinished messages count in it; null: bounded by `maxPayload` alone. */
  readonly budget: InputBudget | null;
}

/**
 * A WebSocket as the port wants it. What is sent goes out as text where it is valid UTF-8 and the other side spoke text last (or has said nothing
 * yet), else as binary. The other side's Close is the end of its input; this side's `end` is a Close, and what still comes is read until
 * the other one has answered it. Pings are answered below; they are no heart-beats of STOMP's.
 */
export class WebSocketConnection implements Connection {
  readonly remote: Address;
  readonly local: Address;
  declare readonly certifiedNames?: readonly string[];
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #share: BudgetShare | null;
  #handlers: ConnectionHandlers | null = null;
  /** Bytes of the socket since the last whole message, at most. */
  #pendingBytes = 0;
  #speaksText = true;
  #paused = false;
  /** Came before the start, or in one piece with a message after which reading was paused. */
  readonly #held: Uint8Array[] = [];
  #error: NetworkError | null = null;
  #gone = false;
  #toldEnd = false;
  /** `end` or `destroy` was called. */
  #done = false;
  #toldClose = false;

  /** `webSocket` is open on `socket`; both are this object's from now on. */
  constructor(webSocket: WebSocket, socket: Socket, options: WebSocketConnectionOptions) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    const { remote, local } = addressesOf(socket);
    this.remote = options.remote ?? remote;
    this.local = local;
    if (options.certifiedNames !== undefined) this.certifiedNames = options.certifiedNames;
    this.#share = options.budget === null ? null : new BudgetShare(options.budget);
    webSocket.on('message', (data, isBinary) => this.#message(data as Buffer, isBinary));
    webSocket.on('error', (error) => (this.#error ??= toNetworkError(error, 'connection')));
    webSocket.on('close', () => this.#closed());
    if (this.#share !== null) socket.on('data', (chunk: Uint8Array) => this.#count(chunk.length));
  }

  start(handlers: ConnectionHandlers): void {
    assert(this.#handlers === null, 'a connection was started twice');
    this.#handlers = handlers;
    this.#socket.on('drain', () => {
      if (this.#isOpen) handlers.drain();
    });
    if (this.#gone || this.#held.length > 0) setImmediate(() => this.#handOver());
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(chunk: Uint8Array): boolean {
    return this.writeMessage([chunk]);
  }

  writeMessage(chunks: readonly Uint8Array[]): boolean {
    if (!this.#isOpen) return true;
    const binary = !this.#speaksText || !chunks.every((chunk) => isUtf8(chunk));
    const last = chunks.length - 1;
    for (const [index, chunk] of chunks.entries()) this.#webSocket.send(chunk, { binary, fin: index === last });
    return !this.#socket.writableNeedDrain;
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.#webSocket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#handOver();
    if (!this.#paused) this.#webSocket.resume();
  }

  end(): void {
    if (this.#done) return;
    this.#done = true;
    this.#webSocket.close(NORMAL);
    if (this.#gone) setImmediate(() => this.#tellClose());
  }

  destroy(): void {
    this.#done = true;
    this.#held.length = 0;
    this.#webSocket.terminate();
    if (this.#gone) setImmediate(() => this.#tellClose());
  }

  get #isOpen(): boolean {
    return !this.#done && this.#webSocket.readyState === WebSocket.OPEN;
  }

  #message(bytes: Buffer, isBinary: boolean): void {
    this.#pendingBytes = 0;
    this.#share?.release();
    this.#speaksText = !isBinary;
    if (bytes.length === 0) return;
    if (this.#handlers === null || this.#paused || this.#held.length > 0) this.#held.push(bytes);
    else this.#handlers.data(bytes);
  }

  /** What has been held back, as far as it is wanted. */
  #handOver(): void {
    if (this.#handlers === null) return;
    while (!this.#paused && this.#held.length > 0) this.#handlers.data(this.#held.shift()!);
    if (!this.#paused && this.#gone) this.#tellEnd();
  }

  #count(bytes: number): void {
    this.#pendingBytes += bytes;
    if (this.#share === null || this.#pendingBytes <= UNCOUNTED_BYTES || this.#error !== null) return;
    if (this.#share.resize(this.#pendingBytes)) return;
    this.#error = new NetworkError('other', this.#share.refusal);
    this.#webSocket.close(TRY_AGAIN_LATER, 'this node holds too much of half-sent messages');
    this.#webSocket.pause();
  }

  #closed(): void {
    this.#gone = true;
    this.#share?.release();
    if (this.#done || this.#error !== null) this.#tellClose();
    else if (!this.#paused) this.#tellEnd();
  }

  /** The last that the other side has sent has been handed over. */
  #tellEnd(): void {
    if (this.#handlers === null || this.#toldEnd) return;
    if (this.#error !== null || this.#done) return this.#tellClose();
    this.#toldEnd = true;
    this.#handlers.end();
  }

  #tellClose(): void {
    if (this.#handlers === null || this.#toldClose) return;
    this.#toldClose = true;
    this.#handlers.close(this.#error);
  }
}
