import { formatAddress } from '@lockstep/kernel';
import type { Address } from '@lockstep/kernel';

import type { BoundListener, ListenerKind } from './types.ts';

/** What clients are told of a listener: nobody can connect to a wildcard from elsewhere, so the machine's name stands for it. */
export function advertisedAddress(bound: Address, advertise: Address | null, hostName: string): Address {
  if (advertise !== null) return advertise;
  return bound.host === '0.0.0.0' || bound.host === '::' ? { host: hostName, port: bound.port } : bound;
}

const SCHEMES: Readonly<Record<ListenerKind, string>> = { stomp: 'tcp', stomps: 'ssl', ws: 'ws', wss: 'wss' };

/** What members can hear of each other. */
const ABOUT_BYTES_MAX = 255;

/** The URIs of a node's listeners, comma-separated, for the other members to tell their clients; as many as fit. */
export function aboutListeners(listeners: readonly Pick<BoundListener, 'kind' | 'advertised'>[]): string {
  let about = '';
  for (const { kind, advertised } of listeners) {
    const longer = `${about}${about === '' ? '' : ','}${SCHEMES[kind]}://${formatAddress(advertised)}`;
    if (Buffer.byteLength(longer) > ABOUT_BYTES_MAX) continue;
    about = longer;
  }
  return about;
}

/**
 * The URI that names, of one kind, every listener of the logical broker, this node's first. `own` and `others` are what `aboutListeners` gives, null
 * where a member has not been heard yet. Empty when there is none.
 */
export function failoverUri(kind: ListenerKind, own: string, others: readonly (string | null)[]): string {
  const uris = [own, ...others].flatMap((about) => (about ?? '').split(','));
  const ofKind = uris.filter((uri) => uri.startsWith(`${SCHEMES[kind]}://`));
  return ofKind.length === 0 ? '' : `failover:(${ofKind.join(',')})`;
}
