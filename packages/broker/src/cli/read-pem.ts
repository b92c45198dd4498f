import { createPrivateKey, X509Certificate } from 'node:crypto';

import { CommandError, exitCodes } from './exit-codes.ts';
import { readOrExplain } from './read-config.ts';

/** Files with a certificate, the key to it, and authorities, as the configuration names them. */
export interface PemFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
}

export interface Pem {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | null;
}

/** What the key `section` names, looked at before anybody needs it. @throws CommandError with exit code 2. */
export function readPem(section: string, files: PemFiles): Pem {
  const certificateIn = (key: 'cert' | 'ca', path: string): Buffer => {
    const pem = readOrExplain(path, `${section}.${key}`);
    if (parsed(pem) !== null) return pem;
    throw refusePem(section, key, `${path} holds no certificate: must be PEM, as -----BEGIN CERTIFICATE-----`);
  };
  const cert = certificateIn('cert', files.cert);
  const key = readOrExplain(files.key, `${section}.key`);
  const ca = files.ca === null ? null : certificateIn('ca', files.ca);
  if (!isKeyOf(cert, key)) {
    throw refusePem(section, 'key', `${files.key} is not the key to ${files.cert}: must be PEM, unencrypted`);
  }
  return { cert, key, ca };
}

export function refusePem(section: string, key: string, why: string): CommandError {
  return new CommandError(exitCodes.usage, `${section}.${key}: ${why}`);
}

function parsed(pem: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function isKeyOf(certificate: Buffer, pem: Buffer): boolean {
  try {
    return parsed(certificate)?.checkPrivateKey(createPrivateKey(pem)) ?? false;
  } catch {
    return false;
  }
}
