import type { Address, Clock, Connection, ConnectionHandlers, NetworkError } from '@lockstep/kernel';

/**
 * A connection whose first bytes were a handshake, handed on as if it were new: `start` brings what has come in since, and
 * then everything else. Takes nothing in before that.
 */
export class HandedConnection implements Connection {
  readonly #connection: Connection;
  readonly #clock: Clock;
  #handlers: ConnectionHandlers | null = null;
  #waiting: Uint8Array[] = [];
  /** What waited is out: events pass straight through. */
  #open = false;
  #paused = false;
  #ended = false;
  #closed: { readonly error: NetworkError | null } | null = null;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    connection.pause();
  }

  /** What the connection underneath calls. */
  readonly below: ConnectionHandlers = {
    data: (chunk) => {
      if (this.#open) this.#handlers?.data(chunk);
      else this.#waiting.push(chunk);
    },
    drain: () => this.#handlers?.drain(),
    end: () => {
      this.#ended = true;
      if (this.#open) this.#handlers?.end();
    },
    close: (error) => {
      this.#closed = { error };
      if (this.#open) this.#handlers?.close(error);
      else if (this.#handlers !== null) this.#clock.atTurnEnd(() => this.#release());
    },
  };

  get remote(): Address {
    return this.#connection.remote;
  }
  get local(): Address {
    return this.#connection.local;
  }
  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  start(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    // Not from inside the caller's call: it is not ready for bytes yet.
    this.#clock.atTurnEnd(() => this.#release());
  }
  write(chunk: Uint8Array): boolean {
    return this.#connection.write(chunk);
  }
  cork(): void {
    this.#connection.cork();
  }
  uncork(): void {
    this.#connection.uncork();
  }
  pause(): void {
    this.#paused = true;
    this.#connection.pause();
  }
  resume(): void {
    this.#paused = false;
    if (this.#open) this.#connection.resume();
    else this.#clock.atTurnEnd(() => this.#release());
  }
  end(): void {
    this.#connection.end();
  }
  destroy(): void {
    this.#waiting = [];
    this.#connection.destroy();
  }

  #release(): void {
    const handlers = this.#handlers;
    if (handlers === null || this.#open) return;
    while (!this.#paused || this.#closed !== null) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      handlers.data(chunk);
    }
    if (this.#waiting.length > 0) return;
    this.#open = true;
    if (this.#ended) handlers.end();
    if (this.#closed !== null) handlers.close(this.#closed.error);
    else if (!this.#paused) this.#connection.resume();
  }
}
