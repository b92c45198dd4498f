import t from 'tap';

import { TransferBench } from './bench.ts';

t.test('a member with an empty disk gets the state, the live records, and the log above', async (t) => {
  const bench = await TransferBench.founded('transfer 1');
  const kept = await bench.fill(200);
  const [victim = ''] = bench.followers;
  bench.wipe(victim);
  bench.cluster.start(victim);
  t.ok(await bench.caughtUp(victim), bench.cluster.story());
  t.equal(bench.said(victim, /live records are to be fetched/).length, 1);
  const expected = bench.truth();
  t.same([...expected.keys()], kept);
  t.same(await bench.readBack(victim), expected);
});

t.test('a member that was away for long is sent only what it lacks', async (t) => {
  const bench = await TransferBench.founded('transfer 2');
  await bench.fill(100, 'keep early');
  const [away = ''] = bench.followers;
  t.ok(await bench.caughtUp(away));
  bench.cluster.kill(away);
  const late = await bench.fill(100, 'keep late');
  bench.cluster.start(away);
  t.ok(await bench.caughtUp(away), bench.cluster.story());
  const [fetched = 0, all = 0] = bench.toFetch(away);
  t.ok(fetched > 0 && fetched <= late.length && all - fetched >= 40, `${fetched} of ${all} were fetched`);
  t.same(await bench.readBack(away), bench.truth());
});

t.test('a leader takes snapshots while one is sent, and keeps the log that the receiver will need', async (t) => {
  const bench = await TransferBench.founded('transfer 3');
  await bench.fill(150);
  const { leader } = bench;
  const [victim = ''] = bench.followers;
  const newest = (): string => bench.files(leader, 'snapshot').toSorted().at(-1) ?? '';
  bench.wipe(victim);
  const { device } = bench.cluster.world.host(victim);
  device.slowness = 300;
  bench.cluster.start(victim);
  t.ok(await bench.cluster.until(() => bench.said(victim, /receiving a snapshot/).length > 0));
  const before = newest();
  await bench.fill(150, 'keep more');
  t.not(newest(), before, 'it took others');
  t.equal(bench.cluster.life(victim).machine.restores, 0, 'while the transfer went on');
  device.slowness = 1;
  t.ok(await bench.caughtUp(victim), bench.cluster.story());
  t.equal(bench.said(victim, /receiving a snapshot/).length, 1, 'one snapshot was enough');
  t.same(await bench.readBack(victim), bench.truth());
});

t.test('records that die while they are on their way are not waited for', async (t) => {
  const bench = await TransferBench.founded('transfer 4');
  const kept = await bench.fill(150);
  const [victim = ''] = bench.followers;
  bench.wipe(victim);
  const { device } = bench.cluster.world.host(victim);
  device.slowness = 100;
  bench.cluster.start(victim);
  t.ok(await bench.cluster.until(() => bench.said(victim, /receiving a snapshot/).length > 0));
  await bench.drop(kept);
  await bench.fill(100, 'keep new');
  device.slowness = 1;
  t.ok(await bench.caughtUp(victim), bench.cluster.story());
  t.same(await bench.readBack(victim), bench.truth());
});

t.test('another leader goes on where the first one stopped', async (t) => {
  const bench = await TransferBench.founded('transfer 5');
  await bench.fill(200);
  const { cluster, leader: first } = bench;
  const [victim = ''] = bench.followers;
  bench.wipe(victim);
  cluster.start(victim);
  const stored = (): boolean => bench.files(victim, 'records').some((name) => name.endsWith('.store'));
  t.ok(await cluster.until(stored), 'records have come');
  t.equal(cluster.life(victim).machine.restores, 0);
  cluster.kill(victim);
  cluster.kill(first);
  cluster.start(first);
  cluster.start(victim);
  // The wiped member has no vote: the other two elect.
  await cluster.untilLed();
  t.ok(await bench.caughtUp(victim), cluster.story());
  const [fetched = 0, all = 0] = bench.toFetch(victim);
  t.ok(fetched > 0 && all - fetched >= 20, `${fetched} of ${all} were left to fetch`);
  t.same(await bench.readBack(victim), bench.truth());
});

t.test('a broken connection in the middle costs nothing that had come', async (t) => {
  const bench = await TransferBench.founded('transfer 6');
  await bench.fill(200);
  const [victim = ''] = bench.followers;
  bench.wipe(victim);
  bench.cluster.start(victim);
  const fetching = (): boolean => bench.said(victim, /live records are to be fetched/).length > 0;
  t.ok(await bench.cluster.until(fetching));
  bench.cluster.world.wires.breakConnections(bench.leader, victim);
  t.ok(await bench.caughtUp(victim), bench.cluster.story());
  t.equal(bench.said(victim, /receiving a snapshot/).length, 1, 'it did not begin anew');
  t.same(await bench.readBack(victim), bench.truth());
});
