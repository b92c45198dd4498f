import { setTimeout as pause } from 'node:timers/promises';

import { RawClient } from '../harness/raw-client.ts';
import type { RawFrame } from '../harness/raw-client.ts';
import type { Server } from './server.ts';

export type Headers = Readonly<Record<string, string | number>>;
export type Version = '1.0' | '1.1' | '1.2';

/** An ERROR, or the end of the connection, where the behaviour looked at something else. */
export class Refused extends Error {}

/**
 * A connection that says what a behaviour wants to have said, and tells what came of it. Header values go out as they are given: nothing
 * is escaped.
 */
export class Talk {
  readonly raw: RawClient;
  readonly version: Version;
  readonly #server: Server;
  #messages = 0;
  #errors = 0;
  #receipts = 0;
  #subscriptions = 0;

  private constructor(raw: RawClient, server: Server, version: Version) {
    this.raw = raw;
    this.#server = server;
    this.version = version;
  }

  /** A connection on which nothing has been said yet. */
  static async open(server: Server, version: Version = '1.2'): Promise<Talk> {
    return new Talk(await RawClient.open(server.port), server, version);
  }

  /** Says CONNECT with what this server needs; `headers` come last. Does not wait. */
  connect(headers: Headers = {}): void {
    const { host, login, passcode } = this.#server;
    this.say('CONNECT', { 'accept-version': this.version, host, login, passcode, ...headers });
  }

  async connected(): Promise<RawFrame> {
    return this.frame('CONNECTED', ({ command }) => command === 'CONNECTED');
  }

  say(command: string, headers: Headers = {}, body: string | Uint8Array = ''): void {
    const head = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.raw.say(Buffer.concat([Buffer.from(`${command}\n${head.join('')}\n`), Buffer.from(body), Buffer.from([0])]));
  }

  /** Says it with a receipt and waits for that. */
  async ask(command: string, headers: Headers = {}, body: string | Uint8Array = ''): Promise<RawFrame> {
    const receipt = `receipt-${++this.#receipts}`;
    this.say(command, { ...headers, receipt }, body);
    return this.frame(`RECEIPT of ${command}`, ({ headers: got }) => got['receipt-id'] === receipt);
  }

  async receipt(id: string): Promise<RawFrame> {
    return this.frame(`RECEIPT ${id}`, ({ headers }) => headers['receipt-id'] === id);
  }

  async send(destination: string, body: string | Uint8Array, headers: Headers = {}): Promise<RawFrame> {
    return this.ask('SEND', { destination, ...headers }, body);
  }

  /** Resolves with the id of the subscription. */
  async subscribe(destination: string, headers: Headers = {}): Promise<string> {
    const id = String(headers['id'] ?? `s${++this.#subscriptions}`);
    await this.ask('SUBSCRIBE', { id, destination, ...headers });
    return id;
  }

  /** The headers by which this version names a message to acknowledge. */
  naming({ headers }: RawFrame): Headers {
    const { ack = '', subscription = '', 'message-id': id = '' } = headers;
    if (this.version === '1.2') return { id: ack };
    return this.version === '1.1' ? { 'message-id': id, subscription } : { 'message-id': id };
  }

  async ack(message: RawFrame, headers: Headers = {}): Promise<void> {
    await this.ask('ACK', { ...this.naming(message), ...headers });
  }

  async nack(message: RawFrame, headers: Headers = {}): Promise<void> {
    await this.ask('NACK', { ...this.naming(message), ...headers });
  }

  /** The next messages: so many, or as many as come before nothing comes for the server's patience. */
  async messages(count: number): Promise<readonly RawFrame[]> {
    const from = this.#messages;
    const all = (): readonly RawFrame[] => this.raw.frames.filter(({ command }) => command === 'MESSAGE');
    await this.#wait(() => all().length >= from + count || this.#errorCame());
    if (all().length < from + count) this.#refuseOn('messages');
    const came = all().slice(from, from + count);
    this.#messages += came.length;
    return came;
  }

