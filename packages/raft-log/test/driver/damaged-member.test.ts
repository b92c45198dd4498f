import type { JournalPosition } from '@lockstep/kernel';
import t from 'tap';

import { Cluster } from './cluster.ts';

async function commitMany(cluster: Cluster, count: number, prefix: string): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    if ((await cluster.commit(`${prefix}${at}`)) === null) throw new Error(`not committed:\n${cluster.story()}`);
  }
}

t.test('a member whose journal is damaged gets it back from the others, and its vote with it', async (t) => {
  const cluster = new Cluster(1).startAll();
  const leader = await cluster.untilLed();
  await commitMany(cluster, 50, 'before ');
  const victim = cluster.names.find((name) => name !== leader)!;
  await cluster.until(() => cluster.texts(victim).length === 50);
  cluster.kill(victim);
  const { device } = cluster.world.host(victim);
  const [name] = device.list('journal');
  device.rot(`journal/${name}`, Math.floor(device.contentOf(`journal/${name}`).length / 2));
  const life = cluster.start(victim);
  await cluster.until(() => life.log !== null);
  t.equal(life.log?.status.raft?.standing, 'abstaining', 'it may have acknowledged what is gone');
  t.ok(life.log!.status.raft!.lastIndex < 51);
  t.match(life.lines.join('\n'), /ERROR journal\/.*\.log is damaged at byte \d+: .* this node has no vote/);
  t.ok(await cluster.until(() => life.log?.status.raft?.standing === 'voter'));
  // The majority now needs it.
  cluster.kill(cluster.names.find((one) => one !== victim && one !== cluster.leader)!);
  await commitMany(cluster, 5, 'after ');
  await cluster.until(() => cluster.texts(victim).length === 55);
  t.same(cluster.texts(victim).slice(48, 52), ['before 48', 'before 49', 'after 0', 'after 1']);
});

t.test('a member whose snapshot is damaged is sent another one', async (t) => {
  const settings = { segmentBytes: 4000, snapshotBytes: 3000 };
  const cluster = new Cluster(2, { settings }).startAll();
  const leader = await cluster.untilLed();
  await commitMany(cluster, 150, 'before ');
  const victim = cluster.names.find((name) => name !== leader)!;
  const { device } = cluster.world.host(victim);
  const snapshot = (): string | undefined => device.list('snapshot').find((one) => one.endsWith('.snap'));
  await cluster.until(() => cluster.texts(victim).length === 150 && snapshot() !== undefined);
  cluster.kill(victim);
  const name = snapshot()!;
  device.rot(`snapshot/${name}`, Math.floor(device.contentOf(`snapshot/${name}`).length / 2));
  const life = cluster.start(victim);
  await cluster.until(() => life.log !== null);
  t.equal(life.log?.status.raft?.standing, 'abstaining');
  t.ok(await cluster.until(() => life.log?.status.raft?.standing === 'voter' && cluster.texts(victim).length === 150));
  t.same(cluster.texts(victim), cluster.texts(leader));
});

t.test('a member whose log is damaged below the snapshot keeps its vote, and gets the records back', async (t) => {
  const settings = { segmentBytes: 8000, snapshotBytes: 3000, cacheBytes: 1 };
  const cluster = new Cluster('below', { settings }).startAll();
  const leader = await cluster.untilLed();
  await commitMany(cluster, 150, 'keep ');
  const victim = cluster.names.find((name) => name !== leader)!;
  const { device } = cluster.world.host(victim);
  const has = (): boolean => device.list('snapshot').some((one) => one.endsWith('.snap'));
  await cluster.until(() => cluster.texts(victim).length === 150 && has());
  cluster.kill(victim);
  const [name] = device.list('journal').toSorted();
  const path = `journal/${name}`;
  const at = Buffer.from(device.contentOf(path)).indexOf('keep ');
  device.rot(path, at, 0x20);
  const life = cluster.start(victim);
  await cluster.until(() => life.log !== null);
  t.equal(life.log?.status.raft?.standing, 'voter');
  t.match(life.lines.join('\n'), /ERROR journal\/.*\.log is damaged at byte \d+: .* so it costs no vote/);
  t.ok(await cluster.until(() => cluster.texts(victim).length === 150));
  const positions = [...life.machine.live] as JournalPosition[];
  t.equal(positions.length, 150);
  let found: readonly unknown[] = [];
  void life.log!.readPayloads(positions).then((read) => (found = read));
  t.ok(await cluster.until(() => found.length > 0), cluster.story());
  t.ok(found.every((one) => one instanceof Uint8Array));
  t.match(life.lines.join('\n'), /, damaged at byte \d+, is repaired/);
});
