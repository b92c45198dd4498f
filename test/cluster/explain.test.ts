import t from 'tap';

import type { Explanation } from '@lockstep/broker';

import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { lockstep } from '../harness/program-runs.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

async function explained(node: ProcessNode, subject: string): Promise<Explanation> {
  const url = `http://127.0.0.1:${node.adminPort}/api/v1/explain?subject=${encodeURIComponent(subject)}`;
  return (await (await fetch(url)).json()) as Explanation;
}

t.test('why nothing moves, at any node, through the loss of a majority', async (t) => {
  // Long enough for a machine that is busy with other things.
  const config = 'cluster: { masterWait: 10m, lease: 10m }';
  const cluster = await ProcessCluster.start({ config });
  t.teardown(async () => cluster.stop());
  const master = await cluster.settled();
  const [slave, other] = cluster.nodes.filter((node) => node !== master) as [ProcessNode, ProcessNode];
  const codes = async (node: ProcessNode, subject: string): Promise<readonly string[]> =>
    (await explained(node, subject)).reasons.map(({ code }) => code);

  t.same(await codes(slave, '/queue/orders'), ['unknown-destination']);
  t.equal((await lockstep('send', cluster.failoverUri, '/queue/orders', 'x', '--count', '3')).code, 0);
  for (const node of cluster.nodes) {
    const explanation = await explained(node, 'orders');
    t.match(explanation, {
      subject: '/queue/orders',
      by: master.id,
      confirmed: true,
      reasons: [{ code: 'no-consumer' }],
    });
  }

  const client = await RawClient.connected(slave.stompPort);
  const session = (await client.frame('CONNECTED')).headers['session']!;
  client.say('SUBSCRIBE\nid:1\ndestination:/queue/orders\nack:client\nprefetch-count:1\n\n\0');
  const held = (await client.frame('MESSAGE')).headers['message-id']!;
  for (const node of [master, slave, other]) {
    const { reasons } = await explained(node, '/queue/orders');
    t.match(reasons, [{ code: 'windows-full', ready: 2, consumers: [{ node: slave.id, session, messages: 1 }] }]);
    t.match((await explained(node, held)).reasons, [{ code: 'held', consumer: { node: slave.id } }]);
  }
  const json = await lockstep('explain', 'orders', '--json', '--admin', `127.0.0.1:${other.adminPort}`);
  t.same([json.code, json.stderr], [0, '']);
  t.match(JSON.parse(json.stdout), { by: master.id, confirmed: true, reasons: [{ code: 'windows-full' }] });
  const text = await lockstep('explain', 'orders', '--admin', `127.0.0.1:${other.adminPort}`);
  t.match(
    text.stdout,
    new RegExp(`^/queue/orders: 3 messages .*\\(the master, node ${master.id}, says\\)\\n- 2 messages wait: `),
  );
  t.same(await codes(other, '/topic/t'), ['no-subscriber']);
  t.same(await codes(other, '999999999'), ['unknown-message']);
  t.equal((await lockstep('explain', '/nothing', '--admin', `127.0.0.1:${other.adminPort}`)).code, 2);

  cluster.signal(slave, 'SIGSTOP');
  const { away } = await until('the master to notice that a node is away', async () => {
    const away = (await explained(master, 'orders')).reasons.find(({ code }) => code === 'node-away');
    return away === undefined ? null : { away };
  });
  t.match(away, { node: slave.id, count: 1, messages: 1 });
  cluster.signal(slave, 'SIGCONT');
  await until('it to be back', async () => ((await codes(master, 'orders')).includes('windows-full') ? true : null));

  await cluster.kill(master);
  await cluster.kill(other);
  const { alone } = await until('the last node to have no master', async () => {
    const alone = await explained(slave, 'orders');
    return alone.confirmed ? null : { alone };
  });
  t.match(alone, { by: slave.id, summary: /^3 messages/ });
  const { waits } = await until('it to know that the others are gone', async () => {
    const [waits] = (await explained(slave, held)).reasons;
    return waits?.code === 'no-master' && (waits['missing'] as string[]).length === 2 ? { waits } : null;
  });
  t.match(waits, { reached: [slave.id], needed: 2, clients: 1, forMs: Number, closedInMs: Number });
  const told = await lockstep('explain', 'orders', '--admin', `127.0.0.1:${slave.adminPort}`);
  t.equal(told.code, 0, 'that there is no master is an answer');
  t.match(told.stdout, new RegExp(`what node ${slave.id} last knew, without a master\\)\n- no master is known for `));
  t.equal((await lockstep('explain', 'orders', '--admin', `127.0.0.1:${master.adminPort}`)).code, 3);
  const ready = await fetch(`http://127.0.0.1:${slave.adminPort}/readyz`);
  t.equal(ready.status, 503);
  t.match(await ready.json(), {
    reason: /^no master is known for .*; 1 client of this node waits for a master, and is disconnected in /,
    waiting: { clients: 1, forMs: Number, closedInMs: Number },
  });
  const status = await lockstep('status', '--admin', `127.0.0.1:${slave.adminPort}`);
  t.match(status.stdout, /^no way to a master for [\d.]+ s: clients of this node wait, for \d+ min at most; /m);
  const members = await lockstep('members', '--json', '--admin', `127.0.0.1:${slave.adminPort}`);
  t.match(JSON.parse(members.stdout), { by: slave.id, confirmed: false });
  const { role } = JSON.parse(members.stdout).members.find(({ id }: { id: string }) => id === slave.id);
  t.equal(role, 'candidate', 'as its status says');
  client.drop();
});
