import type { Address, Clock, Connection, Network, Random } from '@lockstep/kernel';
import { HandedConnection } from './handed-connection.ts';
import { DialHandshake } from './handshake.ts';
import type { Judge } from './handshake.ts';
import { nonceBytes } from './hello.ts';
import type { LocalIdentity } from './hello.ts';
import { performHandshake } from './perform-handshake.ts';

export interface TunnelOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly secret: Uint8Array | null;
  readonly local: LocalIdentity;
  readonly judge: Judge;
  readonly address: Address;
  /** `host:port` of the client. */
  readonly clientAddress: string;
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
}

/** The other side will not take the client. The text says why. */
export class TunnelRefusedError extends Error {
  override readonly name = 'TunnelRefusedError';
}

/** Dials a member's peer listener for a client. The connection is the client's from its first byte on; it waits for `start`. */
export async function dialTunnel(options: TunnelOptions): Promise<Connection> {
  const { clock, secret, local, judge, clientAddress } = options;
  const connection = await options.network.connect(options.address, options.connectTimeoutMs);
  const nonce = options.random.bytes(nonceBytes);
  const handshake = new DialHandshake(local, { kind: 'client', clientAddress }, secret, nonce, judge);
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
          reject(new TunnelRefusedError(result.refusal.text));
          return;
        case 'lost':
          reject(result.error ?? new TunnelRefusedError('the connection was closed before the client was taken'));
      }
    });
  });
}
