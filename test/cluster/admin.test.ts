import { createConnection } from 'node:net';

import t from 'tap';

import type { NodeStatus } from '@lockstep/broker';

import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { lockstep } from '../harness/program-runs.ts';
import { until } from '../harness/until.ts';

const fields = ['broker', 'commitIndex', 'connections', 'failover', 'lastIndex', 'master', 'members', 'node', 'role'];
const memberFields = ['address', 'alive', 'id', 'lagEntries', 'matchIndex', 'role'];

interface Answer {
  readonly code: number;
  readonly body: unknown;
}

async function ask(node: ProcessNode, path: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${node.adminPort}${path}`);
  return { code: response.status, body: await response.json() };
}

async function statusOf(node: ProcessNode): Promise<NodeStatus> {
  return (await ask(node, '/api/v1/status')).body as NodeStatus;
}

/** The head of the frame that answers a CONNECT. */
async function connected(port: number): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.write('CONNECT\naccept-version:1.2\nhost:x\n\n\0');
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n\n')) break;
  }
  socket.destroy();
  return text;
}

t.test('every node tells the state of the broker', async (t) => {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop());
  const master = await cluster.settled();
  t.equal((await lockstep('send', cluster.failoverUri, '/queue/q', 'x', '--count', '20')).code, 0);

  for (const node of cluster.nodes) {
    const role = node === master ? 'master' : 'slave';
    t.same(await ask(node, '/healthz'), { code: 200, body: { status: 'well' } });
    const reason = node === master ? 'master' : `slave of ${master.id}`;
    t.same(await ask(node, '/readyz'), { code: 200, body: { ready: true, role, reason } });
    const { status } = await until(`node ${node.id} to hear that all is committed`, async () => {
      const status = await statusOf(node);
      return status.commitIndex >= 20 && status.commitIndex === status.lastIndex ? { status } : null;
    });
    t.same(Object.keys(status).sort(), [...fields, 'term', 'version']);
    t.match(status, {
      broker: 'test',
      node: node.id,
      role,
      master: master.id,
      term: Number,
      version: /^\d+\.\d+\.\d+$/,
    });
    t.same(
      status.members.map(({ id, address }) => ({ id, address })),
      cluster.nodes.map(({ id, peerPort }) => ({ id, address: `127.0.0.1:${peerPort}` })),
    );
    for (const member of status.members) {
      t.same(Object.keys(member).sort(), memberFields);
      t.equal(member.role, member.id === master.id ? 'master' : 'slave');
      t.equal(member.alive, true);
      const known = node === master || member.id === node.id;
      t.equal(member.matchIndex, known ? status.lastIndex : null, 'the master knows all, a slave itself');
      t.equal(member.lagEntries, node === master ? 0 : null);
    }
    const uri = `failover:(tcp://127.0.0.1:${node.stompPort},`;
    t.ok(status.failover.startsWith(uri), 'a node names itself first');
    for (const { stompPort } of cluster.nodes) t.match(status.failover, `tcp://127.0.0.1:${stompPort}`);
    t.match(
      await connected(node.stompPort),
      /^CONNECTED\n[^]*\nfailover:failover:\(tcp:\/\/[\d.:]+,tcp:\/\/[\d.:]+,tcp:\/\/[\d.:]+\)\n/,
    );
  }

  await cluster.kill(master);
  const next = await cluster.settled();
  for (const node of cluster.nodes) {
    if (node === master) continue;
    const { member } = await until(`node ${node.id} to see that ${master.id} is dead`, async () => {
      const member = (await statusOf(node)).members.find(({ id }) => id === master.id);
      return member?.alive === false ? { member } : null;
    });
    t.match(member, { alive: false, role: 'slave' });
    t.equal((await statusOf(node)).master, next.id);
  }
  const json = await lockstep('status', '--json', '--admin', `127.0.0.1:${next.adminPort}`);
  t.equal(json.code, 0);
  t.match(JSON.parse(json.stdout), { role: 'master', node: next.id });
  const table = await lockstep('status', '--admin', `127.0.0.1:${next.adminPort}`);
  t.match(table.stdout, new RegExp(`^broker test: node ${next.id} is the master \\(term \\d+, `));
  t.match(table.stdout, new RegExp(`^${master.id} .* NO$`, 'm'));
  const dead = await lockstep('status', '--admin', `127.0.0.1:${master.adminPort}`);
  t.equal(dead.code, 3);

  const last = cluster.nodes.find((node) => node !== master && node !== next) as ProcessNode;
  await cluster.kill(last);
  const { answer } = await until('the last node to see that it has no majority', async () => {
    const answer = await ask(next, '/readyz');
    return answer.code === 503 ? { answer } : null;
  });
  t.match(answer.body, { ready: false, role: 'candidate', reason: /majority/ });
  t.equal((await ask(next, '/healthz')).code, 200, 'the process itself is well');
  t.equal((await statusOf(next)).master, null);
});
