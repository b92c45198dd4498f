import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { Cluster } from './cluster.ts';

async function allAgree(cluster: Cluster): Promise<boolean> {
  const texts = (name: string): string => JSON.stringify(cluster.texts(name));
  return cluster.until(() => cluster.names.every((name) => texts(name) === texts('a') && texts(name) !== '[]'), 60_000);
}

t.test('founding survives a crash of any member at any moment', { timeout: 120_000 }, async (t) => {
  for (let seed = 0; seed < 45; seed += 1) {
    const cluster = new Cluster(`founding ${seed}`).startAll();
    const victim = cluster.names[seed % 3] ?? 'a';
    await cluster.pass(1 + seed);
    cluster.world.host(victim).crash();
    await cluster.pass((seed * 37) % 500);
    cluster.start(victim);
    await cluster.untilLed(60_000);
    t.type(await cluster.commit('first'), 'number', `seed ${seed}`);
    t.ok(await allAgree(cluster), `seed ${seed}`);
    const ids = new Set(cluster.names.map((name) => cluster.life(name).log?.status.clusterId));
    t.equal(ids.size, 1, `seed ${seed}: one cluster`);
  }
});

t.test('founding survives the loss of any one disk at any moment', { timeout: 120_000 }, async (t) => {
  let abstained = 0;
  for (let seed = 0; seed < 60; seed += 1) {
    const cluster = new Cluster(`disk ${seed}`).startAll();
    const victim = cluster.names[seed % 3] ?? 'a';
    await cluster.pass(1 + seed);
    cluster.world.host(victim).crash();
    cluster.world.host(victim).replaceDisk();
    cluster.start(victim);
    await cluster.untilLed(60_000);
    if (cluster.life(victim).lines.some((line) => line.includes('no vote'))) abstained += 1;
    t.type(await cluster.commit('first'), 'number', `seed ${seed}`);
    t.ok(await allAgree(cluster), `seed ${seed}`);
  }
  t.ok(abstained > 5 && abstained < 55, `both ways were taken: ${abstained} joined`);
});

t.test(
  'a member that is wiped once the cluster is founded has no vote, even when nothing was written yet',
  async (t) => {
    const cluster = new Cluster(5).startAll();
    await cluster.until(() => cluster.names.every((name) => cluster.life(name).log?.status.state === 'founded'));
    cluster.world.host('b').crash();
    cluster.world.host('b').replaceDisk();
    cluster.start('b');
    t.ok(await cluster.until(() => cluster.life('b').log?.status.state === 'founded'));
    t.match(cluster.life('b').lines.join('\n'), /joins cluster/);
    // And it stays so over a restart, for as long as it has not been admitted.
    cluster.kill('c');
    cluster.kill('b');
    cluster.start('b');
    await cluster.pass(5000);
    t.equal(cluster.life('b').log?.status.raft?.standing, 'abstaining');
    cluster.start('c');
    await cluster.untilLed();
    t.ok(await cluster.until(() => cluster.life('b').log?.status.raft?.standing === 'voter'));
  },
);

t.test('whatever the moment at which connections are made, every member is heard by every other one', async (t) => {
  for (let seed = 0; seed < 60; seed += 1) {
    const cluster = new Cluster(`late connections ${seed}`);
    // Founding does not wait for these two to have found one another.
    const { wires } = cluster.world;
    wires.link('b', 'c').latencyMaxMs = 30;
    wires.link('c', 'b').latencyMaxMs = 30;
    cluster.startAll();
    // A member that is not heard would never be seen to be there by the one that leads.
    for (const to of cluster.names) {
      for (let tries = 0; cluster.leader !== to && tries < 10; tries += 1) {
        const leader = await cluster.untilLed();
        void cluster.life(leader).log?.transferLeadership(to as NodeId);
        await cluster.until(() => cluster.leader === to, 1500);
      }
      t.ok(await cluster.until(() => heardByAll(cluster), 5000), `seed ${seed}: led by ${to}`);
    }
  }
});

function heardByAll(cluster: Cluster): boolean {
  const leading = cluster.names
    .map((name) => cluster.life(name).log?.status.raft)
    .find((raft) => raft?.role === 'leader');
  return leading?.peers.every(({ alive, matchIndex }) => alive && matchIndex === leading.lastIndex) ?? false;
}
