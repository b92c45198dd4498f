import type { Address, Connection, ConnectionHandlers, NetworkError } from '@lockstep/kernel';

/**
 * A connection that has been accepted, while nobody knows yet who will serve it. Reading rests (so the client's bytes wait in its own
 * kernel), but that it goes away is noticed. `start` hands it on as if it had just been accepted.
 */
export class DeferredConnection implements Connection {
  readonly #inner: Connection;
  #handlers: ConnectionHandlers | null = null;
  #ended = false;
  #closed: { error: NetworkError | null } | null = null;
  readonly #onGone: () => void;

  /** @param onGone called when the client leaves before `start`. */
  constructor(inner: Connection, onGone: () => void) {
    this.#inner = inner;
    this.#onGone = onGone;
    inner.start({
      data: (chunk) => this.#handlers?.data(chunk),
      drain: () => this.#handlers?.drain(),
      end: () => {
        if (this.#handlers === null) this.#ended = true;
        else this.#handlers.end();
      },
      close: (error) => {
        if (this.#handlers !== null) return this.#handlers.close(error);
        this.#closed = { error };
        this.#onGone();
      },
    });
    // In the same turn: nothing has come yet.
    inner.pause();
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#ended) handlers.end();
    if (this.#closed !== null) handlers.close(this.#closed.error);
    else this.#inner.resume();
  }

  get remote(): Address {
    return this.#inner.remote;
  }
  get local(): Address {
    return this.#inner.local;
  }
  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }
  write(chunk: Uint8Array): boolean {
    return this.#inner.write(chunk);
  }
  cork(): void {
    this.#inner.cork();
  }
  uncork(): void {
    this.#inner.uncork();
  }
  pause(): void {
    this.#inner.pause();
  }
  resume(): void {
    this.#inner.resume();
  }
  end(): void {
    this.#inner.end();
  }
  destroy(): void {
    this.#inner.destroy();
  }
}
