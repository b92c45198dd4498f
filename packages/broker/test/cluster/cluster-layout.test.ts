import t from 'tap';

import { clusterLayout, clusterUri, nodeArguments } from '../../src/cluster/cluster-layout.ts';

t.test('three nodes at the usual ports', (t) => {
  const layout = clusterLayout(3);
  t.strictSame(layout, [
    { id: 'a', stomp: '127.0.0.1:61613', ws: '127.0.0.1:61614', peers: '127.0.0.1:61619', admin: '127.0.0.1:8161' },
    { id: 'b', stomp: '127.0.0.1:61623', ws: '127.0.0.1:61624', peers: '127.0.0.1:61629', admin: '127.0.0.1:8162' },
    { id: 'c', stomp: '127.0.0.1:61633', ws: '127.0.0.1:61634', peers: '127.0.0.1:61639', admin: '127.0.0.1:8163' },
  ]);
  t.equal(clusterUri(layout), 'failover:(tcp://127.0.0.1:61613,tcp://127.0.0.1:61623,tcp://127.0.0.1:61633)');
  t.end();
});

t.test('with another base the admin ports are beside the others', (t) => {
  t.strictSame(clusterLayout(2, 40_000), [
    { id: 'a', stomp: '127.0.0.1:40000', ws: '127.0.0.1:40001', peers: '127.0.0.1:40006', admin: '127.0.0.1:40007' },
    { id: 'b', stomp: '127.0.0.1:40010', ws: '127.0.0.1:40011', peers: '127.0.0.1:40016', admin: '127.0.0.1:40017' },
  ]);
  t.end();
});

t.test('a node’s command line', (t) => {
  const layout = clusterLayout(2, 40_000);
  const members = ['--members', 'a=127.0.0.1:40006,b=127.0.0.1:40016'];
  const clients = ['--stomp', '127.0.0.1:40010', '--ws', '127.0.0.1:40011'];
  const ports = [...clients, '--admin', '127.0.0.1:40017', '--peer-listen', '127.0.0.1:40016'];
  t.strictSame(nodeArguments(layout[1]!, layout, '/d/b'), [
    'start',
    '--node',
    'b',
    '--data',
    '/d/b',
    ...ports,
    ...members,
  ]);
  t.end();
});

t.test('numbers that cannot be', (t) => {
  t.throws(() => clusterLayout(0), { message: "--nodes: '0': must be a whole number from 1 to 9" });
  t.throws(() => clusterLayout(Number.NaN), { message: /--nodes: 'NaN'/ });
  t.throws(() => clusterLayout(3, 65_530), {
    message: "--base-port: '65530': must be a whole number from 1 to 65508 for 3 nodes",
  });
  t.end();
});
