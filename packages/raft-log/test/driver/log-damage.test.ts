import t from 'tap';

import { LogDamageError } from '../../src/driver/log-damage.ts';
import { Cluster } from './cluster.ts';

/*
 * Damage that a running node meets when it reads its own log for another member.
 */

const settings = { segmentBytes: 64 * 1024, tailBytesMax: 200, cacheBytes: 1 };

async function commitMany(cluster: Cluster, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 1) {
    if ((await cluster.commit(`keep ${at}.`)) === null) throw new Error(`not committed:\n${cluster.story()}`);
  }
}

/** Flips a bit of that command in the log of a member. */
function rot(cluster: Cluster, name: string, text: string): void {
  const { device } = cluster.world.host(name);
  for (const segment of device.list('journal')) {
    const at = Buffer.from(device.contentOf(`journal/${segment}`)).indexOf(text);
    if (at !== -1) device.rot(`journal/${segment}`, at);
  }
}

t.test('below the snapshot the slave that asks for it is sent the snapshot, and the master goes on', async (t) => {
  const cluster = new Cluster('damage met below', { settings: { ...settings, snapshotBytes: 4000 } }).startAll();
  const leader = await cluster.untilLed();
  await commitMany(cluster, 0, 20);
  const behind = cluster.names.find((name) => name !== leader)!;
  await cluster.until(() => cluster.texts(behind).length === 20);
  cluster.kill(behind);
  const { device } = cluster.world.host(leader);
  let count = 20;
  const taken = (): boolean => device.list('snapshot').some((name) => name.endsWith('.snap'));
  for (; !taken(); count += 5) await commitMany(cluster, count, count + 5);
  rot(cluster, leader, 'keep 30.');
  const life = cluster.start(behind);
  t.ok(await cluster.until(() => cluster.texts(behind).length === count), cluster.story());
  t.same(cluster.texts(behind), cluster.texts(leader));
  t.equal(life.machine.restores, 1);
  t.equal(cluster.life(leader).failure, null);
  t.equal(cluster.leader, leader);
  const said = cluster.life(leader).lines.filter((line) => line.includes('is sent the snapshot in its place'));
  t.equal(said.length, 1);
  t.match(
    said[0],
    /journal\/\S+\.log is damaged at byte \d+ \(entry \d+ of the log\): a record's checksum does not match its bytes; node/,
  );
  // It lives: a copy was fetched.
  t.ok(
    await cluster.until(() =>
      cluster.life(leader).lines.some((line) => /, damaged at byte \d+, is repaired/.test(line)),
    ),
  );
});

t.test('above it the master ends and says so; started again it comes back by itself', async (t) => {
  const cluster = new Cluster('damage met above', { settings }).startAll();
  const leader = await cluster.untilLed();
  await commitMany(cluster, 0, 20);
  const [behind = '', other = ''] = cluster.names.filter((name) => name !== leader);
  await cluster.until(() => cluster.texts(behind).length === 20);
  cluster.kill(behind);
  await commitMany(cluster, 20, 60);
  await cluster.until(() => cluster.texts(other).length === 60);
  rot(cluster, leader, 'keep 40.');
  cluster.start(behind);
  const life = cluster.life(leader);
  t.ok(await cluster.until(() => life.failure !== null), cluster.story());
  t.ok(life.failure instanceof LogDamageError);
  t.match(
    life.failure?.message,
    /^journal\/\S+\.log is damaged at byte \d+: .*\. Started again, this node gets what stood there from the other members/,
  );
  cluster.kill(leader);
  await cluster.until(() => cluster.leader !== null && cluster.leader !== leader);
  await commitMany(cluster, 60, 65);
  const again = cluster.start(leader);
  const whole = (name: string): boolean => cluster.texts(name).length === 65;
  t.ok(await cluster.until(() => cluster.names.every(whole)), cluster.story());
  t.ok(await cluster.until(() => again.log?.status.raft?.standing === 'voter'));
  for (const name of cluster.names) t.same(cluster.texts(name), cluster.texts(other), name);
});
