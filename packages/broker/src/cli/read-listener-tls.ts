import { createSecureContext } from 'node:tls';

import type { NodeSettings } from '../config/load-config.ts';
import type { ClientTls } from '../ports/clients/client-network.ts';
import { readPem, refusePem } from './read-pem.ts';

/** What `tls` names. @throws CommandError with exit code 2. */
export function readListenerTls({ tls }: Pick<NodeSettings, 'tls'>): ClientTls | null {
  if (tls === null) return null;
  const pem = readPem('tls', tls);
  try {
    // A key or signature that this machine's OpenSSL thinks too weak is noticed here, and not by the first client.
    createSecureContext({ cert: pem.cert, key: pem.key, ...(pem.ca === null ? {} : { ca: pem.ca }) });
  } catch (error) {
    throw refusePem('tls', 'cert', `${tls.cert} can't be used: ${(error as Error).message}`);
  }
  return pem;
}
