import { encodeText } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { Cluster } from './cluster.ts';

const node = (name: string): NodeId => name as NodeId;

async function founded(seed: number, options: ConstructorParameters<typeof Cluster>[1] = {}): Promise<Cluster> {
  const cluster = new Cluster(seed, options).startAll();
  await cluster.untilLed();
  return cluster;
}

async function commitMany(cluster: Cluster, count: number, prefix: string): Promise<string[]> {
  const texts: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const text = `${prefix}${at}`;
    if ((await cluster.commit(text)) === null) throw new Error(`${text} was not committed:\n${cluster.story()}`);
    texts.push(text);
  }
  return texts;
}

function others(cluster: Cluster, name: string): string[] {
  return cluster.names.filter((other) => other !== name);
}

async function allHave(cluster: Cluster, texts: readonly string[]): Promise<boolean> {
  const { length } = texts;
  const arrived = await cluster.until(() =>
    cluster.names.every((name) => cluster.life(name).machine.applied.length >= length),
  );
  const wanted = JSON.stringify(texts);
  return arrived && cluster.names.every((name) => JSON.stringify(cluster.texts(name)) === wanted);
}

t.test('one member alone founds itself, leads, and remembers', async (t) => {
  const cluster = await founded(1, { names: ['a'] });
  t.type(await cluster.commit('one'), 'number');
  cluster.kill('a');
  cluster.start('a');
  await cluster.untilLed();
  t.same(cluster.texts('a'), ['one']);
});

t.test('three empty members found a cluster, and all apply what was proposed', async (t) => {
  const cluster = await founded(2);
  const texts = await commitMany(cluster, 20, 'x');
  t.ok(await allHave(cluster, texts));
  const ids = cluster.names.map((name) => cluster.life(name).log?.status.clusterId);
  t.equal(new Set(ids).size, 1);
  t.match(cluster.story(), /node [abc] leads \(term \d+, [23] of 3 votes\)/);
});

t.test('no cluster is founded while a member is missing, and the log says for whom it waits', async (t) => {
  const cluster = new Cluster(3);
  cluster.start('a');
  cluster.start('b');
  await cluster.pass(60_000);
  t.equal(cluster.leader, null);
  t.same(cluster.life('a').log?.status.waitingFor, ['c']);
  const waiting = cluster.life('a').lines.filter((line) => line.includes('waits for c'));
  t.ok(waiting.length >= 1 && waiting.length <= 3, waiting.join('\n'));
  cluster.start('c');
  await cluster.untilLed();
});

t.test('several payloads of one proposal stand one behind the other', async (t) => {
  const cluster = await founded(4);
  const name = cluster.leader ?? '';
  const first = cluster.life(name).log?.propose(['p', 'q', 'r'].map(encodeText));
  t.ok(await allHave(cluster, ['p', 'q', 'r']));
  const { applied } = cluster.life(name).machine;
  t.same(
    applied.map(({ position }) => position),
    [0, 1, 2].map((step) => Number(first) + step),
  );
  const follower = others(cluster, name)[0] ?? '';
  t.same(cluster.life(follower).log?.propose([encodeText('z')]), { reason: 'not-leader', leader: name });
});

t.test('the leader is killed: another leads at once, and nothing is lost', async (t) => {
  const took: number[] = [];
  for (let seed = 10; seed < 40; seed += 1) {
    const cluster = await founded(seed);
    const before = await commitMany(cluster, 5, 'x');
    await cluster.pass(300);
    const old = cluster.leader ?? '';
    cluster.kill(old);
    const killedAt = cluster.world.simulation.nowMs;
    await cluster.untilLed();
    took.push(cluster.world.simulation.nowMs - killedAt);
    const after = await commitMany(cluster, 3, 'y');
    cluster.start(old);
    t.ok(await allHave(cluster, [...before, ...after]), `seed ${seed}`);
  }
  took.sort((one, other) => one - other);
  const median = took[Math.floor(took.length / 2)] ?? Infinity;
  const worst = took.at(-1) ?? Infinity;
  t.comment(`from kill to leading: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms (simulated)`);
  t.ok(median < 100, `median ${median}`);
  t.ok(worst < 1000, `worst ${worst}`);
});

t.test('all are killed at once and come back with all they had', async (t) => {
  const cluster = await founded(41);
  const texts = await commitMany(cluster, 10, 'x');
  for (const name of cluster.names) cluster.world.host(name).crash();
  cluster.startAll();
  await cluster.untilLed();
  t.ok(await allHave(cluster, texts));
});

