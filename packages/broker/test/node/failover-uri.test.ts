import type { Address } from '@lockstep/kernel';
import t from 'tap';

import { aboutListeners, advertisedAddress, failoverUri } from '../../src/node/failover-uri.ts';
import type { ListenerKind } from '../../src/node/types.ts';

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

const at = (kind: ListenerKind, port: number, host = 'a'): { kind: ListenerKind; advertised: Address } => ({
  kind,
  advertised: { host, port },
});

t.test(
  'the URI names this node first, and of the others those that have been heard; all of the client’s own kind',
  (t) => {
    const own = aboutListeners([at('stomp', 1), at('wss', 2), at('stomp', 3), at('stomps', 4), at('ws', 5, '::1')]);
    const others = [null, '', aboutListeners([at('wss', 7, 'b'), at('stomp', 6, 'b')])];
    t.equal(failoverUri('stomp', own, others), 'failover:(tcp://a:1,tcp://a:3,tcp://b:6)');
    t.equal(failoverUri('stomps', own, others), 'failover:(ssl://a:4)');
    t.equal(failoverUri('ws', own, others), 'failover:(ws://[::1]:5)');
    t.equal(failoverUri('wss', own, others), 'failover:(wss://a:2,wss://b:7)');
    t.equal(failoverUri('ws', '', others), '', 'nobody listens like that');
    t.end();
  },
);

t.test('members hear of as many listeners as fit', (t) => {
  const long = at('stomp', 1, 'x'.repeat(200));
  t.equal(aboutListeners([long, long, at('ws', 2)]), `tcp://${'x'.repeat(200)}:1,ws://a:2`);
  t.end();
});
