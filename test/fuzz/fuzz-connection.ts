import { NetworkError } from '@lockstep/kernel';
import type { Address, Clock, Connection, ConnectionHandlers } from '@lockstep/kernel';

/** The server's end of a stream whose other end is the fuzzer. Callbacks come as a real network's do: never inside the call that caused them. */
export class FuzzConnection implements Connection {
  readonly remote: Address = { host: '127.0.0.1', port: 40_000 };
  readonly local: Address = { host: '127.0.0.1', port: 61_613 };
  /** All that the server wrote, in order. */
  readonly written: Uint8Array[] = [];
  writtenBytes = 0;
  bufferedBytes = 0;
  /** The server has ended its side, or cut the connection off. */
  ended = false;
  destroyed = false;
  /** `close` has been called. */
  closed = false;
  paused = false;
  /** The client does not read: what is written stays in the buffer. */
  #stuck = false;
  #starved = false;
  readonly #clock: Clock;
  #handlers: ConnectionHandlers | null = null;
  readonly #waiting: Uint8Array[] = [];
  #finished = false;
  #finTold = false;

  /** Where the connection keeps the bounds of what is sent (WebSocket). */
  declare readonly writeMessage?: (chunks: readonly Uint8Array[]) => boolean;

  constructor(clock: Clock, keepsBounds: boolean) {
    this.#clock = clock;
    if (keepsBounds) this.writeMessage = (chunks) => this.#message(Buffer.concat(chunks));
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  write(chunk: Uint8Array): boolean {
    if (this.writeMessage !== undefined) throw new Error('octets where messages are sent');
    return this.#put(chunk);
  }

  #message(bytes: Buffer): boolean {
    const isBeat = bytes.length === 1 && bytes[0] === 10;
    if (!isBeat && bytes.at(-1) !== 0) throw new Error('a message is one frame, or one line end');
    return this.#put(bytes);
  }

  #put(chunk: Uint8Array): boolean {
    if (this.destroyed || this.closed) return true;
    if (this.ended) throw new Error('a write behind the end');
    this.written.push(chunk);
    this.writtenBytes += chunk.length;
    if (!this.#stuck) return true;
    this.bufferedBytes += chunk.length;
    this.#starved = true;
    return false;
  }

  cork(): void {}

  uncork(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#clock.atTurnEnd(() => this.#deliver());
  }

  end(): void {
    if (this.ended) throw new Error('the server ends its side twice');
    this.ended = true;
    this.#closeWhenBothEnded();
  }

  destroy(): void {
    this.destroyed = true;
    this.#clock.atTurnEnd(() => this.#close(null));
  }

  /** The client sends. */
  feed(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#deliver();
  }

  /** The client will send no more. */
  finish(): void {
    this.#finished = true;
    this.#deliver();
  }

  reset(): void {
    this.#close(new NetworkError('reset', 'the fuzzer breaks the connection'));
  }

  /** Whether the client reads. */
  reading(reads: boolean): void {
    this.#stuck = !reads;
    if (!reads || !this.#starved || this.closed || this.destroyed) return;
    this.#starved = false;
    this.bufferedBytes = 0;
    this.#handlers!.drain();
  }

  #deliver(): void {
    while (!this.paused && !this.closed && !this.destroyed) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) break;
      this.#handlers!.data(bytes);
    }
    if (this.#waiting.length > 0 || !this.#finished || this.#finTold || this.paused) return;
    if (this.closed || this.destroyed) return;
    this.#finTold = true;
    this.#handlers!.end();
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.ended && this.#finTold) this.#clock.atTurnEnd(() => this.#close(null));
  }

  #close(error: NetworkError | null): void {
    if (this.closed) return;
    this.closed = true;
    this.#handlers!.close(error);
  }
}