t.test('a member that lost its disk joins without a vote, catches up, and is admitted', async (t) => {
  const cluster = await founded(42);
  const texts = await commitMany(cluster, 10, 'x');
  const victim = others(cluster, cluster.leader ?? '')[0] ?? '';
  cluster.world.host(victim).crash();
  cluster.world.host(victim).replaceDisk();
  // Nobody to catch up from yet: a majority of the rest is missing.
  const leader = cluster.leader ?? '';
  const third = cluster.names.find((name) => name !== victim && name !== leader) ?? '';
  cluster.kill(third);
  cluster.start(victim);
  await cluster.pass(10_000);
  t.equal(cluster.life(victim).log?.status.raft?.standing, 'abstaining');
  t.equal(cluster.leader, null, 'it does not count towards a majority');
  cluster.start(third);
  await cluster.untilLed();
  t.ok(await cluster.until(() => cluster.life(victim).log?.status.raft?.standing === 'voter'));
  t.ok(await allHave(cluster, texts));
  t.match(cluster.life(victim).lines.join('\n'), /joins cluster .* no vote until it has caught up/);
  cluster.kill(cluster.leader === victim ? third : (cluster.leader ?? ''));
  await cluster.untilLed();
  t.pass('and it counts again');
});

t.test('a member that was away for long gets a snapshot', async (t) => {
  const settings = { snapshotBytes: 4096, segmentBytes: 4096, tailBytesMax: 2048 };
  const cluster = await founded(43, { settings });
  const away = others(cluster, cluster.leader ?? '')[0] ?? '';
  cluster.kill(away);
  const texts = await commitMany(cluster, 400, 'a rather long text to fill the journal with '.repeat(3));
  cluster.start(away);
  t.ok(await allHave(cluster, texts), cluster.story());
  t.ok(cluster.life(away).machine.restores > 0);
  t.match(cluster.life(away).lines.join('\n'), /receiving a snapshot/);
  // What it holds now it also has after a restart.
  cluster.kill(away);
  cluster.start(away);
  const more = await commitMany(cluster, 3, 'more');
  t.ok(await allHave(cluster, [...texts, ...more]));
});

t.test('a snapshot transfer goes on where a broken connection left it', async (t) => {
  const settings = { snapshotBytes: 4096, segmentBytes: 4096, tailBytesMax: 2048 };
  const cluster = await founded(44, { settings });
  const leader = cluster.leader ?? '';
  const away = others(cluster, leader)[0] ?? '';
  cluster.kill(away);
  const texts = await commitMany(cluster, 300, `${'long '.repeat(1000)}`);
  cluster.start(away);
  const receiving = (): boolean => cluster.life(away).lines.some((line) => line.includes('receiving a snapshot'));
  t.ok(await cluster.until(receiving));
  await cluster.pass(5);
  t.equal(cluster.life(away).machine.restores, 0, 'still under way');
  cluster.world.wires.breakConnections(leader, away);
  t.ok(await allHave(cluster, texts));
  const begun = cluster.life(away).lines.filter((line) => line.includes('receiving a snapshot'));
  t.equal(begun.length, 1, 'it did not begin anew');
});

t.test('members of another cluster, or without the secret, stay out', async (t) => {
  const cluster = await founded(45);
  const texts = await commitMany(cluster, 3, 'x');
  const stranger = others(cluster, cluster.leader ?? '')[0] ?? '';
  cluster.kill(stranger);
  cluster.start(stranger, { secret: encodeText('guess') });
  await cluster.pass(30_000);
  t.same(cluster.texts(stranger), []);
  t.not(cluster.leader, null, 'the others go on');
  const warnings = cluster.life(stranger).lines.filter((line) => line.includes('WARN') && line.includes('secret'));
  t.ok(warnings.length > 0 && warnings.length <= 4, warnings.join('\n'));
  cluster.kill(stranger);

  // The same ids and secret, but a cluster of its own: founded alone, then configured as one of three.
  cluster.world.host(stranger).replaceDisk();
  const alone = [{ id: node(stranger), address: { host: stranger, port: 7000 } }];
  cluster.start(stranger, { members: alone, listen: null });
  t.ok(await cluster.until(() => cluster.life(stranger).log?.leading === true));
  cluster.kill(stranger);
  cluster.start(stranger);
  await cluster.pass(30_000);
  t.match(cluster.story(), /belongs to the cluster [0-9a-f]{32}, this node to [0-9a-f]{32}/);
  cluster.kill(stranger);
  cluster.world.host(stranger).replaceDisk();
  cluster.start(stranger);
  t.ok(await allHave(cluster, texts), 'with an empty disk it is welcome');
});

t.test('a data directory of another node or broker is not touched', async (t) => {
  const cluster = await founded(46, { names: ['a'] });
  cluster.kill('a');
  const life = cluster.start('a', { broker: 'west' });
  t.ok(await cluster.until(() => life.failure !== null));
  t.match(life.failure, { message: /belongs to node a of the logical broker east/ });
});

