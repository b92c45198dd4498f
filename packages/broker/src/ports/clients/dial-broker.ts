import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';

import { formatAddress, NetworkError } from '@lockstep/kernel';
import type { Connection } from '@lockstep/kernel';
import type { BrokerAddress } from '@lockstep/stomp-server';

import { toNetworkError } from '../network-errors.ts';
import { NodeConnection } from '../node-connection.ts';
import { toTlsError } from '../node-tls.ts';
import { WebSocketConnection } from './web-socket-connection.ts';

const SUBPROTOCOLS = ['v12.stomp', 'v11.stomp', 'v10.stomp'];
const MESSAGE_BYTES_MAX = 512 * 1024 * 1024;

/** How a client connects with a broker by TLS and WebSocket. `ca`: the authorities that count, PEM; null: those of Node.js. Rejects with NetworkError. */
export function dialBroker(broker: BrokerAddress, timeoutMs: number, ca: Uint8Array | null): Promise<Connection> {
  const trust = { minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca: Buffer.from(ca) }) } as const;
  return broker.transport === 'ssl' ? dialTls(broker, timeoutMs, trust) : dialWebSocket(broker, timeoutMs, trust);
}

interface Trust {
  readonly minVersion: 'TLSv1.2';
  readonly ca?: Buffer;
}

function dialTls({ address }: BrokerAddress, timeoutMs: number, trust: Trust): Promise<Connection> {
  const { host, port } = address;
  const what = `connect ${formatAddress(address)}`;
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const settings = { allowHalfOpen: true, noDelay: true, keepAlive: true } as const;
    const socket = connectTls({ host, port, ...name, ...settings, ...trust });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new NetworkError('timeout', `${what}: no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      reject(toTlsError(error, what));
    };
    socket.once('error', onError);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(new NodeConnection(socket));
    });
  });
}

function dialWebSocket(broker: BrokerAddress, timeoutMs: number, trust: Trust): Promise<Connection> {
  const { transport, address, path } = broker;
  const what = `connect ${formatAddress(address)}`;
  return new Promise((resolve, reject) => {
    const client = new WebSocket(`${transport}://${formatAddress(address)}${path}`, SUBPROTOCOLS, {
      ...trust,
      handshakeTimeout: timeoutMs,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
    });
    const onError = (error: Error): void => {
      reject((transport === 'wss' ? toTlsError : toNetworkError)(error, what));
    };
    client.once('error', onError);
    let socket: Socket | null = null;
    client.once('upgrade', (response) => (socket = response.socket));
    client.once('open', () => {
      client.off('error', onError);
      if (socket === null) return reject(new NetworkError('other', `${what}: no upgrade`));
      resolve(new WebSocketConnection(client, socket, { remote: null, budget: null }));
    });
  });
}
