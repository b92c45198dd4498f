import type { MutualTls } from '@lockstep/kernel';
import { certifies } from '@lockstep/raft-log';

import type { NodeSettings } from '../config/load-config.ts';
import { namesOfCertificate } from '../ports/node-tls.ts';
import { readPem, refusePem } from './read-pem.ts';

/**
 * What `cluster.tls` names, looked at before anybody else does: a node whose certificate the others would turn away does not start.
 * @throws CommandError with exit code 2.
 */
export function readClusterTls({ clusterTls, broker, node }: NodeSettings): MutualTls | null {
  if (clusterTls === null) return null;
  const { cert, key, ca } = readPem('cluster.tls', clusterTls);
  const names = namesOfCertificate(cert);
  if (ca === null || !certifies(names, broker, node)) {
    const rule = `must be for node ${node}: common name or DNS name ${node}, or the URI lockstep://${broker}/${node}`;
    throw refusePem('cluster.tls', 'cert', `${clusterTls.cert} is for ${names.join(', ') || 'nobody'}: ${rule}`);
  }
  return { cert, key, ca };
}
