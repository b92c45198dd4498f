import type { Clock, Connection } from '@lockstep/kernel';

/** How long a client may take to close its side after the end of the stream has been sent to it. */
const lingerMs = 2000;

/**
 * Passes one client's bytes to the master and back, unchanged, at the pace of the slower side. What either side had sent before it
 * closed is delivered; then the other is closed.
 */
export class ClientTunnel {
  readonly #clock: Clock;
  readonly #client: Connection;
  readonly #master: Connection;
  readonly #onClosed: () => void;
  #clientClosed = false;
  #masterClosed = false;

  /** Starts both connections. */
  constructor(clock: Clock, client: Connection, master: Connection, onClosed: () => void) {
    this.#clock = clock;
    this.#client = client;
    this.#master = master;
    this.#onClosed = onClosed;
    client.start({
      data: (chunk) => {
        if (!master.write(chunk)) client.pause();
      },
      drain: () => master.resume(),
      end: () => master.end(),
      close: () => {
        this.#clientClosed = true;
        master.destroy();
        this.#checkClosed();
      },
    });
    master.start({
      data: (chunk) => {
        if (!client.write(chunk)) master.pause();
      },
      drain: () => client.resume(),
      end: () => client.end(),
      close: () => {
        this.#masterClosed = true;
        this.#dismissClient();
        this.#checkClosed();
      },
    });
  }

  /** The master at the other end is no longer the master: the client must connect anew. */
  close(): void {
    this.#master.destroy();
  }

  #dismissClient(): void {
    if (this.#clientClosed) return;
    this.#client.resume();
    this.#client.end();
    this.#clock.setTimer(lingerMs, () => this.#client.destroy());
  }

  #checkClosed(): void {
    if (this.#clientClosed && this.#masterClosed) this.#onClosed();
  }
}
