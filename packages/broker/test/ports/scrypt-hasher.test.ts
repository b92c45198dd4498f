import t from 'tap';

import { hashPassword, ScryptHasher } from '../../src/ports/scrypt-hasher.ts';
import { parsePasswordHash } from '../../src/security/password-hash.ts';
import type { PasswordHash } from '../../src/security/password-hash.ts';

function matches(password: string, hash: PasswordHash): Promise<boolean> {
  return new Promise((resolve) => new ScryptHasher().matches(password, hash, resolve));
}

t.test('a hash matches its password and no other, in another process too', async (t) => {
  const hash = parsePasswordHash(await hashPassword('sécret'))!;
  t.ok(await matches('sécret', hash));
  t.notOk(await matches('secret', hash));
  t.notOk(await matches('', hash));
  t.not(await hashPassword('sécret'), await hashPassword('sécret'), 'each has a salt of its own');
});

t.test('RFC 7914, §12: a hash that others made', async (t) => {
  const hash = parsePasswordHash(
    `scrypt$ln=14,r=8,p=1$${Buffer.from('SodiumChloride').toString('base64').replace(/=+$/, '')}$${Buffer.from(
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
      'hex',
    )
      .toString('base64')
      .replace(/=+$/, '')}`,
  )!;
  t.ok(await matches('pleaseletmein', hash));
});

t.test('fingerprints are of one process', (t) => {
  const [one, other] = [new ScryptHasher(), new ScryptHasher()];
  t.equal(one.fingerprint('a', 'b'), one.fingerprint('a', 'b'));
  t.not(one.fingerprint('a', 'b'), one.fingerprint('ab', ''));
  t.not(one.fingerprint('a', 'b'), other.fingerprint('a', 'b'));
  t.end();
});
