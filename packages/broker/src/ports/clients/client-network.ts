import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { SecureContextOptions, Server as TlsServer, TlsOptions, TLSSocket } from 'node:tls';

import { formatAddress } from '@lockstep/kernel';
import type { Address, Connection, Listener } from '@lockstep/kernel';
import type { InputBudget } from '@lockstep/stomp-server';

import { toNetworkError } from '../network-errors.ts';
import { NodeConnection, remoteOf } from '../node-connection.ts';
import { certifiedNames, distrust, toTlsError } from '../node-tls.ts';
import { readProxyHeader } from './proxy-header.ts';
import { WebSocketConnection } from './web-socket-connection.ts';
import { WebSocketHandshake } from './web-socket-handshake.ts';

const BACKLOG = 1024;
const SOCKET = { allowHalfOpen: true, noDelay: true, keepAlive: true } as const;
/** Handshakes of one listener at a time. Beyond it the oldest is cut off: it has had its time. */
const HANDSHAKES_MAX = 1024;

/** PEM. */
export interface ClientTls {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  /** The authorities that sign clients' certificates. */
  readonly ca: Uint8Array | null;
}

export interface ClientNetworkOptions {
  /** Each connection begins with a header of the PROXY protocol, which says where the client is. */
  readonly proxyProtocol: boolean;
  /** Null: none. */
  readonly tls: ClientTls | null;
  readonly clientCertificates: 'none' | 'optional' | 'required';
  /** Null: STOMP without WebSocket. */
  readonly webSocket: { readonly takesOrigin: (origin: string) => boolean; readonly messageBytesMax: number } | null;
  /** For all handshakes of a connection together. */
  readonly handshakeMs: number;
  /** Somebody got no connection; for the log. */
  readonly turnedAway: (remote: Address, why: string) => void;
}

/** A connection before it is one. */
interface Handshake {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  remote: Address;
}

/**
 * Listens for clients over TCP with what else they speak below STOMP: a header of the PROXY protocol, TLS, WebSocket, in this order. Whoever does
 * not come through all of it in time is cut off; nobody else notices.
 */
export class ClientNetwork {
  readonly #options: ClientNetworkOptions;
  #tls: ClientTls | null;
  readonly #open = new Set<ClientListener>();

  /** @throws Error when the certificate or key can't be used. */
  constructor(options: ClientNetworkOptions) {
    this.#options = options;
    this.#tls = options.tls;
  }

