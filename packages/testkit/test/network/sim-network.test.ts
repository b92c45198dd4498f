import { pattern, record, sameBytes, SimWorld } from '@lockstep/testkit';
import type { RecordedEnd, SimProcess } from '@lockstep/testkit';
import t from 'tap';

interface Pair {
  readonly world: SimWorld;
  readonly a: SimProcess;
  readonly near: RecordedEnd;
  readonly far: RecordedEnd;
}

async function pairOf(seed: number): Promise<Pair> {
  const world = new SimWorld(seed);
  const a = world.host('a').start();
  const b = world.host('b').start();
  let far: RecordedEnd | undefined;
  await b.network.listen({ host: 'b', port: 7 }, (connection) => {
    far = record(connection);
  });
  const near = await world.simulation.run(() => a.network.connect({ host: 'b', port: 7 }, 1000).then(record));
  return { world, a, near, far: far as RecordedEnd };
}

t.test('a cut holds bytes, and healing delivers them in order', async (t) => {
  const { world, near, far } = await pairOf(1);
  near.connection.write(pattern(10, 1));
  world.wires.cut('a', 'b');
  near.connection.write(pattern(10, 2));
  far.connection.write(pattern(10, 3));
  await world.simulation.runUntil(5000);
  t.same([near.recorder.receivedBytes, far.recorder.receivedBytes], [0, 0]);
  world.wires.heal('a', 'b');
  await world.simulation.runUntil(6000);
  sameBytes(t, far.recorder.received, new Uint8Array([...pattern(10, 1), ...pattern(10, 2)]), 'there');
  sameBytes(t, near.recorder.received, pattern(10, 3), 'back');
});

t.test('a cut one way lets the other through', async (t) => {
  const { world, near, far } = await pairOf(1);
  world.wires.cutOneWay('a', 'b');
  near.connection.write(pattern(10));
  far.connection.write(pattern(10));
  await world.simulation.runUntil(1000);
  t.same([near.recorder.receivedBytes, far.recorder.receivedBytes], [10, 0]);
});

t.test('an isolated host reaches nobody, the others each other', async (t) => {
  const { world, a, near, far } = await pairOf(1);
  world.host('c').start();
  world.wires.isolate('c');
  near.connection.write(pattern(10));
  await world.simulation.runUntil(1000);
  t.equal(far.recorder.receivedBytes, 10);
  await t.rejects(
    world.simulation.run(() => a.network.connect({ host: 'c', port: 7 }, 500)),
    { code: 'timeout' },
  );
});

t.test('a sender into a cut gives up, and after healing the other side learns it', async (t) => {
  const { world, near, far } = await pairOf(1);
  world.wires.giveUpMs = 15_000;
  world.wires.cut('a', 'b');
  near.connection.write(pattern(10));
  await world.simulation.runUntil(14_000);
  t.same(near.recorder.closes, []);
  await world.simulation.runUntil(17_000);
  t.match(near.recorder.closes, [{ code: 'timeout' }]);
  t.same(far.recorder.closes, []);
  world.wires.healAll();
  await world.simulation.runUntil(18_000);
  t.match(far.recorder.closes, [{ code: 'reset' }]);
  t.equal(far.recorder.receivedBytes, 0);
});

t.test('a connect waits for a cut to heal, within its time', async (t) => {
  const { world, a } = await pairOf(1);
  world.wires.cut('a', 'b');
  world.simulation.schedule(1500, 'heal', null, () => world.wires.healAll());
  t.ok(await world.simulation.run(() => a.network.connect({ host: 'b', port: 7 }, 10_000)));
  t.ok(world.simulation.nowMs > 1500);
});

t.test('a host nobody knows is unreachable', async (t) => {
  const { world, a } = await pairOf(1);
  await t.rejects(
    world.simulation.run(() => a.network.connect({ host: 'nowhere', port: 7 }, 100)),
    { code: 'unreachable' },
  );
});

t.test('connections can be broken at will', async (t) => {
  const { world, near, far } = await pairOf(1);
  world.wires.breakConnections('b', 'a');
  await world.simulation.runUntil(100);
  t.match([near.recorder.closes, far.recorder.closes], [[{ code: 'reset' }], [{ code: 'reset' }]]);
});

t.test('a link may break what arrives over it', async (t) => {
  const { world, near, far } = await pairOf(1);
  world.wires.link('a', 'b').breakChance = 1;
  near.connection.write(pattern(10));
  await world.simulation.runUntil(100);
  t.match([near.recorder.closes, far.recorder.closes], [[{ code: 'reset' }], [{ code: 'reset' }]]);
  t.equal(far.recorder.receivedBytes, 0);
});

t.test('chunks come split and joined, not as they were written', async (t) => {
  let [split, joined] = [0, 0];
  for (let seed = 0; seed < 20; seed++) {
    const { world, near, far } = await pairOf(seed);
    for (let i = 0; i < 50; i++) near.connection.write(pattern(100));
    await world.simulation.run(() => far.recorder.until(() => far.recorder.receivedBytes === 5000));
    for (const { length } of far.recorder.chunks) {
      if (length % 100 !== 0) split++;
      if (length > 100) joined++;
    }
  }
  t.ok(split > 20 && joined > 20, `${split} split, ${joined} joined`);
});
