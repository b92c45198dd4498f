import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { generate } from 'selfsigned';

/** A certification authority that lasts as long as a test. */
export class Authority {
  readonly #key: string;
  readonly cert: string;

  private constructor(key: string, cert: string) {
    this.#key = key;
    this.cert = cert;
  }

  static async create(name: string): Promise<Authority> {
    const made = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, critical: true },
      ],
    });
    return new Authority(made.private, made.cert);
  }

  /** Writes certificate, key, this authority and a configuration that names them; answers the configuration's path. */
  async configure(directory: string, id: string, name: string = id): Promise<string> {
    const made = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      ca: { key: this.#key, cert: this.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'subjectAltName', altNames: [{ type: 6, value: `lockstep://test/${name}` }] },
      ],
    });
    const config = join(directory, `${id}.yaml`);
    await writeFile(join(directory, `${id}.crt`), made.cert);
    await writeFile(join(directory, `${id}.key`), made.private);
    await writeFile(join(directory, `${id}.ca`), this.cert);
    await writeFile(config, `cluster: { tls: { cert: ${id}.crt, key: ${id}.key, ca: ${id}.ca } }\n`);
    return config;
  }
}
