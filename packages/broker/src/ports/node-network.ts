import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';

import { formatAddress, NetworkError } from '@lockstep/kernel';
import type { Address, Connection, Listener, ListenTls, MutualTls, Network } from '@lockstep/kernel';

import { toNetworkError } from './network-errors.ts';
import { NodeConnection, remoteOf } from './node-connection.ts';
import { distrust, secureContext, toTlsError } from './node-tls.ts';

const BACKLOG = 1024;
/** From accept to the end of TLS's own handshake. */
const HANDSHAKE_MS = 5000;
const SOCKET = { allowHalfOpen: true, noDelay: true, keepAlive: true } as const;

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

/** TCP, and TLS over it. */
export class NodeNetwork implements Network {
  listen(address: Address, onConnection: (connection: Connection) => void, tls?: ListenTls): Promise<Listener> {
    const what = `listen ${formatAddress(address)}`;
    return guarded(what, (resolve, reject) => {
      const server =
        tls === undefined
          ? createServer(SOCKET, (socket) => onConnection(new NodeConnection(socket)))
          : secureServer(tls, onConnection);
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

  connect(address: Address, timeoutMs: number, tls?: MutualTls): Promise<Connection> {
    const what = `connect ${formatAddress(address)}`;
    return guarded(what, (resolve, reject) => {
      const to = { host: address.host, port: address.port, ...SOCKET };
      // Who the other side is, its certificate says to the caller: addresses are no names of nodes.
      const socket: Socket =
        tls === undefined
          ? connect(to)
          : connectTls({ ...to, ...secureContext(tls), checkServerIdentity: () => undefined });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new NetworkError('timeout', `${what}: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const onError = (error: Error): void => {
        clearTimeout(timer);
        reject((tls === undefined ? toNetworkError : toTlsError)(error, what));
      };
      socket.once('error', onError);
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', onError);
        resolve(new NodeConnection(socket));
      });
    });
  }
}

function secureServer(tls: ListenTls, onConnection: (connection: Connection) => void): Server {
  const turnAway = (socket: TLSSocket, error: NetworkError): void => {
    // Who only looks whether somebody listens breaks it off.
    if (error.code === 'untrusted') tls.onUntrusted(remoteOf(socket), error);
    socket.destroy();
  };
  // Node itself would close the connection of who is not to be trusted without telling anybody why.
  const options = { ...secureContext(tls), ...SOCKET, requestCert: true, rejectUnauthorized: false };
  const server = createTlsServer({ ...options, handshakeTimeout: HANDSHAKE_MS }, (socket) => {
    const error = distrust(socket);
    if (error === null) onConnection(new NodeConnection(socket));
    else turnAway(socket, error);
  });
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => turnAway(socket, toTlsError(error, 'accept')));
  return server;
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
