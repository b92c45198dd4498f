import type { Address, NodeId } from '@lockstep/kernel';
import type { LocalIdentity } from './peers/hello.ts';
import { PeerTransport } from './peers/peer-transport.ts';
import type { PeerEvents } from './peers/peer-transport.ts';
import type { ReplicatedLogOptions, ReplicatedLogSettings } from './replicated-log-options.ts';
import { parseRecordsOrNull } from './storage/index.ts';

/** Room for the envelope around one record. */
const envelopeBytesMax = 4096;

/** What a member says of itself in its hellos, by its options; the rest is as it stands at the moment. */
export function localIdentity(
  { broker, node, about, witness = false }: ReplicatedLogOptions,
  now: Omit<LocalIdentity, 'broker' | 'node' | 'about' | 'witness'>,
): LocalIdentity {
  return { broker, node, about, witness, ...now };
}

/** Opens the listener for the other members and dials them. Rejects with NetworkError. */
export function openTransport(
  { listen, secret, tls = null, clock, random, network, log }: ReplicatedLogOptions,
  settings: ReplicatedLogSettings,
  members: { readonly local: () => LocalIdentity; readonly peers: ReadonlyMap<NodeId, Address> },
  events: PeerEvents,
): Promise<PeerTransport> {
  const { payloadBytesMax, appendBytesMax, peerBufferedBytesMax } = settings;
  return PeerTransport.open(
    {
      ...{ ...members, listen, secret, tls, clock, random, network, log },
      parseRecords: parseRecordsOrNull,
      frameBytesMax: payloadBytesMax + appendBytesMax + envelopeBytesMax,
      bufferedBytesMax: peerBufferedBytesMax,
    },
    events,
  );
}
