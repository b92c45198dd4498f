import t from 'tap';

import { allowedOrigins, parseOrigin } from '../../src/security/allowed-origins.ts';

t.test('where anybody may log in, pages of this machine alone, unless something is said', (t) => {
  const takes = allowedOrigins(null, true);
  for (const origin of ['http://localhost', 'https://localhost:8080', 'http://127.0.0.1:3000', 'http://[::1]:1']) {
    t.ok(takes(origin), origin);
  }
  for (const origin of [
    'http://evil.example',
    'http://localhost.evil.example',
    'null',
    'file://',
    '',
    'http://127.0.0.1.evil.example',
    'chrome-extension://x',
    'http://localhost/x',
  ]) {
    t.notOk(takes(origin), origin);
  }
  t.ok(allowedOrigins(null, false)('http://evil.example'), 'where a login is asked for it protects nothing');
  t.end();
});

t.test('what is said counts, and nothing else', (t) => {
  const takes = allowedOrigins(['https://app.example', 'null'], true);
  t.ok(takes('https://app.example'));
  t.ok(takes('https://APP.example:443'), 'the same origin');
  t.ok(takes('null'));
  t.notOk(takes('http://app.example'));
  t.notOk(takes('http://localhost'));
  t.ok(allowedOrigins(['*'], true)('http://evil.example'));
  t.same(['https://a/b', 'a', 'ftp://a', 'http://u@a', 'http://A:80'].map(parseOrigin), [
    undefined,
    undefined,
    undefined,
    undefined,
    'http://a',
  ]);
  t.end();
});
