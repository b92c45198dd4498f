import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { assert } from '@lockstep/kernel';
import type { Address, Connection, ConnectionHandlers, NetworkError } from '@lockstep/kernel';

import { toNetworkError } from './network-errors.ts';
import { certifiedNames, toTlsError } from './node-tls.ts';

/** An IPv4 address that came in on an IPv6 socket is shown as what it is. */
function plainHost(host: string | undefined): string {
  if (host === undefined) return '';
  return host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host;
}

export function remoteOf(socket: Socket): Address {
  return { host: plainHost(socket.remoteAddress), port: socket.remotePort ?? 0 };
}

export function addressesOf(socket: Socket): { readonly remote: Address; readonly local: Address } {
  return { remote: remoteOf(socket), local: { host: plainHost(socket.localAddress), port: socket.localPort ?? 0 } };
}

/** A socket (TCP or TLS) as the port wants it. */
export class NodeConnection implements Connection {
  readonly remote: Address;
  readonly local: Address;
  declare readonly certifiedNames?: readonly string[];
  readonly #socket: Socket;
  #handlers: ConnectionHandlers | null = null;
  #error: NetworkError | null = null;
  #writable = true;
  #destroyed = false;
  #closed = false;

  /** `socket` is connected, was made with `allowHalfOpen`, and is this object's from now on. `remote`: where it comes from, if not from where the socket says. */
  constructor(socket: Socket, remote: Address | null = null) {
    this.#socket = socket;
    const addresses = addressesOf(socket);
    this.remote = remote ?? addresses.remote;
    this.local = addresses.local;
    const secure = socket instanceof TLSSocket;
    if (secure) this.certifiedNames = certifiedNames(socket);
    socket.on('error', (error) => {
      this.#writable = false;
      this.#error = (secure ? toTlsError : toNetworkError)(error, 'connection');
    });
    socket.on('close', () => {
      this.#writable = false;
      this.#closed = true;
      this.#handlers?.close(this.#error);
    });
  }

  start(handlers: ConnectionHandlers): void {
    assert(this.#handlers === null, 'a connection was started twice');
    this.#handlers = handlers;
    if (this.#closed) {
      setImmediate(() => handlers.close(this.#error));
      return;
    }
    const socket = this.#socket;
    socket.on('drain', () => {
      if (this.#writable) handlers.drain();
    });
    socket.on('end', () => handlers.end());
    socket.on('data', (chunk: Uint8Array) => {
      // A stream that holds several chunks may still hand them out after `destroy`.
      if (!this.#destroyed) handlers.data(chunk);
    });
    // Whoever looked at the first bytes has stopped it.
    if (socket.isPaused()) socket.resume();
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(chunk: Uint8Array, taken?: () => void): boolean {
    if (!this.#writable) return true;
    // Also called when the socket is destroyed: then nobody needs them either.
    return taken === undefined ? this.#socket.write(chunk) : this.#socket.write(chunk, () => taken());
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (!this.#writable) return;
    this.#writable = false;
    this.#socket.end();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#writable = false;
    this.#socket.destroy();
  }
}
