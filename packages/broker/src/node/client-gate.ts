import type { Clock, Connection, Log, NodeId, Timer } from '@lockstep/kernel';
import { formatAddress } from '@lockstep/kernel';
import type { Leadership } from '@lockstep/raft-log';

import { ClientTunnel } from './client-tunnel.ts';
import { DeferredConnection } from './deferred-connection.ts';

/** How long a new connection waits for a master before it is closed: php-stomp gives up on CONNECT after 2 s. */
export const masterWaitMs = 1500;
/** Between attempts to reach a master that did not take the tunnel (it is just being elected, or just gone). */
const retryMs = 25;

export interface ClientGateOptions {
  readonly node: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  /** Serves the client here; calls back when its connection is closed. */
  readonly serve: (connection: Connection, onClosed: () => void) => void;
  /** Rejects when that node does not take it. */
  readonly dialMaster: (master: NodeId, clientAddress: string) => Promise<Connection>;
}

interface Waiting {
  readonly connection: DeferredConnection;
  readonly clientAddress: string;
  readonly release: () => void;
  readonly deadline: Timer;
  dialling: boolean;
}

/**
 * Decides what becomes of a client's connection: served here when this node is the master, passed through to the master when another is,
 * and kept waiting for a moment while there is none. A client is never told "not the master": its library would strike this node off its list.
 */
export class ClientGate {
  readonly #options: ClientGateOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #tunnels = new Map<ClientTunnel, NodeId>();
  #leadership: Leadership | null = null;
  #closed = false;

  constructor(options: ClientGateOptions) {
    this.#options = options;
  }

  /** A client has connected to one of this node's listeners; `release` is called when it is gone. */
  accept(connection: Connection, release: () => void): void {
    const clientAddress = formatAddress(connection.remote);
    if (this.#leadership?.leading === true) {
      this.#options.serve(connection, release);
      return;
    }
    const deferred = new DeferredConnection(connection, () => this.#giveUp(waiting));
    const waiting: Waiting = {
      connection: deferred,
      clientAddress,
      release,
      deadline: this.#options.clock.setTimer(masterWaitMs, () => {
        this.#options.log.info('closed a new client connection that found no master in time', {
          client: clientAddress,
        });
        deferred.destroy();
      }),
      dialling: false,
    };
    this.#waiting.add(waiting);
    this.#advance(waiting);
  }

  /** A slave passes a client on to this node, the master. */
  acceptTunnelled(connection: Connection, clientAddress: string): void {
    this.#options.log.debug('a slave passes a client on to this node', { client: clientAddress });
    this.#options.serve(connection, () => {});
  }

  leadershipChanged(leadership: Leadership): void {
    this.#leadership = leadership;
    for (const [tunnel, master] of [...this.#tunnels]) {
      if (leadership.leader !== null && leadership.leader !== master) tunnel.close();
    }
    for (const waiting of [...this.#waiting]) this.#advance(waiting);
  }

  /** Lets go of the clients that are waiting or passed on. */
  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#waiting]) waiting.connection.destroy();
    for (const tunnel of [...this.#tunnels.keys()]) tunnel.close();
  }

  #advance(waiting: Waiting): void {
    if (!this.#waiting.has(waiting) || waiting.dialling || this.#closed) return;
    const leadership = this.#leadership;
    if (leadership === null) return;
    if (leadership.leading) {
      this.#leave(waiting);
      this.#options.serve(waiting.connection, waiting.release);
    } else if (leadership.leader !== null && leadership.leader !== this.#options.node) {
      void this.#passOn(waiting, leadership.leader);
    }
  }

  async #passOn(waiting: Waiting, master: NodeId): Promise<void> {
    waiting.dialling = true;
    const toMaster = await this.#options.dialMaster(master, waiting.clientAddress).catch(() => null);
    waiting.dialling = false;
    if (!this.#waiting.has(waiting)) {
      toMaster?.destroy();
    } else if (toMaster === null) {
      this.#options.clock.setTimer(retryMs, () => this.#advance(waiting));
    } else {
      this.#leave(waiting);
      const tunnel = new ClientTunnel(this.#options.clock, waiting.connection, toMaster, () => {
        this.#tunnels.delete(tunnel);
        waiting.release();
      });
      this.#tunnels.set(tunnel, master);
    }
  }

  #leave(waiting: Waiting): void {
    waiting.deadline.cancel();
    this.#waiting.delete(waiting);
  }

  #giveUp(waiting: Waiting): void {
    this.#leave(waiting);
    waiting.release();
  }
}
