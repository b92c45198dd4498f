import type { Address } from '@lockstep/kernel';

/** What clients are told of a listener: nobody can connect to a wildcard from elsewhere, so the machine's name stands for it. */
export function advertisedAddress(bound: Address, advertise: Address | null, hostName: string): Address {
  if (advertise !== null) return advertise;
  return bound.host === '0.0.0.0' || bound.host === '::' ? { host: hostName, port: bound.port } : bound;
}

/**
 * The URI that names every node of the logical broker, this one first. `others` holds what each other member has said of its own
 * STOMP listeners (comma-separated `host:port`), null where it has not been heard yet.
 */
export function failoverUri(own: readonly string[], others: readonly (string | null)[]): string {
  const addresses = [...own, ...others.flatMap((about) => (about === null || about === '' ? [] : about.split(',')))];
  return `failover:(${addresses.map((address) => `tcp://${address}`).join(',')})`;
}
