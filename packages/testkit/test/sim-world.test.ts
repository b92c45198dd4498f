import { pattern, record, SimWorld } from '@lockstep/testkit';
import type { RecordedEnd, SimProcess } from '@lockstep/testkit';
import t from 'tap';

interface Connected {
  readonly world: SimWorld;
  readonly server: SimProcess;
  readonly client: SimProcess;
  readonly near: RecordedEnd;
  readonly far: RecordedEnd;
}

async function connected(seed: number): Promise<Connected> {
  const world = new SimWorld(seed);
  const server = world.host('server').start();
  const client = world.host('client').start();
  let far: RecordedEnd | undefined;
  await server.network.listen({ host: '0.0.0.0', port: 7 }, (connection) => {
    far = record(connection);
  });
  const near = await world.simulation.run(() => client.network.connect({ host: 'server', port: 7 }, 1000).then(record));
  return { world, server, client, near, far: far as RecordedEnd };
}

t.test('a killed process: nothing it waits for comes, peers learn of it, its port refuses', async (t) => {
  const endings = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { world, server, client, near, far } = await connected(seed);
    let resolved = false;
    void server.disk.open('f', 'create').then(() => {
      resolved = true;
    });
    server.host.kill();
    near.recorder.onEnd = () => near.connection.end();
    await world.simulation.run(() => near.recorder.until(() => near.recorder.closes.length > 0));
    endings.add(near.recorder.closes[0]?.code ?? 'end');
    far.connection.write(pattern(10));
    far.connection.destroy();
    await t.rejects(
      world.simulation.run(() => client.network.connect({ host: 'server', port: 7 }, 1000)),
      { code: 'refused' },
    );
    void server.disk.syncDirectory('').then(() => {
      resolved = true;
    });
    await world.simulation.runUntil(world.simulation.nowMs + 100);
    t.equal(resolved, false);
    t.same([near.recorder.receivedBytes, far.recorder.closes.length], [0, 0]);
  }
  t.same([...endings].toSorted(), ['end', 'reset'], 'as the system happens to close');
});

t.test(
  'what was on the way to a connection that is closed is refused, though its process has died since',
  async (t) => {
    for (let seed = 0; seed < 20; seed++) {
      const { world, server, near, far } = await connected(seed);
      near.connection.write(pattern(10));
      far.connection.destroy();
      server.host.kill();
      await world.simulation.runUntil(world.simulation.nowMs + 1000);
      t.match(near.recorder.closes, [{ code: 'reset' }]);
    }
  },
);

t.test('a killed process’s files keep what was written, a crash’s only what was synced', async (t) => {
  const world = new SimWorld(1);
  const host = world.host('a');
  const write = async (process: SimProcess, name: string): Promise<void> => {
    const file = await process.disk.open(name, 'create');
    await process.disk.syncDirectory('');
    await file.write([pattern(3)], 0);
    await file.sync();
    await file.write([pattern(3)], 3);
  };
  await world.simulation.run(() => write(host.start(), 'killed'));
  host.kill();
  t.equal(host.device.contentOf('killed').length, 6);
  await world.simulation.run(() => write(host.start(), 'crashed'));
  host.crash({ survival: 0 });
  t.equal(host.device.contentOf('crashed').length, 3);
  t.same(await world.simulation.run(() => host.start().disk.list('')), ['killed', 'crashed']);
});

t.test('a write under way when the process is killed is done in part', async (t) => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 20; seed++) {
    const world = new SimWorld(seed);
    const host = world.host('a');
    const file = await world.simulation.run(() => host.start().disk.open('f', 'create'));
    void file.write([pattern(100), pattern(5000)], 0);
    host.kill();
    lengths.add(host.device.contentOf('f').length);
  }
  t.ok(lengths.has(0) && lengths.has(5100) && lengths.size > 3, [...lengths].join(' '));
  lengths.delete(5100);
  t.ok([...lengths].every((length) => length % 512 === 0));
});

t.test('a stopped process keeps its connections and hears later', async (t) => {
  const { world, server, client, near, far } = await connected(1);
  server.pause();
  near.connection.write(pattern(10));
  const second = world.simulation.run(() => client.network.connect({ host: 'server', port: 7 }, 1000));
  t.ok(await second, 'its system still takes connections');
  await world.simulation.runUntil(10_000);
  t.same([far.recorder.receivedBytes, near.recorder.closes.length], [0, 0]);
  server.resume();
  await world.simulation.runUntil(10_100);
  t.equal(far.recorder.receivedBytes, 10);
});

t.test('a host without power is silent; with power again it resets what it no longer knows', async (t) => {
  const { world, server, client, near } = await connected(1);
  server.host.crash({ silent: true });
  await t.rejects(
    world.simulation.run(() => client.network.connect({ host: 'server', port: 7 }, 500)),
    { code: 'timeout' },
  );
  await world.simulation.runUntil(5000);
  t.same(near.recorder.closes, []);
  server.host.start();
  await world.simulation.runUntil(6000);
  t.match(near.recorder.closes, [{ code: 'reset' }]);
});

t.test('a host’s new disk is empty', async (t) => {
  const world = new SimWorld(1);
  const host = world.host('a');
  await world.simulation.run(() => host.start().disk.makeDirectory('d'));
  t.throws(() => host.replaceDisk(), /in use/);
  host.kill();
  host.replaceDisk();
  t.same(host.device.list(''), []);
});
