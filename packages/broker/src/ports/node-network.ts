import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

import { formatAddress, NetworkError } from '@lockstep/kernel';
import type { Address, Connection, Listener, Network } from '@lockstep/kernel';

import { toNetworkError } from './network-errors.ts';
import { NodeConnection } from './node-connection.ts';

const BACKLOG = 1024;

type Work<T> = (resolve: (value: T) => void, reject: (error: NetworkError) => void) => void;

/** Node throws some refusals (a port out of range) instead of reporting them. */
function guarded<T>(what: string, work: Work<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    try {
      work(resolve, reject);
    } catch (error) {
      reject(toNetworkError(error as Error, what));
    }
  });
}

/** TCP. */
export class NodeNetwork implements Network {
  listen(address: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
    const what = `listen ${formatAddress(address)}`;
    return guarded(what, (resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
        onConnection(new NodeConnection(socket));
      });
      const onError = (error: Error): void => reject(toNetworkError(error, what));
      server.once('error', onError);
      server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
        server.off('error', onError);
        // A failed accept (no file descriptors left) must not end the process: the client sees it, and may try again.
        server.on('error', () => {});
        resolve(new NodeListener(server, address.host));
      });
    });
  }

  connect(address: Address, timeoutMs: number): Promise<Connection> {
    const what = `connect ${formatAddress(address)}`;
    return guarded(what, (resolve, reject) => {
      const socket: Socket = connect({
        host: address.host,
        port: address.port,
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
      });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new NetworkError('timeout', `${what}: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const onError = (error: Error): void => {
        clearTimeout(timer);
        reject(toNetworkError(error, what));
      };
      socket.once('error', onError);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', onError);
        resolve(new NodeConnection(socket));
      });
    });
  }
}

class NodeListener implements Listener {
  readonly address: Address;
  readonly #server: Server;
  #closed: Promise<void> | null = null;

  constructor(server: Server, host: string) {
    this.#server = server;
    this.address = { host, port: (server.address() as AddressInfo).port };
  }

  close(): Promise<void> {
    // Node's callback waits for the connections too; the port itself is free at once.
    this.#closed ??= new Promise((resolve) => {
      this.#server.close();
      setImmediate(resolve);
    });
    return this.#closed;
  }
}
