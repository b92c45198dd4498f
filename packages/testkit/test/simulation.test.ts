import type { NetworkError, Connection } from '@lockstep/kernel';
import { SimRandom, Simulation, SimWorld } from '@lockstep/testkit';
import t from 'tap';

t.test('chance repeats itself for a seed, and a fork depends on its label alone', async (t) => {
  const draw = (random: SimRandom): number[] => [random.fraction(), random.below(1000), ...random.bytes(4)];
  t.same(draw(new SimRandom(7)), draw(new SimRandom(7)));
  t.notSame(draw(new SimRandom(7)), draw(new SimRandom(8)));
  const early = new SimRandom(7).fork('disk');
  const parent = new SimRandom(7);
  parent.fraction();
  t.same(draw(parent.fork('disk')), draw(early));
  t.notSame(draw(new SimRandom(7).fork('disk')), draw(new SimRandom(7).fork('network')));
});

t.test('chance is spread evenly', async (t) => {
  const random = new SimRandom('even');
  const counts = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 20_000; i++) {
    const n = random.below(10);
    counts[n] = (counts[n] ?? 0) + 1;
  }
  t.ok(
    counts.every((count) => count > 1_800 && count < 2_200),
    counts.join(' '),
  );
});

t.test('events run in the order of their time, equal ones in the order they were made', async (t) => {
  const simulation = new Simulation(1);
  const seen: string[] = [];
  simulation.schedule(5, 'x', null, () => seen.push('late'));
  simulation.schedule(1, 'x', null, () => seen.push('first'));
  simulation.schedule(1, 'x', null, () => seen.push('second'));
  simulation.schedule(1, 'x', null, () => seen.push('cancelled')).cancel();
  t.equal(await simulation.runUntil(() => seen.length === 3), true);
  t.same(seen, ['first', 'second', 'late']);
  t.equal(simulation.nowMs, 5);
  t.equal(await simulation.step(), false);
});

t.test('all that follows from an event in promises runs before the next event', async (t) => {
  const simulation = new Simulation(1);
  const seen: string[] = [];
  const chain = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    seen.push('end of the chain');
  };
  simulation.schedule(1, 'x', null, () => void chain());
  simulation.schedule(1, 'x', null, () => seen.push('next event'));
  await simulation.runUntil(2);
  t.same(seen, ['end of the chain', 'next event']);
});

t.test('running to a time or a condition stops there', async (t) => {
  const simulation = new Simulation(1);
  let count = 0;
  const again = (): void => {
    count++;
    simulation.schedule(10, 'x', null, again);
  };
  again();
  await simulation.runUntil(95);
  t.equal(count, 10);
  t.equal(simulation.nowMs, 95);
  t.equal(await simulation.runUntil(() => count === 1000, 50), false, 'gives up at the limit');
  t.equal(count, 15);
});

t.test('work that waits for nothing is found out', async (t) => {
  const simulation = new Simulation(3);
  await t.rejects(
    simulation.run(() => new Promise(() => {})),
    /seed 3: nothing is left to happen/,
  );
});

t.test('a turn ends after the promises of its events, and before the next event', async (t) => {
  const world = new SimWorld(1);
  const { clock } = world.host('a').start();
  const seen: string[] = [];
  world.simulation.schedule(1, 'x', null, () => {
    clock.atTurnEnd(() => seen.push('turn end'));
    void Promise.resolve().then(() => seen.push('promise'));
  });
  world.simulation.schedule(1, 'x', null, () => seen.push('next'));
  await world.simulation.runUntil(2);
  t.same(seen, ['promise', 'turn end', 'next']);
});

t.test('events of one process at the same time share a turn', async (t) => {
  const world = new SimWorld(1);
  const process = world.host('a').start();
  const seen: string[] = [];
  const event = (name: string) => (): void => {
    seen.push(name);
    process.clock.atTurnEnd(() => seen.push(`end of ${name}`));
  };
  world.simulation.schedule(1, 'x', process, event('one'));
  world.simulation.schedule(1, 'x', process, event('two'));
  await world.simulation.runUntil(2);
  t.same(seen, ['one', 'two', 'end of one', 'end of two']);
});

t.test('many steps at once go on until they are said to be enough', async (t) => {
  const simulation = new Simulation(1);
  const seen: string[] = [];
  const chain = async (name: string): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    seen.push(`end of ${name}`);
  };
  for (const at of [1, 2, 3, 4]) simulation.schedule(at, 'x', null, () => void chain(`${at}`));
  const steps = await simulation.runSteps(() => {
    seen.push('step');
    return simulation.nowMs === 3;
  });
  t.equal(steps, true);
  t.same(seen, ['end of 1', 'step', 'end of 2', 'step', 'end of 3', 'step']);
  t.equal(await simulation.runSteps(() => false), false, 'nothing is left to happen');
  t.equal(seen.at(-1), 'end of 4');
});

