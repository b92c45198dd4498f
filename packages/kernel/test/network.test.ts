import t from 'tap';

import { assert, AssertionError } from '../src/assert.ts';
import { DiskError } from '../src/disk.ts';
import { formatAddress } from '../src/network.ts';

t.test('an IPv6 host stands in brackets, so that its port can be told', (t) => {
  t.equal(formatAddress({ host: '127.0.0.1', port: 1 }), '127.0.0.1:1');
  t.equal(formatAddress({ host: '::1', port: 61613 }), '[::1]:61613');
  t.end();
});

t.test('an assertion that fails says what did not hold', (t) => {
  t.throws(() => assert(false, 'two masters'), new AssertionError('two masters'));
  t.doesNotThrow(() => assert(true, 'fine'));
  t.end();
});

t.test('a disk error names code, operation and path', (t) => {
  const error = new DiskError('ENOSPC', 'write', 'journal/1.log');
  t.match(error, { code: 'ENOSPC', path: 'journal/1.log', message: 'write journal/1.log: ENOSPC' });
  t.end();
});
