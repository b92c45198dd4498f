import { rmSync } from 'node:fs';

import t from 'tap';
import type { Test } from 'tap';

import type { MembersAnswer, NodeStatus } from '@lockstep/broker';

import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { lockstep } from '../harness/program-runs.ts';
import { underLoad } from '../harness/under-load.ts';
import { until } from '../harness/until.ts';

const adminOf = (node: ProcessNode): readonly string[] => ['--admin', `127.0.0.1:${node.adminPort}`];

async function does(t: Test, by: ProcessNode, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await lockstep(...args, ...adminOf(by));
  t.equal(code, 0, `${args.join(' ')}: ${stderr}`);
}

async function membersBy(node: ProcessNode): Promise<MembersAnswer | null> {
  const { code, stdout } = await lockstep('members', '--json', ...adminOf(node));
  return code === 0 ? (JSON.parse(stdout) as MembersAnswer) : null;
}

/** The change is over: these are the members, all vote, and all are up to date. */
async function settledAs(by: ProcessNode, ids: readonly string[]): Promise<void> {
  await until(`the members to be ${ids.join(', ')}`, async () => {
    const found = (await membersBy(by))?.members ?? [];
    const over = found.every(({ role, part, lagEntries }) => {
      const settled = ['voter', 'witness'].includes(part) && role !== 'learner';
      return settled && lagEntries !== null && lagEntries < 1000;
    });
    return over && found.map(({ id }) => id).join() === ids.join();
  });
}

async function ready(cluster: ProcessCluster, node: ProcessNode): Promise<void> {
  await until(`node ${node.id} to take clients`, async () => {
    const response = await fetch(`http://127.0.0.1:${node.adminPort}/readyz`).catch(() => null);
    return response?.ok === true && (await cluster.status(node)) !== null;
  });
}

t.test('a fourth and a fifth node come under load, the master itself goes, and nothing is lost', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    const [a, b, c] = cluster.nodes as [ProcessNode, ProcessNode, ProcessNode];
    const d = await cluster.join('d');
    const e = await cluster.join('e');
    await does(t, a, 'members', 'add', `d=127.0.0.1:${d.peerPort}`);
    await does(t, b, 'members', 'add', `e=127.0.0.1:${e.peerPort}`);
    await settledAs(c, ['a', 'b', 'c', 'd', 'e']);
    await ready(cluster, d);
    await ready(cluster, e);
    await progress(300);

    const master = await cluster.settled();
    const other = cluster.nodes.find((node) => node !== master)!;
    await does(t, other, 'members', 'remove', master.id);
    const left = cluster.nodes.filter((node) => node !== master).map(({ id }) => id);
    await settledAs(other, left);
    await until('the one that was removed to say so', async () => {
      const response = await fetch(`http://127.0.0.1:${master.adminPort}/readyz`);
      return response.status === 503 && /no member of the broker any more/.test(await response.text());
    });
    await cluster.kill(master, 'SIGTERM');
    await progress(300);
    // Of the four that are left one may die.
    const next = await cluster.settled();
    await cluster.kill(next);
    await progress(300);
    const taken = await lockstep('transfer', ...adminOf(await cluster.master()));
    t.equal(taken.code, 0, taken.stderr);
    await progress(200);
  });
});

t.test('a dead node is replaced', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    const master = await cluster.settled();
    const dead = cluster.nodes.find((node) => node !== master)!;
    await cluster.kill(dead);
    rmSync(dead.data, { recursive: true });
    const d = await cluster.join('d');
    await does(t, master, 'members', 'add', `d=127.0.0.1:${d.peerPort}`);
    await does(t, master, 'members', 'remove', dead.id);
    await settledAs(
      master,
      ['a', 'b', 'c', 'd'].filter((id) => id !== dead.id),
    );
    await progress(300);
    await cluster.kill(master);
    await progress(300);
  });
});

t.test('a master, one slave and a witness: any one may die, and nothing is lost', async (t) => {
  await underLoad(
    t,
    async (cluster, progress) => {
      const witness = cluster.nodes[2]!;
      for (let round = 0; round < 3; round += 1) {
        const master = await cluster.settled();
        t.not(master, witness);
        const status = (await cluster.status(witness)) as NodeStatus;
        t.match(status, { role: 'witness', master: master.id });
        for (const node of cluster.nodes) {
          const seen = (await cluster.status(node))?.members.find(({ id }) => id === 'c');
          t.match(seen, { role: 'witness', alive: true }, `as ${node.id} sees it`);
        }
        const victim = round === 2 ? witness : master;
        await cluster.kill(victim);
        await progress(300);
        cluster.revive(victim);
        await until('the slave to be up to date', async () => {
          const members = (await membersBy(await cluster.master()))?.members;
          return members?.every(({ alive, lagEntries }) => alive === true && (lagEntries ?? 1e9) < 500) === true;
        });
      }
      await does(t, witness, 'transfer');
      await progress(100);
    },
    { flagsOf: async (id) => (id === 'c' ? ['--witness'] : []) },
  );
});

t.test('the last of three goes on alone when told so, and grows again', async (t) => {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop(!t.passing()));
  t.comment(`logs in ${cluster.directory} if this fails`);
  t.equal((await lockstep('send', cluster.failoverUri, '/queue/q', 'one', 'two')).code, 0);
  const master = await cluster.settled();
  const [lost, last] = cluster.nodes.filter((node) => node !== master) as [ProcessNode, ProcessNode];
  await until('all to have it all', async () => {
    const statuses = await Promise.all(cluster.nodes.map(async (node) => cluster.status(node)));
    return statuses.every((status) => status?.commitIndex === statuses[0]?.lastIndex);
  });
  const running = await lockstep('recover', last.data, '--sole-member', '--yes');
  t.equal(running.code, 2);
  t.match(running.stderr, /is in use by process \d+/);
  for (const node of cluster.nodes) await cluster.kill(node);

  t.equal((await lockstep('recover', last.data, '--yes')).code, 2, 'it must be said what it becomes');
  const asked = await lockstep('recover', last.data, '--sole-member');
  t.equal(asked.code, 1);
  t.match(asked.stdout, new RegExp(`node ${last.id} of broker test, cluster \\w+; its log ends at entry \\d+`));
  t.match(asked.stdout, /lost: what [a-c], [a-c] had acknowledged beyond entry \d+ without this node/);
  t.match(asked.stderr, /was not changed: if the others are gone for good, `--yes` does it/);
  const done = await lockstep('recover', last.data, '--sole-member', '--yes');
  t.equal(done.code, 0, done.stderr);
  t.match(done.stdout, /is a broker of one now, cluster \w+/);

  cluster.revive(last);
  t.equal(await cluster.master(), last);
  // Who comes back from the past is turned away.
  cluster.revive(lost);
  await until('the other to be turned away', async () => {
    const members = (await cluster.status(last))?.members;
    const response = await fetch(`http://127.0.0.1:${lost.adminPort}/readyz`).catch(() => null);
    return members?.length === 1 && response?.status === 503;
  });
  const uri = `tcp://127.0.0.1:${last.stompPort}`;
  t.equal((await lockstep('receive', uri, '/queue/q', '--count', '2')).stdout, 'one\ntwo\n');
  await cluster.kill(lost);
  rmSync(lost.data, { recursive: true });
  cluster.revive(lost);
  await does(t, last, 'members', 'add', `${lost.id}=127.0.0.1:${lost.peerPort}`);
  await settledAs(last, [lost.id, last.id].sort());
  t.equal((await lockstep('send', uri, '/queue/q', 'three')).code, 0);
});
