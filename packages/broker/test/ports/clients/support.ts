import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { once } from 'node:events';

import type { Address, Connection, NetworkError } from '@lockstep/kernel';
import { InputBudget } from '@lockstep/stomp-server';
import type { Test } from 'tap';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';

import { ClientNetwork } from '../../../src/ports/clients/client-network.ts';
import type { ClientNetworkOptions } from '../../../src/ports/clients/client-network.ts';

/** One connection that was taken, and all that happened on it. */
export class Taken {
  readonly connection: Connection;
  readonly chunks: Uint8Array[] = [];
  ended = false;
  closed = false;
  error: NetworkError | null = null;
  drains = 0;
  /** Called with each chunk. */
  onData: () => void = () => {};
  readonly #waiting = new Set<() => void>();

  constructor(connection: Connection) {
    this.connection = connection;
    connection.start({
      data: (chunk) => {
        this.onData();
        this.#note(() => this.chunks.push(chunk));
      },
      drain: () => this.#note(() => (this.drains += 1)),
      end: () => this.#note(() => (this.ended = true)),
      close: (error) =>
        this.#note(() => {
          this.closed = true;
          this.error = error;
        }),
    });
  }

  get received(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** Resolves as soon as it is so. */
  async until(goal: () => boolean): Promise<void> {
    while (!goal()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #note(what: () => void): void {
    what();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

export interface Entrance {
  readonly address: Address;
  readonly network: ClientNetwork;
  readonly budget: InputBudget;
  readonly turnedAway: string[];
  /** The next connection that is taken. */
  next(): Promise<Taken>;
  /** How many have been taken. */
  readonly taken: readonly Taken[];
  /** Resolves when somebody has been turned away, and says why. */
  refusal(): Promise<string>;
}

export async function entrance(
  t: Test,
  options: Partial<ClientNetworkOptions> = {},
  budget: InputBudget = new InputBudget(Infinity),
): Promise<Entrance> {
  const taken: Taken[] = [];
  const turnedAway: string[] = [];
  const waiting: ((connection: Taken) => void)[] = [];
  const waitingForRefusal: ((why: string) => void)[] = [];
  let given = 0;
  let told = 0;
  const network = new ClientNetwork({
    proxyProtocol: false,
    tls: null,
    clientCertificates: 'none',
    webSocket: null,
    handshakeMs: 30_000,
    turnedAway: (_remote, why) => {
      turnedAway.push(why);
      const waiter = waitingForRefusal.shift();
      if (waiter !== undefined) waiter(turnedAway[told++]!);
    },
    ...options,
  });
  const listener = await network.listen(
    { host: '127.0.0.1', port: 0 },
    (connection) => {
      taken.push(new Taken(connection));
      waiting.shift()?.(taken[given++]!);
    },
    budget,
  );
  t.teardown(async () => {
    await listener.close();
    for (const { connection } of taken) connection.destroy();
  });
  return {
    ...{ address: listener.address, network, budget, turnedAway, taken },
    next: () =>
      given < taken.length ? Promise.resolve(taken[given++]!) : new Promise((resolve) => waiting.push(resolve)),
    refusal: () =>
      told < turnedAway.length
        ? Promise.resolve(turnedAway[told++]!)
        : new Promise((resolve) => waitingForRefusal.push(resolve)),
  };
}

/** Lets in every page; messages up to so many bytes. */
export function anyPage(messageBytesMax = 1_000_000): ClientNetworkOptions['webSocket'] {
  return { takesOrigin: () => true, messageBytesMax };
}

export async function tcp(t: Test, { port }: Address): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the handshake is over, or has failed. */
export async function tls(t: Test, { port }: Address, options: ConnectionOptions): Promise<Socket> {
  const socket = connectTls({ host: '127.0.0.1', port, checkServerIdentity: () => undefined, ...options });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
  return socket;
}

export function webSocket(
  t: Test,
  { port }: Address,
  options: ClientOptions & { readonly secure?: boolean; readonly protocols?: string[]; readonly path?: string } = {},
): WebSocket {
  const { secure = false, protocols = [], path = '/', ...others } = options;
  const client = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`, protocols, others);
  t.teardown(() => client.terminate());
  client.on('error', () => {});
  return client;
}

/** All that comes until it is closed, in good order or not. */
export async function allOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}
