import { decodeText } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { nothingLives } from '../../../src/driver/storage-types.ts';
import {
  chunksOf,
  contents,
  entries,
  entry,
  HandClock,
  newDisk,
  nothingKept,
  open,
  snapshotText,
  someIdentity,
  transfer,
  written,
} from './harness.ts';

t.test('a new directory is empty, and stays what it was made', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  t.equal(storage.identity, null);
  const empty = {
    hardState: { term: 0, votedFor: null, standing: 'voter' },
    snapshotIndex: 0,
    snapshotTerm: 0,
    firstIndex: 1,
    lastIndex: 0,
    terms: [],
    configurations: [],
  };
  t.same(storage.recovered, empty);
  await storage.writeIdentity(someIdentity);
  t.same(storage.identity, someIdentity);
  await storage.close();
  const again = await open(disk.crashClone(0));
  t.same(again.identity, someIdentity);
  t.same(again.recovered, empty);
});

t.test('what was written is found again: entries, terms, term and vote', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  const hardState = { term: 3, votedFor: 'b' as NodeId, standing: 'abstaining' } as const;
  await written(storage, { entries: entries(1, 3, 1) });
  await written(storage, { hardState, entries: entries(4, 5, 3) });
  const again = await open(disk.crashClone(0));
  t.same(again.recovered.hardState, hardState);
  t.same(again.recovered.terms, [
    { index: 1, term: 1 },
    { index: 4, term: 3 },
  ]);
  t.equal(again.recovered.firstIndex, 1);
  t.equal(again.recovered.lastIndex, 5);
  t.same(await contents(again), [
    '1/1 payload of 1',
    '2/1 payload of 2',
    '3/1 payload of 3',
    '4/3 payload of 4',
    '5/3 payload of 5',
  ]);
  t.ok(again.bytesSinceSnapshot > 5 * 32);
  t.equal(again.bytesSinceSnapshot, storage.bytesSinceSnapshot);
});

t.test('an entry replaces the one at its index and all behind it', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { segmentBytes: 300 });
  await written(storage, { entries: entries(1, 20, 1) });
  await written(storage, { entries: [entry(4, 2, 'other'), entry(5, 2, 'another')] });
  const expected = ['1/1 payload of 1', '2/1 payload of 2', '3/1 payload of 3', '4/2 other', '5/2 another'];
  t.same(await contents(storage), expected);
  t.ok((await disk.list('journal')).length > 2, 'over several segments');
  const again = await open(disk.crashClone(0), { segmentBytes: 300 });
  t.same(await contents(again), expected);
  t.same(again.recovered.terms, [
    { index: 1, term: 1 },
    { index: 4, term: 2 },
  ]);
  t.equal(again.bytesSinceSnapshot, storage.bytesSinceSnapshot);
});

t.test('a read sees what was queued, whatever of it is on disk', async (t) => {
  const storage = await open(newDisk());
  await written(storage, { entries: entries(1, 3, 1) });
  const done: number[] = [];
  storage.write({ hardState: null, entries: entries(4, 6, 1) }, () => done.push(1));
  storage.write({ hardState: null, entries: [entry(3, 2, 'three'), entry(4, 2, 'four')] }, () => done.push(2));
  t.same(done, []);
  t.same(await contents(storage), ['1/1 payload of 1', '2/1 payload of 2', '3/2 three', '4/2 four']);
  await written(storage, {});
  t.same(done, [1, 2]);
  t.same(await contents(storage), ['1/1 payload of 1', '2/1 payload of 2', '3/2 three', '4/2 four']);
});

t.test('a read keeps to its bounds, but brings one entry at least', async (t) => {
  const storage = await open(newDisk(), { segmentBytes: 1000 });
  await written(storage, { entries: entries(1, 40, 1) });
  const one = (await storage.read(7, 7, 1e6))[0]!;
  const bytes = one.record.length;
  const indexes = async (from: number, to: number, max: number): Promise<number[]> =>
    (await storage.read(from, to, max)).map(({ index }) => index);
  t.same(await indexes(7, 7, 0), [7]);
  t.same(await indexes(2, 40, 3 * bytes), [2, 3, 4]);
  t.same((await indexes(1, 40, 1e6)).length, 40);
  t.same(await indexes(39, 99, 1e6), [39, 40]);
  t.same(await indexes(41, 99, 1e6), []);
});

