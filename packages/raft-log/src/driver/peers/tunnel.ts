import type { Address, Clock, Connection, MutualTls, Network, Random } from '@lockstep/kernel';
import { HandedConnection } from './handed-connection.ts';
import { DialHandshake } from './handshake.ts';
import { helloVersionOf, nonceBytes } from './hello.ts';
import type { Hello, HelloVersion, LocalIdentity, Refusal } from './hello.ts';
import { performHandshake } from './perform-handshake.ts';

export interface TunnelOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly secret: Uint8Array | null;
  readonly tls: MutualTls | null;
  readonly local: LocalIdentity;
  readonly judge: (hello: Hello, connection: Connection) => Refusal | null;
  readonly address: Address;
  /** `host:port` of the client. */
  readonly clientAddress: string;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
}

/** The other side will not take the client. The text says why. */
export class TunnelRefusedError extends Error {
  override readonly name = 'TunnelRefusedError';
  /** It might take a hello of the first layout. */
  readonly readsOlder: boolean;
  constructor({ code, text }: Refusal, byPeer: boolean) {
    super(text);
    this.readsOlder = byPeer && code === 'version';
  }
}

/** Dials a member's peer listener for a client. The connection is the client's from its first byte on; it waits for `start`. */
export async function dialTunnel(options: TunnelOptions): Promise<Connection> {
  const { levels } = options.local;
  const newest = helloVersionOf(levels);
  try {
    return await dialAs(options, newest);
  } catch (error) {
    const older = error instanceof TunnelRefusedError && error.readsOlder && newest > 1 && levels.min === 1;
    if (!older) throw error;
    return await dialAs(options, 1);
  }
}

async function dialAs(options: TunnelOptions, version: HelloVersion): Promise<Connection> {
  const { clock, secret, local, clientAddress, tls, address } = options;
  const connection = await options.network.connect(address, options.connectTimeoutMs, tls ?? undefined);
  const nonce = options.random.bytes(nonceBytes);
  const judge = (hello: Hello): Refusal | null => options.judge(hello, connection);
  const handshake = new DialHandshake(local, { kind: 'client', clientAddress }, secret, nonce, judge, version);
  return new Promise((resolve, reject) => {
    performHandshake(connection, handshake, clock, options.handshakeTimeoutMs, (result) => {
      switch (result.type) {
        case 'accepted': {
          const handed = new HandedConnection(connection, clock);
          result.take(handed.below);
          resolve(handed);
          return;
        }
        case 'refused':
          reject(new TunnelRefusedError(result.refusal, result.byPeer));
          return;
        case 'lost':
          reject(result.error ?? new TunnelRefusedError(gone, false));
      }
    });
  });
}

const gone: Refusal = { code: 'not-ready', text: 'the connection was closed before the client was taken' };