  /** The next message, which must come. */
  async message(): Promise<RawFrame> {
    const [message] = await this.messages(1);
    if (message === undefined) throw new Refused('no message came');
    return message;
  }

  /** What became of something faulty, or that may be: is there an ERROR, and does the connection go on? */
  async fate(): Promise<string> {
    const asked = this.raw.frames.length;
    await this.#wait(() => this.#errorCame());
    const error = this.#takeError();
    if (this.raw.ended) return error === null ? 'closed' : 'ERROR, closed';
    const receipt = `receipt-${++this.#receipts}`;
    if (this.raw.frames.some(({ command }) => command === 'CONNECTED')) {
      this.say('SEND', { destination: `/topic/probe.${process.pid}`, receipt }, 'probe');
      await this.#wait(
        () => this.raw.ended || this.raw.frames.slice(asked).some((f) => f.headers['receipt-id'] === receipt),
      );
    } else {
      await this.#wait(() => this.raw.ended);
    }
    // An ERROR may be ahead of the end, and what was said between them answered.
    if (error !== null) await this.#wait(() => this.raw.ended);
    if (this.raw.ended) return error === null ? 'closed' : 'ERROR, closed';
    const answered = this.raw.frames.some(({ headers }) => headers['receipt-id'] === receipt);
    if (error === null) return answered ? 'taken' : 'nothing';
    return answered ? 'ERROR, goes on' : 'ERROR, open';
  }

  /** The ERROR that must come. */
  async error(): Promise<RawFrame> {
    await this.#wait(() => this.#errorCame());
    const error = this.#takeError();
    if (error === null) throw new Refused('no ERROR came');
    return error;
  }

  /** Waits for as long as it takes until "nothing comes". */
  async quiet(): Promise<void> {
    await this.#wait(() => false);
  }

  /** Resolves when the connection is ended, or is not after so long. */
  async endedWithin(ms: number): Promise<boolean> {
    const started = performance.now();
    await this.#wait(() => performance.now() - started >= ms, ms);
    return this.raw.ended;
  }

  /** Leaves in order. */
  async disconnect(): Promise<void> {
    await this.ask('DISCONNECT');
    this.cut();
  }

  /** The socket is gone, without a word. */
  cut(): void {
    this.raw.drop();
  }

  /** The frame that is wanted, which must come. */
  async frame(what: string, wanted: (frame: RawFrame) => boolean): Promise<RawFrame> {
    const found = (): RawFrame | undefined =>
      this.raw.frames.find((frame) => frame.command !== 'ERROR' && wanted(frame));
    await this.#wait(() => found() !== undefined || this.#errorCame());
    const frame = found();
    if (frame !== undefined) return frame;
    this.#refuseOn(what);
    throw new Refused(`no ${what}`);
  }

  #errorCame(): boolean {
    return this.raw.frames.filter(({ command }) => command === 'ERROR').length > this.#errors;
  }

  #takeError(): RawFrame | null {
    const error = this.raw.frames.filter(({ command }) => command === 'ERROR')[this.#errors] ?? null;
    if (error !== null) this.#errors++;
    return error;
  }

  #refuseOn(what: string): void {
    const error = this.#takeError();
    if (error !== null) throw new Refused(error.headers['message'] ?? error.body.toString());
    if (this.raw.ended) throw new Refused(`closed, no ${what}`);
  }

  /** Until it is so, the connection ends, or nothing has come for the time given. */
  async #wait(done: () => boolean, ms: number = this.#server.patienceMs): Promise<void> {
    let heard = this.raw.socket.bytesRead;
    let since = performance.now();
    while (!done() && !this.raw.ended && performance.now() - since < ms) {
      await pause(5);
      if (this.raw.socket.bytesRead === heard) continue;
      heard = this.raw.socket.bytesRead;
      since = performance.now();
    }
  }
}
