import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

import { formatPasswordHash, HASH_BYTES, PASSWORD_COST, SALT_BYTES } from '../security/password-hash.ts';
import type { PasswordHash } from '../security/password-hash.ts';
import type { PasswordHasher } from '../security/password-queue.ts';

type Derived = (error: Error | null, key: Buffer) => void;

function derive(password: string, wish: Omit<PasswordHash, 'hash'>, length: number, done: Derived): void {
  const { logCost, blockSize, parallel, salt } = wish;
  const cost = 2 ** logCost;
  scrypt(password, salt, length, { N: cost, r: blockSize, p: parallel, maxmem: 2 * 128 * cost * blockSize }, done);
}

/** scrypt, on a thread of its own. */
export class ScryptHasher implements PasswordHasher {
  readonly #key = randomBytes(32);

  matches(password: string, hash: PasswordHash, done: (matches: boolean) => void): void {
    // Where it cannot be computed it is not the one.
    derive(password, hash, hash.hash.length, (error, key) => done(error === null && timingSafeEqual(key, hash.hash)));
  }

  fingerprint(login: string, password: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([login, password]))
      .digest('base64');
  }
}

/** For the configuration, with a salt of its own. */
export function hashPassword(password: string): Promise<string> {
  const wish = { ...PASSWORD_COST, salt: randomBytes(SALT_BYTES) };
  return new Promise((resolve, reject) => {
    derive(password, wish, HASH_BYTES, (error, hash) => {
      if (error === null) resolve(formatPasswordHash({ ...wish, hash }));
      else reject(error);
    });
  });
}