t.test('what an event or whoever looks throws ends the steps, and others may follow', async (t) => {
  const simulation = new Simulation(1);
  simulation.schedule(1, 'x', null, () => {
    throw new Error('the event');
  });
  simulation.schedule(2, 'x', null, () => {});
  simulation.schedule(3, 'x', null, () => {});
  const never = (): boolean => false;
  await t.rejects(simulation.runSteps(never), /the event/);
  const look = (): boolean => {
    throw new Error('the look');
  };
  await t.rejects(simulation.runSteps(look), /the look/);
  t.equal(await simulation.runSteps(never), false);
  t.equal(simulation.nowMs, 3);
});

t.test('a step says whose it was', async (t) => {
  const world = new SimWorld(1);
  const [one, other] = [world.host('a').start(), world.host('b').start()];
  const owners: unknown[] = [];
  const { simulation } = world;
  simulation.schedule(1, 'x', one, () => {});
  simulation.schedule(2, 'x', null, () => {});
  simulation.schedule(3, 'x', other, () => one.clock.atTurnEnd(() => {}));
  simulation.schedule(4, 'x', other, () => other.clock.atTurnEnd(() => {}));
  await simulation.runSteps(() => {
    owners.push(simulation.stepOwner);
    return false;
  });
  t.equal(owners.length, 4);
  t.ok(owners[0] === one && owners[3] === other);
  t.same([owners[1], owners[2]], [null, null], 'the world, and two at once');
});

t.test('timers are never early, wait while the process is stopped, and die with it', async (t) => {
  const world = new SimWorld(1);
  const host = world.host('a');
  const process = host.start();
  const { clock } = process;
  const start = clock.monotonicMs();
  const at: number[] = [];
  for (const delay of [0, 1, 10, 100]) clock.setTimer(delay, () => at.push(clock.monotonicMs() - start - delay));
  clock.setTimer(5, () => at.push(-1)).cancel();
  await world.simulation.runUntil(50);
  process.pause();
  await world.simulation.runUntil(500);
  t.equal(at.length, 3);
  process.resume();
  await world.simulation.runUntil(510);
  t.equal(at.length, 4);
  t.ok(at.every((late) => late >= 0));
  t.ok((at[3] ?? 0) >= 400, 'time went on while it was stopped');
  let fired = false;
  clock.setTimer(1, () => {
    fired = true;
  });
  host.kill();
  clock.setTimer(1, () => {
    fired = true;
  });
  await world.simulation.runUntil(600);
  t.equal(fired, false);
});

t.test('a wall clock jumps, a monotonic one never goes back, and both drift', async (t) => {
  const world = new SimWorld(1);
  const host = world.host('a');
  const { clock } = host.start();
  const wall = clock.wallMs();
  const monotonic = clock.monotonicMs();
  host.clock.jump(-60_000);
  t.equal(clock.wallMs(), wall - 60_000);
  t.equal(clock.monotonicMs(), monotonic);
  host.clock.drift(1.5);
  await world.simulation.runUntil(1000);
  t.ok(Math.abs(clock.monotonicMs() - monotonic - 1500) < 0.001);
  t.ok(Math.abs(clock.wallMs() - wall + 60_000 - 1500) <= 1);
  t.ok(Number.isInteger(clock.wallMs()));
});

async function busyRun(seed: number): Promise<string> {
  const world = new SimWorld(seed);
  const server = world.host('server').start();
  const client = world.host('client').start();
  let received = 0;
  await server.network.listen({ host: 'server', port: 1000 }, (connection) => {
    connection.start({ data: (chunk) => void connection.write(chunk), drain() {}, end() {}, close() {} });
  });
  const connection: Connection = await world.simulation.run(() =>
    client.network.connect({ host: 'server', port: 1000 }, 1000),
  );
  let failed: NetworkError | null = null;
  connection.start({
    data(chunk) {
      received += chunk.length;
    },
    drain() {},
    end() {},
    close(error) {
      failed = error;
    },
  });
  const write = async (): Promise<void> => {
    const file = await client.disk.open('f', 'create');
    for (let i = 0; i < 20; i++) {
      await file.write([client.random.bytes(100)], i * 100);
      await file.sync();
      connection.write(client.random.bytes(100));
    }
  };
  await world.simulation.run(write);
  await world.simulation.runUntil(() => received === 2000, 10_000);
  server.host.kill();
  await world.simulation.runUntil(() => failed !== null, 1000);
  return world.simulation.traceHash;
}

t.test('the same seed gives the same trace', async (t) => {
  const traces = new Set<string>();
  for (let seed = 0; seed < 5; seed++) {
    const trace = await busyRun(seed);
    t.equal(await busyRun(seed), trace);
    traces.add(trace);
  }
  t.equal(traces.size, 5);
});