t.test('writes that arrive while one is under way share the next write and sync', async (t) => {
  const counted = { write: 0, sync: 0 };
  const disk = newDisk();
  const storage = await open(disk);
  const { perform } = disk;
  disk.perform = function (operation, path, act, onFault) {
    if (operation === 'write' || operation === 'sync') counted[operation]++;
    return perform.call(disk, operation, path, act, onFault) as never;
  };
  const order: number[] = [];
  storage.write({ hardState: null, entries: [] }, () => order.push(0));
  t.same(order, [], 'nothing is done inside the call');
  await written(storage, {});
  for (let i = 1; i <= 50; i++) {
    storage.write({ hardState: null, entries: [entry(i, 1)] }, () => order.push(i));
    if (i === 20) while (counted.write === 0) await Promise.resolve();
  }
  await written(storage, {});
  t.same(
    order,
    Array.from({ length: 51 }, (_, i) => i),
  );
  t.same(counted, { write: 2, sync: 2 });
});

t.test('fsync: interval tells at once and syncs by the clock', async (t) => {
  const clock = new HandClock();
  const disk = newDisk();
  const storage = await open(disk, { fsync: 'interval', clock });
  await written(storage, { entries: entries(1, 3, 1) });
  t.equal((await open(disk.crashClone(0))).recovered.lastIndex, 0);
  t.equal(clock.waiting, 1);
  clock.fire();
  await written(storage, {});
  t.equal((await open(disk.crashClone(0))).recovered.lastIndex, 3);
});

t.test('fsync: never leaves it to the end', async (t) => {
  const clock = new HandClock();
  const disk = newDisk();
  const storage = await open(disk, { fsync: 'never', clock });
  await written(storage, { entries: entries(1, 3, 1) });
  t.equal(clock.waiting, 0);
  t.equal((await open(disk.crashClone(0))).recovered.lastIndex, 0);
  await storage.close();
  t.equal((await open(disk.crashClone(0))).recovered.lastIndex, 3);
});

for (const operation of ['write', 'sync'] as const) {
  t.test(`a failed ${operation} is told once, and nothing is done after it`, async (t) => {
    const disk = newDisk();
    const storage = await open(disk);
    await written(storage, { entries: entries(1, 3, 1) });
    const failures: string[] = [];
    const done: number[] = [];
    disk.device.fail({ operation, path: 'journal/', times: 1 });
    const failed = new Promise<void>((resolve) => {
      storage.onFailure((error) => {
        failures.push(error.message);
        resolve();
      });
    });
    storage.write({ hardState: null, entries: entries(4, 4, 1) }, () => done.push(1));
    storage.write({ hardState: null, entries: entries(5, 5, 1) }, () => done.push(2));
    await failed;
    storage.write({ hardState: null, entries: entries(6, 6, 1) }, () => done.push(3));
    await t.rejects(storage.writeIdentity(someIdentity));
    t.same(done, []);
    t.same(failures, [`${operation} journal/0000000000000001-00000001.log: EIO`]);
    await storage.close();
  });
}

t.test('a snapshot takes the place of the entries below it, but for a tail', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { segmentBytes: 500, retainBytes: 1500 });
  await written(storage, { entries: entries(1, 50, 1) });
  const before = (await disk.list('journal')).length;
  await storage.saveSnapshot(40, 1, chunksOf('first', 'second'), nothingLives);
  t.match(storage.snapshot, { index: 40, term: 1 });
  const left = (await disk.list('journal')).length;
  t.ok(left < before && left > 2, `${left} of ${before} segments are left`);
  t.same(await storage.read(1, 50, 1000), []);
  t.equal(storage.bytesSinceSnapshot, 10 * entry(50, 1).record.length);
  const again = await open(disk.crashClone(0), { segmentBytes: 500, retainBytes: 1500 });
  t.match(again.recovered, { snapshotIndex: 40, snapshotTerm: 1, lastIndex: 50 });
  t.ok(again.recovered.firstIndex > 1 && again.recovered.firstIndex < 41, 'a tail stays for followers a little behind');
  t.equal(await snapshotText(again), 'first|second');
  const reader = (await again.openSnapshot())!;
  await again.saveSnapshot(50, 1, [], nothingLives);
  t.equal(reader.info.index, 40);
  t.equal((await reader.read(0, 10)).length, 10, 'it is read to its end, whatever takes its place');
  t.equal((await reader.read(reader.info.bytes, 10)).length, 0);
  await reader.close();
  t.equal((await disk.crashClone(0).list('snapshot')).length, 1);
});

