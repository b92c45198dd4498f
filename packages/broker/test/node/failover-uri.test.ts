import t from 'tap';

import { advertisedAddress, failoverUri } from '../../src/node/failover-uri.ts';

t.test('what clients are told of a listener', (t) => {
  const bound = { host: '10.0.0.1', port: 61613 };
  t.same(advertisedAddress(bound, null, 'mx'), bound, 'where it is bound');
  t.same(
    advertisedAddress({ host: '0.0.0.0', port: 7 }, null, 'mx'),
    { host: 'mx', port: 7 },
    'a wildcard is no address',
  );
  t.same(advertisedAddress({ host: '::', port: 7 }, null, 'mx'), { host: 'mx', port: 7 });
  const advertise = { host: 'broker.example', port: 1 };
  t.same(advertisedAddress({ host: '0.0.0.0', port: 7 }, advertise, 'mx'), advertise, 'what it was told to say');
  t.end();
});

t.test('the URI names this node first, and of the others those that have been heard', (t) => {
  t.equal(failoverUri(['a:1', 'a:2'], [null, '', 'b:1,b:2']), 'failover:(tcp://a:1,tcp://a:2,tcp://b:1,tcp://b:2)');
  t.end();
});