t.test('a leader that stood still does not believe that it leads', async (t) => {
  for (let seed = 50; seed < 60; seed += 1) {
    const cluster = await founded(seed);
    const before = await commitMany(cluster, 3, 'x');
    const old = cluster.leader ?? '';
    const life = cluster.life(old);
    life.process.pause();
    const pausedAt = cluster.world.simulation.nowMs;
    await cluster.until(() => cluster.leader !== null, 20_000);
    const successor = cluster.leader;
    t.ok(successor !== null && successor !== old, `seed ${seed}: another leads`);
    const took = cluster.world.simulation.nowMs - pausedAt;
    t.ok(took < 2500, `${took} ms from silence to a leader`);
    const after = await commitMany(cluster, 3, 'y');
    life.process.resume();
    // Before anything it was sent meanwhile is read.
    t.equal(life.log?.leading, false);
    t.not(typeof life.log?.propose([encodeText('late')]), 'number', 'and takes nothing');
    t.ok(await allHave(cluster, [...before, ...after]), `seed ${seed}`);
    t.equal(life.machine.leadership?.leading, false);
  }
});

t.test('leadership is handed over without an election time-out', async (t) => {
  const cluster = await founded(61);
  const texts = await commitMany(cluster, 5, 'x');
  const old = cluster.leader ?? '';
  const to = others(cluster, old)[1] ?? '';
  const begunAt = cluster.world.simulation.nowMs;
  const result = cluster.life(old).log?.transferLeadership(node(to));
  await cluster.until(() => cluster.leader === to, 1000);
  t.equal(cluster.leader, to);
  t.ok(cluster.world.simulation.nowMs - begunAt < 100, `${cluster.world.simulation.nowMs - begunAt} ms`);
  t.equal(await cluster.world.simulation.run(() => result ?? Promise.resolve(false)), true);
  t.equal(cluster.life(old).machine.leadership?.leading, false);
  t.ok(await allHave(cluster, texts));
  await cluster.world.simulation.run(() => cluster.life(old).log?.close() ?? Promise.resolve());
  t.type(await cluster.commit('after the clean stop'), 'number');
  const toItself = await cluster.world.simulation.run(
    () => cluster.life(to).log?.transferLeadership(node(to)) ?? Promise.resolve(true),
  );
  t.equal(toItself, false, 'not to itself');
});

t.test('a leader that is stopped with all others does not wait for them', async (t) => {
  const cluster = await founded(63);
  const leader = cluster.leader ?? '';
  const { simulation } = cluster.world;
  const begunAt = simulation.nowMs;
  const result = cluster.life(leader).log?.transferLeadership();
  for (const other of others(cluster, leader)) cluster.kill(other);
  t.equal(await simulation.run(() => result ?? Promise.resolve(true)), false);
  t.ok(simulation.nowMs - begunAt < 500, `${simulation.nowMs - begunAt} ms`);
});

t.test('a channel leads to the leader, and to nobody else', async (t) => {
  const cluster = await founded(62);
  const leader = cluster.leader ?? '';
  const [one = '', two = ''] = others(cluster, leader);
  const seen: string[] = [];
  for (const name of cluster.names) {
    cluster.life(name).log?.onChannel((connection, from) => {
      seen.push(`${name} from ${from}`);
      connection.start({ data: (chunk) => connection.write(chunk), drain() {}, end() {}, close() {} });
    });
  }
  const dial = (to: string) => () =>
    cluster.life(one).log?.dialChannel(node(to)) ?? Promise.reject(new Error('not open'));
  await t.rejects(cluster.world.simulation.run(dial(two)), /does not lead/);
  let echoed = '';
  await cluster.world.simulation.run(() =>
    dial(leader)().then((tunnel) => {
      tunnel.start({ data: (chunk) => (echoed += Buffer.from(chunk).toString()), drain() {}, end() {}, close() {} });
      tunnel.write(encodeText('hello'));
    }),
  );
  t.ok(await cluster.until(() => echoed === 'hello', 1000));
  t.same(seen, [`${leader} from ${one}`]);
});

t.test('a failing disk ends the node, and the others go on', async (t) => {
  const cluster = await founded(63);
  const old = cluster.leader ?? '';
  cluster.world.host(old).device.fail({ operation: 'sync' });
  cluster.life(old).log?.propose([encodeText('x')]);
  t.ok(await cluster.until(() => cluster.life(old).failure !== null, 5000));
  t.equal(cluster.life(old).log?.leading, false);
  await cluster.untilLed();
  t.not(cluster.leader, old);
});