t.test('a snapshot from a leader replaces journal and snapshot', async (t) => {
  const leader = await open(newDisk('leader'));
  await written(leader, { entries: entries(1, 100, 2) });
  await leader.saveSnapshot(90, 2, chunksOf('the', 'state', ''), nothingLives);
  const disk = newDisk('follower');
  const follower = await open(disk, { segmentBytes: 300 });
  await written(follower, { entries: entries(1, 95, 1) });
  const receiver = await transfer(leader, follower);
  const hardState = { term: 2, votedFor: null, standing: 'voter' } as const;
  await follower.installSnapshot(receiver, hardState, nothingKept);
  t.equal(follower.bytesSinceSnapshot, 0);
  t.same(await contents(follower, 1), []);
  await written(follower, { entries: entries(91, 92, 2) });
  const again = await open(disk.crashClone(0), { segmentBytes: 300 });
  t.match(again.recovered, { hardState, snapshotIndex: 90, snapshotTerm: 2, firstIndex: 91, lastIndex: 92 });
  t.same(await contents(again, 91), ['91/2 payload of 91', '92/2 payload of 92']);
  t.equal(await snapshotText(again), 'the|state|');
});

t.test('entries that follow a snapshot are taken while it is being installed', async (t) => {
  const leader = await open(newDisk('leader'));
  await written(leader, { entries: entries(1, 90, 2) });
  await leader.saveSnapshot(90, 2, chunksOf('state'), nothingLives);
  const disk = newDisk('follower');
  const follower = await open(disk);
  await written(follower, { entries: entries(1, 40, 1) });
  const stale = written(follower, { entries: entries(41, 42, 1) });
  const installed = follower.installSnapshot(await transfer(leader, follower), null, nothingKept);
  const following = written(follower, { entries: entries(91, 92, 2) });
  t.same(await contents(follower, 91), ['91/2 payload of 91', '92/2 payload of 92']);
  await Promise.all([stale, installed, following]);
  const again = await open(disk.crashClone(0));
  t.match(again.recovered, { snapshotIndex: 90, firstIndex: 91, lastIndex: 92 });
  t.same(await contents(again, 91), ['91/2 payload of 91', '92/2 payload of 92']);
});

t.test('a received snapshot that is not whole is refused', async (t) => {
  const leader = await open(newDisk('leader'));
  await written(leader, { entries: entries(1, 10, 2) });
  await leader.saveSnapshot(9, 2, chunksOf('the', 'state'), nothingLives);
  const bytes = await (await leader.openSnapshot())!.read(0, 1e6);
  const disk = newDisk('follower');
  const follower = await open(disk);
  const damaged = bytes.slice();
  damaged[50]! ^= 4;
  for (const [index, sent] of [
    [9, bytes.subarray(0, -1)],
    [9, damaged],
    [8, bytes],
    [9, new Uint8Array(5)],
  ] as const) {
    const receiver = await follower.receiveSnapshot(index, 2, bytes.length);
    await receiver.write(sent);
    t.type(await receiver.finish(() => {}), 'string');
    await receiver.discard();
  }
  t.same(await disk.list('snapshot'), []);
});

t.test('what has arrived of a snapshot is there after a restart, until another one is received', async (t) => {
  const leader = await open(newDisk('leader'));
  await written(leader, { entries: entries(1, 10, 2) });
  await leader.saveSnapshot(9, 2, chunksOf('the', 'state'), nothingLives);
  const bytes = await (await leader.openSnapshot())!.read(0, 1e6);
  const disk = newDisk('follower');
  const begun = await (await open(disk)).receiveSnapshot(9, 2, bytes.length);
  await begun.write(bytes.subarray(0, 40));
  const follower = await open(disk);
  const receiver = await follower.receiveSnapshot(9, 2, bytes.length);
  t.equal(receiver.offset, 40);
  await receiver.write(bytes.subarray(40));
  const chunks: Uint8Array[] = [];
  t.equal(await receiver.finish((chunk) => chunks.push(chunk)), null);
  t.same(chunks.map(decodeText), ['the', 'state']);
  const other = await (await open(disk)).receiveSnapshot(12, 2, bytes.length);
  t.equal(other.offset, 0);
  t.equal((await disk.list('snapshot')).length, 1);
});

