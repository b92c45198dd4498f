import type { Address, Clock, Connection, MutualTls, Network, Random } from '@lockstep/kernel';
import { HandedConnection } from './handed-connection.ts';
import { DialHandshake } from './handshake.ts';
import { helloVersionOf, nonceBytes } from './hello.ts';
import type { Hello, HelloVersion, LocalIdentity, Refusal } from './hello.ts';
import { performHandshake } from './perform-handshake.ts';

export interface ChannelOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly secret: Uint8Array | null;
  readonly tls: MutualTls | null;
  readonly local: LocalIdentity;
  readonly judge: (hello: Hello, connection: Connection) => Refusal | null;
  readonly address: Address;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
}

/** The other side will not take the channel. The text says why. */
export class ChannelRefusedError extends Error {
  override readonly name = 'ChannelRefusedError';
  /** It might take a hello of the first layout. */
  readonly readsOlder: boolean;
  constructor({ code, text }: Refusal, byPeer: boolean) {
    super(text);
    this.readsOlder = byPeer && code === 'version';
  }
}

/** Dials a member's peer listener for a channel. The connection is the caller's from its first byte on; it waits for `start`. */
export async function dialChannel(options: ChannelOptions): Promise<Connection> {
  const { levels } = options.local;
  const newest = helloVersionOf(levels);
  try {
    return await dialAs(options, newest);
  } catch (error) {
    const older = error instanceof ChannelRefusedError && error.readsOlder && newest > 1 && levels.min === 1;
    if (!older) throw error;
    return await dialAs(options, 1);
  }
}

async function dialAs(options: ChannelOptions, version: HelloVersion): Promise<Connection> {
  const { clock, secret, local, tls, address } = options;
  const connection = await options.network.connect(address, options.connectTimeoutMs, tls ?? undefined);
  const nonce = options.random.bytes(nonceBytes);
  const judge = (hello: Hello): Refusal | null => options.judge(hello, connection);
  const handshake = new DialHandshake(local, 'sessions', secret, nonce, judge, version);
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
          reject(new ChannelRefusedError(result.refusal, result.byPeer));
          return;
        case 'lost':
          reject(result.error ?? new ChannelRefusedError(gone, false));
      }
    });
  });
}

const gone: Refusal = { code: 'not-ready', text: 'the connection was closed before the channel was taken' };
