import type { Address, Log } from '@lockstep/kernel';
import { formatAddress } from '@lockstep/kernel';

import type { ListenerSettings, NodeSettings } from '../config/load-config.ts';
import type { ListenerOptions } from '../node/types.ts';
import { ClientNetwork } from '../ports/clients/client-network.ts';
import type { ClientTls } from '../ports/clients/client-network.ts';
import { ScryptHasher } from '../ports/scrypt-hasher.ts';
import { allowedOrigins } from '../security/allowed-origins.ts';
import { NodeSecurity } from '../security/node-security.ts';
import type { SecuritySettings } from '../security/security-settings.ts';

/** A message of WebSocket may hold a STOMP frame of the largest size, and what of others comes with it. */
const MORE_MESSAGE_BYTES = 64 * 1024;

/** How clients come into this node: its listeners with all that they speak, and who is let in. */
export class ClientEntrances {
  readonly listeners: readonly ListenerOptions[];
  readonly security: NodeSecurity;
  readonly #networks: readonly ClientNetwork[];

  /** `tls` is there if a listener needs it. */
  constructor(settings: NodeSettings, tls: ClientTls | null, log: Log) {
    this.security = new NodeSecurity(settings.security, new ScryptHasher());
    const networks: ClientNetwork[] = [];
    this.listeners = settings.listeners.map((listener) => {
      const { kind, listen, advertise, anonymous } = listener;
      const plain = { kind, listen, advertise, anonymous };
      if (kind === 'stomp' && !listener.proxyProtocol) return plain;
      const transport = makeNetwork(settings, listener, tls, log, () => !this.security.hasUsers);
      networks.push(transport);
      return { ...plain, transport };
    });
    this.#networks = networks;
  }

  /** From now on. */
  reload(security: SecuritySettings, tls: ClientTls | null): void {
    this.security.reload(security);
    if (tls !== null) for (const network of this.#networks) network.renewTls(tls);
  }
}

function makeNetwork(
  { limits }: NodeSettings,
  { kind, listen, anonymous, origins, proxyProtocol, clientCertificates }: ListenerSettings,
  tls: ClientTls | null,
  log: Log,
  isOpen: () => boolean,
): ClientNetwork {
  const isSecure = kind === 'stomps' || kind === 'wss';
  const isWebSocket = kind === 'ws' || kind === 'wss';
  return new ClientNetwork({
    proxyProtocol,
    tls: isSecure ? tls : null,
    clientCertificates,
    webSocket: isWebSocket
      ? {
          // Users may come and go while the node runs.
          takesOrigin: (origin) => allowedOrigins(origins, anonymous || isOpen())(origin),
          messageBytesMax: limits.headerBytes + limits.bodyBytes + MORE_MESSAGE_BYTES,
        }
      : null,
    handshakeMs: limits.connectMs,
    turnedAway: (remote: Address, why: string) => {
      log.warn('turned a client away', {
        listener: `${kind} ${formatAddress(listen)}`,
        client: formatAddress(remote),
        why,
      });
    },
  });
}