t.test('what has arrived of a snapshot that is overtaken goes at the next start', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await written(storage, { entries: entries(1, 10, 1) });
  await storage.receiveSnapshot(9, 1, 1000);
  await storage.saveSnapshot(9, 1, chunksOf('state'), nothingLives);
  await open(disk);
  t.same(await disk.list('snapshot'), ['0000000000000009-1.snap']);
});

t.test('no room for a snapshot is no failure of the storage', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await written(storage, { entries: entries(1, 3, 1) });
  disk.device.fail({ operation: 'write', path: 'snapshot/', code: 'ENOSPC' });
  await t.rejects(storage.saveSnapshot(2, 1, chunksOf('state'), nothingLives), { code: 'ENOSPC' });
  t.same(await disk.list('snapshot'), []);
  await written(storage, { entries: entries(4, 4, 1) });
  await storage.saveSnapshot(3, 1, chunksOf('state'), nothingLives);
  t.equal(await snapshotText(storage), 'state');
});

t.test('an entry larger than a segment gets one of its own', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { segmentBytes: 500 });
  const large = new Uint8Array(100_000).fill(65);
  await written(storage, {
    entries: [entry(1, 1), entry(2, 1, large), entry(3, 1), entry(4, 1, new Uint8Array(3000))],
  });
  const again = await open(disk.crashClone(0), { segmentBytes: 500 });
  t.equal((await disk.list('journal')).length, 4);
  const found = await again.read(1, 4, 1e6);
  t.same(
    found.map(({ record }) => record.length - 32),
    [12, 100_000, 12, 3000],
  );
});

t.test('a snapshot never outlives the journal that it stands for', async (t) => {
  const disk = newDisk();
  const options = { segmentBytes: 500, retainBytes: 0, fsync: 'interval', clock: new HandClock() } as const;
  const storage = await open(disk, options);
  for (let i = 1; i <= 22; i++) await written(storage, { entries: entries(i, i, 1) });
  await storage.saveSnapshot(20, 1, chunksOf('state'), nothingLives);
  const again = await open(disk.crashClone(0), options);
  t.match(again.recovered, { snapshotIndex: 20, lastIndex: 22 }, 'records up to it may be in the journal alone');
});

t.test('what a failed sync has left in the page cache alone is written once more at the next start', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await written(storage, {
    hardState: { term: 1, votedFor: 'a' as NodeId, standing: 'voter' },
    entries: entries(1, 2, 1),
  });
  disk.device.fail({ operation: 'sync', path: 'journal' });
  await t.rejects(written(storage, { entries: entries(3, 9, 1, new Uint8Array(3000)) }), { code: 'EIO' });
  // The process ends and another begins; then the power fails.
  const again = await open(disk);
  t.equal(again.recovered.lastIndex, 9);
  t.equal((await open(disk.crashClone(0))).recovered.lastIndex, 9);
  disk.device.fail({ operation: 'sync', path: 'hard-state' });
  const hardState = { term: 2, votedFor: 'b' as NodeId, standing: 'voter' } as const;
  await t.rejects(written(again, { hardState }), { code: 'EIO' });
  t.same((await open(disk)).recovered.hardState, hardState);
  t.same((await open(disk.crashClone(0))).recovered.hardState, hardState);
});

t.test('a read brings what stands in front of damage, and says what is damaged when asked for it', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await written(storage, { entries: entries(1, 9, 1) });
  const [name] = await disk.list('journal');
  const path = `journal/${name}`;
  const at = Buffer.from(disk.device.contentOf(path)).indexOf('payload of 5');
  disk.device.rot(path, at);
  t.same(
    (await storage.read(2, 9, 1e6)).map(({ index }) => index),
    [2, 3, 4],
  );
  await t.rejects(storage.read(5, 9, 1e6), { name: 'CorruptionError', file: path, offset: at - 32 });
  t.same(
    (await storage.read(6, 9, 1e6)).map(({ index }) => index),
    [6, 7, 8, 9],
  );
  // A bad sector takes its neighbours with it, but not what is read by itself.
  disk.device.fail({ operation: 'read', path });
  t.same(
    (await storage.read(6, 9, 1e6)).map(({ index }) => index),
    [6, 7, 8, 9],
  );
  disk.device.fail({ operation: 'read', path, times: 2 });
  await t.rejects(storage.read(6, 9, 1e6), { name: 'CorruptionError', detail: 'the disk can not read it' });
});
