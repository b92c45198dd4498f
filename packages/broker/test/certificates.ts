import { Buffer } from 'node:buffer';

import type { MutualTls } from '@lockstep/kernel';
import { generate } from 'selfsigned';

interface Authority {
  readonly key: string;
  readonly cert: string;
}

const DAY_MS = 24 * 3600 * 1000;

/** An authority of a test's own. */
export async function makeAuthority(name: string): Promise<Authority> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

export interface CertificateOptions {
  readonly name: string;
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly expired?: boolean;
  /** Whose word the holder takes; default: its own authority's. */
  readonly trusts?: Authority;
}

/** A key, a certificate that `authority` has signed, and whom its holder trusts. */
export async function makeCertificate(authority: Authority, options: CertificateOptions): Promise<MutualTls> {
  const { name, uris = [], dns = [], expired = false, trusts = authority } = options;
  const alternative = [
    ...dns.map((value) => ({ type: 2 as const, value })),
    ...uris.map((value) => ({ type: 6 as const, value })),
  ];
  const end = Date.now() + (expired ? -DAY_MS : 30 * DAY_MS);
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(end - 40 * DAY_MS),
    notAfterDate: new Date(end),
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      ...(alternative.length === 0 ? [] : [{ name: 'subjectAltName' as const, altNames: alternative }]),
    ],
  });
  return { key: Buffer.from(made.private), cert: Buffer.from(made.cert), ca: Buffer.from(trusts.cert) };
}
