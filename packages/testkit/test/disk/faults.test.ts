import { AssertionError } from '@lockstep/kernel';
import { pattern, SimDevice, SimDisk, SimRandom, SimWorld } from '@lockstep/testkit';
import t from 'tap';

function newDisk(): SimDisk {
  return new SimDisk(new SimDevice(new SimRandom('faults')));
}

t.test('a fault hits its operation on its path, as often as it was set for', async (t) => {
  const disk = newDisk();
  disk.device.fail({ operation: 'read', path: 'bad', times: 2 });
  disk.device.fail({ operation: 'open', path: 'bad', code: 'EMFILE' });
  const good = await disk.open('good', 'create');
  await t.rejects(disk.open('bad', 'create'), { code: 'EMFILE', path: 'bad' });
  const bad = await disk.open('bad', 'create');
  await bad.write([pattern(1)], 0);
  t.equal(await good.read(new Uint8Array(1), 0), 0);
  await t.rejects(bad.read(new Uint8Array(1), 0), { code: 'EIO', path: 'bad' });
  await t.rejects(bad.read(new Uint8Array(1), 0), { code: 'EIO' });
  t.equal(await bad.read(new Uint8Array(1), 0), 1);
  disk.device.fail({ operation: 'sync', times: Infinity });
  await t.rejects(bad.sync(), { code: 'EIO' });
  await t.rejects(bad.sync(), { code: 'EIO' });
  disk.device.clearFaults();
  await bad.sync();
});

t.test('after a failed sync the next one succeeds without what was lost', async (t) => {
  const disk = newDisk();
  const file = await disk.open('f', 'create');
  await disk.syncDirectory('');
  await file.write([pattern(100 * 512)], 0);
  disk.device.fail({ operation: 'sync' });
  await t.rejects(file.sync(), { code: 'EIO' });
  await file.sync();
  const { device } = disk.crashClone(1);
  t.not(Buffer.compare(device.contentOf('f'), pattern(100 * 512)), 0);
});

t.test('a failed write may have written a part, but no half of a sector', async (t) => {
  const lengths = new Set<number>();
  const disk = newDisk();
  for (let i = 0; i < 50; i++) {
    const file = await disk.open(`f${i}`, 'create');
    disk.device.fail({ operation: 'write' });
    await t.rejects(file.write([pattern(10 * 512)], 0), { code: 'EIO' });
    lengths.add(await file.size());
  }
  t.ok(lengths.size > 5);
  t.ok([...lengths].every((length) => length % 512 === 0));
});

t.test('a full disk refuses growth, not writing over what is there', async (t) => {
  const disk = newDisk();
  disk.device.capacityBytes = 4 * 4096;
  const file = await disk.open('f', 'create');
  await file.truncate(100_000);
  t.equal(disk.device.usedBytes(), 0, 'a hole takes no space');
  await file.truncate(0);
  await file.write([pattern(3 * 4096)], 0);
  await t.rejects(file.write([pattern(2 * 4096)], 3 * 4096), { code: 'ENOSPC', path: 'f' });
  t.equal(await file.size(), 4 * 4096, 'what there was room for');
  await file.write([pattern(4 * 4096, 1)], 0);
  const other = await disk.open('other', 'create');
  await t.rejects(other.write([pattern(1)], 0), { code: 'ENOSPC' });
  t.same(await disk.space(), { totalBytes: 4 * 4096, freeBytes: 0 });
  await disk.remove('f');
  await other.write([pattern(1)], 0);
  t.same(await disk.space(), { totalBytes: 4 * 4096, freeBytes: 3 * 4096 });
});

t.test('what is not durable yet is counted, by directory and name', async (t) => {
  const disk = newDisk();
  const { device } = disk;
  t.equal(device.hasUnsyncedChanges, false);
  await disk.makeDirectory('journal/old');
  const files = await Promise.all(
    ['journal/1.log', 'journal/1.tmp', 'journal/old/2.log', 'state'].map((path) => disk.open(path, 'create')),
  );
  for (const file of files) await file.write([pattern(1)], 0);
  await files[0]!.truncate(0);
  t.equal(device.unsyncedChanges('journal', '', '.log'), 2);
  t.equal(device.unsyncedChanges('.', 'sta', ''), 1);
  t.equal(device.unsyncedChanges('nowhere', '', ''), 0);
  for (const file of files.slice(0, 3)) await file.sync();
  t.equal(device.unsyncedChanges('journal', '', '.log'), 0);
  t.equal(device.hasUnsyncedChanges, true);
  await files[3]!.sync();
  t.equal(device.hasUnsyncedChanges, false);
});

t.test('rot changes a stored byte, also in what survives a crash', async (t) => {
  const disk = newDisk();
  const file = await disk.open('f', 'create');
  await file.write([new Uint8Array([1, 2, 3])], 0);
  await file.sync();
  await disk.syncDirectory('');
  disk.device.rot('f', 1, 0x80);
  t.same([...disk.device.contentOf('f')], [1, 0x82, 3]);
  t.same([...disk.crashClone(0).device.contentOf('f')], [1, 0x82, 3]);
});

t.test('a disk that lies about sync loses what was synced', async (t) => {
  const disk = newDisk();
  disk.device.lieAboutSync = true;
  const file = await disk.open('f', 'create');
  await file.write([pattern(10)], 0);
  await file.sync();
  await disk.syncDirectory('');
  t.same(disk.crashClone(0).device.list(''), []);
});

t.test('overlapping calls on one file are a bug of the caller', async (t) => {
  const file = await newDisk().open('f', 'create');
  const writing = file.write([pattern(1)], 0);
  const [second, sync, reading] = [file.write([pattern(1)], 1), file.sync(), file.read(new Uint8Array(1), 5)];
  await Promise.all([t.rejects(second, AssertionError), t.rejects(sync, AssertionError)]);
  t.equal(await reading, 0, 'but reads may');
  await writing;
  await file.sync();
});

t.test('a slow disk takes longer', async (t) => {
  const world = new SimWorld(1);
  const host = world.host('a');
  const { disk } = host.start();
  const took = async (): Promise<number> => {
    const start = world.simulation.nowMs;
    await world.simulation.run(() => disk.syncDirectory(''));
    return world.simulation.nowMs - start;
  };
  const usual = await took();
  host.device.slowness = 1000;
  t.ok(usual < 10 && (await took()) >= 200);
});
