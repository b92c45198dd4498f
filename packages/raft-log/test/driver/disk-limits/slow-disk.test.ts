import t from 'tap';

import { Cluster } from '../cluster.ts';

const settings = { electionMs: 500, heartbeatMs: 100 };

/** The leader's disk takes that many times as long as it should, while there is always something to write. */
async function slowLeader(slowness: number, forMs: number): Promise<{ cluster: Cluster; first: string }> {
  const cluster = new Cluster('slow disk', { settings }).startAll();
  const first = await cluster.untilLed();
  cluster.life(first).process.disk.device.slowness = slowness;
  for (let i = 0; i * 20 < forMs && cluster.leader === first; i++) {
    await cluster.commit(`command ${i}`);
    await cluster.pass(20);
  }
  return { cluster, first };
}

t.test('a leader whose disk is slow again and again hands leadership over, and says so', async (t) => {
  const { cluster, first } = await slowLeader(500, 20_000);
  await cluster.until(() => cluster.leader !== null && cluster.leader !== first);
  t.not(cluster.leader, first);
  const told = cluster.life(first).lines.filter((line) => line.includes('WARN'));
  t.match(told, [/writes to this node's disk take \d{3,} ms: leadership is handed over to node [abc]$/]);
  t.equal(cluster.life(first).failure, null, 'it goes on as a follower');
  await cluster.commit('after');
  const has = (name: string): boolean => cluster.texts(name).includes('after');
  t.ok(await cluster.until(() => cluster.names.every(has)));
});

t.test('a disk that is somewhat slow keeps its leader', async (t) => {
  const { cluster, first } = await slowLeader(40, 5000);
  t.equal(cluster.leader, first);
  t.notMatch(cluster.story(), /handed over/);
});

t.test('when no other disk is well, the leader goes on, and says that once a minute', async (t) => {
  const cluster = new Cluster('slow disks', { settings }).startAll();
  const first = await cluster.untilLed();
  const others = cluster.names.filter((name) => name !== first);
  cluster.kill(others[0]!);
  cluster.life(first).process.disk.device.slowness = 500;
  cluster.life(others[1]!).process.disk.device.slowness = 2000;
  for (let i = 0; i < 300; i++) {
    cluster.life(first).log!.propose([new Uint8Array(10)]);
    await cluster.pass(20);
  }
  const told = cluster.life(first).lines.filter((line) => line.includes("this node's disk"));
  t.match(told, [/no other member is fit to lead: this node goes on$/]);
});
