import { createPrivateKey, X509Certificate } from 'node:crypto';

import type { MutualTls } from '@lockstep/kernel';
import { certifies } from '@lockstep/raft-log';

import type { NodeSettings } from '../config/load-config.ts';
import { namesOfCertificate } from '../ports/node-tls.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { readOrExplain } from './read-config.ts';

/**
 * What `cluster.tls` names, looked at before anybody else does: a node whose certificate the others would turn away does not start.
 * @throws CommandError with exit code 2.
 */
export function readClusterTls({ clusterTls, broker, node }: NodeSettings): MutualTls | null {
  if (clusterTls === null) return null;
  const read = (key: 'cert' | 'key' | 'ca'): Buffer => readOrExplain(clusterTls[key], `cluster.tls.${key}`);
  const refuse = (key: 'cert' | 'key' | 'ca', why: string): CommandError =>
    new CommandError(exitCodes.usage, `cluster.tls.${key}: ${clusterTls[key]} ${why}`);
  const tls = { cert: read('cert'), key: read('key'), ca: read('ca') };
  const certificate = parsed(tls.cert);
  if (certificate === null) throw refuse('cert', 'holds no certificate: must be PEM, as -----BEGIN CERTIFICATE-----');
  if (parsed(tls.ca) === null) throw refuse('ca', 'holds no certificate: must be PEM, as -----BEGIN CERTIFICATE-----');
  if (!isKeyOf(certificate, tls.key))
    throw refuse('key', `is not the key to ${clusterTls.cert}: must be PEM, unencrypted`);
  const names = namesOfCertificate(tls.cert);
  if (!certifies(names, broker, node)) {
    const rule = `must be for node ${node}: common name or DNS name ${node}, or the URI lockstep://${broker}/${node}`;
    throw refuse('cert', `is for ${names.join(', ') || 'nobody'}: ${rule}`);
  }
  return tls;
}

function parsed(pem: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function isKeyOf(certificate: X509Certificate, pem: Buffer): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false;
  }
}
