import type { Connection } from '@lockstep/kernel';

/**
 * Passes one client's bytes to the master and back, unchanged, at the pace of the slower side. When either side closes, what it had
 * sent is delivered first, then the other is closed.
 */
export class ClientTunnel {
  readonly #client: Connection;
  readonly #master: Connection;
  readonly #onClosed: () => void;
  #open = 2;

  /** Starts both connections. */
  constructor(client: Connection, master: Connection, onClosed: () => void) {
    this.#client = client;
    this.#master = master;
    this.#onClosed = onClosed;
    this.#pump(client, master);
    this.#pump(master, client);
  }

  /** The master at the other end is no longer the master: the client must connect anew. */
  close(): void {
    this.#master.destroy();
    this.#client.end();
  }

  #pump(from: Connection, to: Connection): void {
    from.start({
      data: (chunk) => {
        if (!to.write(chunk)) from.pause();
      },
      drain: () => to.resume(),
      end: () => to.end(),
      close: (error) => {
        // An orderly close has delivered its end already; a broken one must not leave the other side waiting.
        if (error === null) to.end();
        else this.#breakOff(to);
        this.#open--;
        if (this.#open === 0) this.#onClosed();
      },
    });
  }

  #breakOff(other: Connection): void {
    if (other === this.#client) other.end();
    else other.destroy();
  }
}
