import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import t from 'tap';
import type { Test } from 'tap';

import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { lockstep } from '../harness/program-runs.ts';
import { until } from '../harness/until.ts';

async function started(t: Test, flags: readonly string[] = []): Promise<ProcessCluster> {
  const cluster = await ProcessCluster.start({ flags });
  t.teardown(async () => cluster.stop(!t.passing()));
  t.comment(`logs in ${cluster.directory} if this fails`);
  return cluster;
}

async function said(node: ProcessNode, pattern: RegExp): Promise<void> {
  await until(`node ${node.id} to say ${pattern}`, () => pattern.test(readFileSync(`${node.data}.log`, 'utf8')));
}

async function readiness(node: ProcessNode, pattern: RegExp): Promise<void> {
  await until(`node ${node.id} to be unready: ${pattern}`, async () => {
    const response = await fetch(`http://127.0.0.1:${node.adminPort}/readyz`).catch(() => null);
    return response?.status === 503 && pattern.test(await response.text());
  });
}

async function send(t: Test, cluster: ProcessCluster, ...bodies: readonly string[]): Promise<void> {
  const { code, stderr } = await lockstep('send', cluster.failoverUri, '/queue/q', ...bodies);
  t.equal(code, 0, stderr);
}

const masterOf = async (cluster: ProcessCluster): Promise<[ProcessNode, ProcessNode, ProcessNode]> => {
  const master = await cluster.settled();
  return [master, ...cluster.nodes.filter((node) => node !== master)] as [ProcessNode, ProcessNode, ProcessNode];
};

t.test('a stranger at the address of a member is turned away, both say why, and the others go on', async (t) => {
  const cluster = await started(t);
  const [master, , stranger] = await masterOf(cluster);
  const secret = join(cluster.directory, 'secret');
  writeFileSync(secret, 'sixteen bytes and some more\n');
  const own = `${stranger.id}=127.0.0.1:${stranger.peerPort}`;
  const aside = `${stranger.data}.aside`;
  await cluster.kill(stranger);
  renameSync(stranger.data, aside);
  const turnedAway = (why: string): RegExp => new RegExp(`node ${stranger.id} at \\S+ is not one to work with: ${why}`);

  cluster.revive(stranger, ['--secret-file', secret]);
  await said(master, turnedAway('the shared secrets of both differ, or one has none: see cluster.secretFile'));
  await said(
    stranger,
    new RegExp(`node ${master.id} at \\S+ is not one to work with: the shared secrets of both differ`),
  );
  await readiness(stranger, /is not a member of a cluster yet/);
  await cluster.kill(stranger);
  rmSync(stranger.data, { recursive: true });

  cluster.revive(stranger, ['--broker', 'lyon']);
  await said(master, turnedAway('it belongs to the logical broker lyon, this node to test'));
  await cluster.kill(stranger);
  rmSync(stranger.data, { recursive: true });

  cluster.revive(stranger, ['--members', own]);
  await until(
    'the stranger to found a cluster of its own',
    async () => (await cluster.status(stranger))?.role === 'master',
  );
  await cluster.kill(stranger);
  cluster.revive(stranger);
  await said(stranger, /the configuration names the members a, b, c, the cluster's are \w: the latter counts/);
  await said(
    master,
    turnedAway('it belongs to the cluster \\w+, this node to \\w+: to join, a node must have an empty data'),
  );
  await cluster.kill(stranger);
  rmSync(stranger.data, { recursive: true });
  await send(t, cluster, 'x');

  renameSync(aside, stranger.data);
  cluster.revive(stranger);
  await cluster.settled();
});

t.test(
  'when a majority has lost its data nobody leads, and it says why; what comes back brings all back',
  async (t) => {
    const cluster = await started(t);
    await send(t, cluster, 'one', 'two');
    const [, second, third] = await masterOf(cluster);
    await until('all to have it all', async () => {
      const statuses = await Promise.all(cluster.nodes.map(async (node) => cluster.status(node)));
      return statuses.every((status) => status?.lastIndex === statuses[0]?.lastIndex);
    });
    await Promise.all(cluster.nodes.map(async (node) => cluster.kill(node)));
    const aside = `${second.data}.aside`;
    renameSync(second.data, aside);
    rmSync(third.data, { recursive: true });
    for (const node of cluster.nodes) cluster.revive(node);
    for (const node of [second, third]) {
      await said(node, /joins cluster \w+ with an empty disk: it has no vote until it has caught up/);
      await readiness(node, /its disk was empty; start the members that have their data/);
    }
    const first = cluster.nodes.find((node) => node !== second && node !== third)!;
    await readiness(first, /a majority of the members, with their data, is needed to elect one/);

    await cluster.kill(second);
    rmSync(second.data, { recursive: true });
    renameSync(aside, second.data);
    cluster.revive(second);
    const master = await until('the wiped node to be a voter again', async () => {
      const master = await cluster.master();
      const member = (await cluster.status(master))?.members.find(({ id }) => id === third.id);
      return member?.role === 'slave' && member.lagEntries === 0 ? master : null;
    });
    t.not(master.id, third.id);
    const { stdout } = await lockstep('receive', cluster.failoverUri, '/queue/q', '--count', '2');
    t.equal(stdout, 'one\ntwo\n');
  },
);

t.test('started in any order, one after the other, with all data kept', async (t) => {
  const cluster = await started(t);
  await send(t, cluster, 'kept');
  const [master, second, third] = await masterOf(cluster);
  for (const order of [
    [second, third, master],
    [third, master, second],
  ]) {
    await Promise.all(cluster.nodes.map(async (node) => cluster.kill(node)));
    cluster.revive(order[0]!);
    await readiness(order[0]!, /no master is known/);
    cluster.revive(order[1]!);
    await cluster.settled();
    cluster.revive(order[2]!);
    await cluster.settled();
  }
  t.equal((await lockstep('receive', cluster.failoverUri, '/queue/q')).stdout, 'kept\n');
});