  /** As `Network.listen`. */
  listen(address: Address, onConnection: (connection: Connection) => void, budget: InputBudget): Promise<Listener> {
    const listener = new ClientListener({ ...this.#options, tls: this.#tls }, onConnection, budget);
    return listener
      .listen(address, () => this.#open.delete(listener))
      .then((opened) => {
        this.#open.add(listener);
        return opened;
      });
  }

  /** For handshakes from now on. */
  renewTls(tls: ClientTls): void {
    this.#tls = tls;
    for (const listener of this.#open) listener.renewTls(tls);
  }
}

class ClientListener {
  readonly #options: ClientNetworkOptions;
  readonly #onConnection: (connection: Connection) => void;
  readonly #tcp: Server;
  readonly #tls: TlsServer | null;
  readonly #webSockets: WebSocketHandshake | null;
  readonly #handshakes = new Map<string, Handshake>();
  #closed = false;

  constructor(options: ClientNetworkOptions, onConnection: (connection: Connection) => void, budget: InputBudget) {
    this.#options = options;
    this.#onConnection = onConnection;
    const { tls, webSocket } = options;
    this.#tls = tls === null ? null : this.#secureServer(tls);
    this.#webSockets =
      webSocket === null
        ? null
        : new WebSocketHandshake({
            ...webSocket,
            opened: (opened, socket) => {
              const names = this.#tls === null ? {} : { certifiedNames: certifiedNames(socket as TLSSocket) };
              this.#done(socket, (remote) => new WebSocketConnection(opened, socket, { remote, budget, ...names }));
            },
            refused: (socket, why) => this.#refused(socket, why),
          });
    this.#tcp = createServer(SOCKET, (socket) => this.#begin(socket));
  }

  listen(address: Address, onClosed: () => void): Promise<Listener> {
    const server = this.#tcp;
    const what = `listen ${formatAddress(address)}`;
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => reject(toNetworkError(error, what));
      server.once('error', onError);
      server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
        server.off('error', onError);
        // A failed accept (no file descriptors left) must not end the process: the client sees it, and may try again.
        server.on('error', () => {});
        const bound = { host: address.host, port: (server.address() as AddressInfo).port };
        resolve({ address: bound, close: () => this.#close(onClosed) });
      });
    });
  }

  renewTls(tls: ClientTls): void {
    this.#tls?.setSecureContext(contextOf(tls));
  }

  /** The port is free at once; connections live on, half made ones don't. */
  #close(onClosed: () => void): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    onClosed();
    for (const { socket } of [...this.#handshakes.values()]) socket.destroy();
    return new Promise((resolve) => {
      this.#tcp.close();
      setImmediate(resolve);
    });
  }

  #begin(socket: Socket): void {
    const key = keyOf(socket);
    const timer = setTimeout(() => {
      this.#options.turnedAway(handshake.remote, `no handshake within ${this.#options.handshakeMs} ms`);
      socket.destroy();
    }, this.#options.handshakeMs);
    const handshake: Handshake = { socket, timer, remote: remoteOf(socket) };
    this.#handshakes.set(key, handshake);
    socket.on('error', () => {});
    socket.once('close', () => this.#forget(key, handshake));
    if (this.#handshakes.size > HANDSHAKES_MAX) {
      const [oldest] = this.#handshakes.values();
      oldest?.socket.destroy();
    }
    if (this.#options.proxyProtocol) this.#readProxyHeader(handshake);
    else this.#secure(socket);
  }

  #forget(key: string, handshake: Handshake): void {
    clearTimeout(handshake.timer);
    if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
  }

  #readProxyHeader(handshake: Handshake): void {
    const { socket } = handshake;
    let bytes: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header.state === 'partial') return;
      socket.off('data', take);
      if (header.state === 'bad') return this.#refused(socket, header.why, true);
      if (header.source !== null) handshake.remote = header.source;
      socket.pause();
      if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
      this.#secure(socket);
    };
    socket.on('data', take);
    // Nothing has become of it yet, so there is nothing to answer.
    socket.once('end', () => {
      if (this.#handshakes.get(keyOf(socket)) === handshake) socket.destroy();
    });
  }

  #secure(socket: Socket): void {
    if (this.#tls === null) this.#upgrade(socket);
    else this.#tls.emit('connection', socket);
  }

  #secureServer(tls: ClientTls): TlsServer {
    const { clientCertificates } = this.#options;
    const options: TlsOptions = {
      ...contextOf(tls),
      ...SOCKET,
      requestCert: clientCertificates !== 'none',
      // Node itself would close the connection of who is not to be trusted without telling anybody why.
      rejectUnauthorized: false,
    };
    const server = createTlsServer(options, (socket) => {
      const error = clientCertificates === 'none' ? null : distrust(socket, clientCertificates === 'required');
      if (error === null) this.#upgrade(socket);
      else this.#refused(socket, error.message, true);
    });
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const { code, message } = toTlsError(error, 'accept');
      // Who only looks whether somebody listens breaks it off.
      if (code === 'untrusted') this.#refused(socket, message, true);
      else socket.destroy();
    });
    return server;
  }

  #upgrade(socket: Socket): void {
    if (this.#webSockets === null) this.#done(socket, (remote) => new NodeConnection(socket, remote));
    else this.#webSockets.take(socket);
  }

  #done(socket: Socket, make: (remote: Address | null) => Connection): void {
    const key = keyOf(socket);
    const handshake = this.#handshakes.get(key);
    // It was cut off meanwhile.
    if (handshake === undefined || this.#closed) return void socket.destroy();
    this.#forget(key, handshake);
    this.#onConnection(make(this.#options.proxyProtocol ? handshake.remote : null));
  }

  #refused(socket: Socket, why: string, destroy = false): void {
    const remote = this.#handshakes.get(keyOf(socket))?.remote ?? remoteOf(socket);
    this.#options.turnedAway(remote, why);
    if (destroy) socket.destroy();
  }
}

function contextOf({ cert, key, ca }: ClientTls): SecureContextOptions {
  const authorities = ca === null ? {} : { ca: Buffer.from(ca) };
  return { cert: Buffer.from(cert), key: Buffer.from(key), ...authorities, minVersion: 'TLSv1.2' };
}

/** A TLS socket has the same as the socket that it is on, and nobody else in this process at the time. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
