import type { Address, Clock, Connection, Listener, Network } from '@lockstep/kernel';

/** How many client connections a node has, over all its listeners. */
export class ConnectionCount {
  readonly max: number;
  #open = 0;

  constructor(max: number) {
    this.max = max;
  }

  get open(): number {
    return this.#open;
  }

  /** False at the limit. */
  enter(): boolean {
    if (this.#open >= this.max) return false;
    this.#open++;
    return true;
  }

  leave(): void {
    this.#open--;
  }
}

export interface StompListenerOptions {
  readonly network: Pick<Network, 'listen'>;
  readonly clock: Clock;
  /** Port 0 takes a free one. */
  readonly address: Address;
  /** Shared by all listeners of a node. */
  readonly count: ConnectionCount;
  /** How long a connection above the limit stays open, unread, before it is closed without an ERROR frame, milliseconds: a client that came back at once would only come again. */
  readonly excessWaitMs: number;
  /**
   * Takes a connection over: starts it in the same turn, and calls `release` once when it is gone. Whether it is served
   * here or passed on is the node's to decide.
   */
  readonly accept: (connection: Connection, release: () => void) => void;
}

/** Above the limit, so many wait; further ones are closed at once. */
const EXCESS_MAX = 256;

/** Accepts client connections on one address. */
export class StompListener {
  readonly #options: StompListenerOptions;
  #listener: Listener | null = null;
  #excess = 0;

  private constructor(options: StompListenerOptions) {
    this.#options = options;
  }

  /** @throws NetworkError (as rejection) when the address can't be had. */
  static async open(options: StompListenerOptions): Promise<StompListener> {
    const listener = new StompListener(options);
    listener.#listener = await options.network.listen(options.address, (connection) => listener.#take(connection));
    return listener;
  }

  /** Where it listens, with the port that it got. */
  get address(): Address {
    return this.#listener?.address ?? this.#options.address;
  }

  /** Takes no more connections; those that were taken live on. */
  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #take(connection: Connection): void {
    const { count, accept } = this.#options;
    if (!count.enter()) return this.#turnAway(connection);
    let released = false;
    accept(connection, () => {
      if (released) return;
      released = true;
      count.leave();
    });
  }

  #turnAway(connection: Connection): void {
    this.#excess++;
    const waitMs = this.#excess > EXCESS_MAX ? 0 : this.#options.excessWaitMs;
    const timer = this.#options.clock.setTimer(waitMs, () => connection.destroy());
    connection.start({
      data() {},
      drain() {},
      end: () => connection.destroy(),
      close: () => {
        timer.cancel();
        this.#excess--;
      },
    });
    connection.pause();
  }
}
