import { DiskError, silentLog } from '@lockstep/kernel';
import type { Disk, DiskFile } from '@lockstep/kernel';
import type { SimDisk } from '@lockstep/testkit';
import t from 'tap';

import { LiveSet } from '../../../src/driver/live-set.ts';
import type { LivePositions } from '../../../src/driver/live-set.ts';
import { parseRecords } from '../../../src/driver/storage/index.ts';
import type { RecordDamage, RecordRead, Storage } from '../../../src/driver/storage-types.ts';
import { nothingLives } from '../../../src/driver/storage-types.ts';
import { chunksOf, contents, entries, entry, newDisk, open, transfer, written } from './harness.ts';

const noPace = (): Promise<void> => Promise.resolve();
const options = { segmentBytes: 1000, retainBytes: 0 };

function liveAt(...positions: number[]): LiveSet {
  const live = new LiveSet();
  for (const position of positions) live.retain(position);
  return live;
}

/** Sixty entries in segments of about a dozen, each in a write of its own. */
async function sixty(disk: SimDisk): Promise<Storage> {
  const storage = await open(disk, options);
  for (let i = 1; i <= 60; i++) await written(storage, { entries: [entry(i, 1)] });
  return storage;
}

function told(read: RecordRead): string {
  if (read === 'missing') return read;
  if (!('record' in read)) return `damaged in ${read.file.split('/')[0]}`;
  return `${read.index} ${new TextDecoder().decode(read.record.subarray(32))}`;
}

async function texts(storage: Storage, ...positions: number[]): Promise<string[]> {
  return (await storage.readRecords(positions)).map(told);
}

t.test('segments with live records leave the log for the record store, the others go', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  const segments = (await disk.list('journal')).toSorted();
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 5, 50));
  t.same(await storage.read(1, 60, 1e6), [], 'the log begins behind them');
  t.same(await texts(storage, 50, 2, 58, 5), [
    '50 payload of 50',
    '2 payload of 2',
    '58 payload of 58',
    '5 payload of 5',
  ]);
  t.same(await texts(storage, 25, 61), ['missing', 'missing'], 'nobody needs 25, and so nobody kept its segment');
  const retired = (await disk.list('records')).toSorted();
  t.same(retired, [segments[0], `${segments[0]}.idx`, segments[5], `${segments[5]}.idx`]);
  const again = await open(disk.crashClone(0), options);
  t.equal(again.recovered.firstIndex, 55);
  t.same(await texts(again, 2, 50, 60), ['2 payload of 2', '50 payload of 50', '60 payload of 60']);
});

t.test('what was replaced in a segment never comes back with it', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, options);
  await written(storage, { entries: entries(1, 11, 1) });
  await written(storage, { entries: [entry(9, 2, 'another'), entry(10, 2, 'new'), ...entries(11, 30, 2)] });
  await storage.saveSnapshot(28, 2, chunksOf('state'), liveAt(3, 9, 10));
  t.same(await texts(storage, 3, 9, 10), ['3 payload of 3', '9 another', '10 new']);
  for (const name of await disk.list('records')) if (name.endsWith('.idx')) await disk.remove(`records/${name}`);
  const again = await open(disk, options);
  t.same(await texts(again, 3, 9, 10), ['3 payload of 3', '9 another', '10 new'], 'not even when the tables are lost');
});

t.test('a table that is lost or damaged is made anew', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 5, 50));
  await storage.addRecords(entries(70, 80, 1));
  const names = (await disk.list('records')).toSorted();
  disk.device.rot(`records/${names[1]}`, 40);
  await disk.remove(`records/${names[3]}`);
  const store = `records/${names[4]}`;
  disk.device.rot(store, disk.device.contentOf(store).length - 50);
  const again = await open(disk, options);
  t.same(await texts(again, 2, 50, 75), ['2 payload of 2', '50 payload of 50', '75 payload of 75']);
  t.same((await disk.list('records')).toSorted(), names);
});

t.test('records that came from elsewhere stay, in whatever order and however often', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, options);
  t.equal(storage.holds(7, 100), false);
  await storage.addRecords([entry(9, 1), entry(7, 1), entry(9, 1), ...entries(1000, 1060, 3)]);
  await storage.addRecords([entry(8, 1), entry(7, 1)]);
  t.equal(storage.holds(7, 0), true);
  const again = await open(disk.crashClone(0), options);
  t.same(await texts(again, 7, 8, 9, 10, 1000, 1060), [
    '7 payload of 7',
    '8 payload of 8',
    '9 payload of 9',
    'missing',
    '1000 payload of 1000',
    '1060 payload of 1060',
  ]);
  t.ok(again.records.files.length > 3, 'in files of bounded length');
});

t.test('a log that may not be committed is not held', async (t) => {
  const storage = await sixty(newDisk());
  t.same([storage.holds(40, 40), storage.holds(41, 40)], [true, false]);
});

t.test('damage is told, and another copy takes the place of what is damaged', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 5, 50));
  const [name] = (await disk.list('records')).toSorted();
  disk.device.rot(`records/${name}`, 64 + 32 + 40);
  const [damage] = await storage.readRecords([1]);
  t.same(damage, {
    position: 1,
    file: `records/${name}`,
    offset: 64 + 32,
    detail: `a record's checksum does not match its bytes`,
  });
  t.equal(storage.holds(1, 100), false);
  t.match(storage.records.files[0], { damagedCount: 1, kind: 'segment', firstPosition: 1 });
  await storage.addRecords([entry(1, 1)]);
  t.same(await texts(storage, 1, 2), ['1 payload of 1', '2 payload of 2']);
  t.same(await texts(await open(disk, options), 1), ['1 payload of 1'], 'found anew after a start');
});

t.test('a disk that can’t read a file has damaged it', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 5, 50));
  disk.device.fail({ operation: 'read', path: 'records/0000000000000001-', times: 3 });
  t.same(await texts(storage, 2, 50), ['damaged in records', '50 payload of 50']);
  disk.device.fail({ operation: 'read', path: 'journal/', times: 2 });
  t.same(await texts(storage, 60), ['damaged in journal']);
});

t.test('what was only read wrongly is intact when it is read again', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(30, 1, chunksOf('state'), liveAt(2, 5));
  const [file] = storage.records.files;
  for (const misdirected of [true, false]) {
    for (const part of ['log', 'store'] as const) {
      const path = part === 'log' ? 'journal/' : file!.path;
      const check = (): Promise<readonly RecordDamage[]> =>
        part === 'log' ? storage.checkLog(noPace) : storage.records.check(file!.id, () => true, noPace);
      // The scrubber reads a piece, and where that brings too little the record alone.
      disk.device.fail({ operation: 'read', path, misdirected, times: 2 });
      const damages = await check();
      const [first] = damages;
      t.ok(first !== undefined, `${part} ${misdirected}`);
      const { position } = first!;
      t.equal(storage.holds(position, 60), false);
      for (const one of damages) t.equal(await storage.reread(one.position), true);
      t.equal(storage.holds(position, 60), true);
      t.same(await texts(storage, position), [`${position} payload of ${position}`]);
      disk.device.clearFaults();
      t.same(await check(), []);
    }
  }
  disk.device.rot(file!.path, 64 + 32 + 40);
  t.match(await storage.records.check(file!.id, () => true, noPace), [{ position: 1 }]);
  t.equal(await storage.reread(1), false, 'damage is damage, however often it is read');
  t.equal(storage.holds(1, 60), false);
  t.equal(await storage.reread(2), false, 'what was never found damaged is not read');
});

t.test('the live records of a range, as many as fit', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  const live: LivePositions = liveAt(2, 5, 30, 50, 58, 90);
  await storage.saveSnapshot(55, 1, chunksOf('state'), live);
  const read = async (from: number, to: number, bytesMax: number): Promise<unknown[]> => {
    const { bytes, next, missing } = await storage.readLive(live, from, to, bytesMax);
    return [parseRecords(bytes).map(({ index }) => index), next, missing];
  };
  t.same(await read(1, 60, 1e6), [[2, 5, 30, 50, 58], 61, []]);
  t.same(await read(3, 60, 200), [[5, 30], 50, []]);
  t.same(await read(30, 60, 1), [[30], 50, []], 'one at least');
  t.same(await read(59, 100, 1e6), [[], 101, [90]]);
});

t.test('a rewrite keeps what is wanted, and gives back the rest of the room', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 14, 30, 50));
  const { records } = storage;
  const ids = records.files.map(({ id }) => id);
  t.equal(ids.length, 4);
  const wanted = (position: number): boolean => [2, 14, 50].includes(position);
  t.equal(records.recordBytes(ids[0]!, wanted), 96, 'the record, and what lies behind it');
  let paced = 0;
  const pace = async (bytes: number): Promise<void> => {
    paced += bytes;
    return Promise.resolve();
  };
  t.match(await records.rewrite(ids, wanted, pace), { kept: 3, damaged: [] });
  t.ok(paced > 0);
  t.same(await disk.list('records'), ['0000000000000002-0000000000000050-00000001.store']);
  t.same(await texts(storage, 2, 14, 30, 50), ['2 payload of 2', '14 payload of 14', 'missing', '50 payload of 50']);
  const again = await open(disk.crashClone(0), options);
  t.same(await texts(again, 2, 14, 50), ['2 payload of 2', '14 payload of 14', '50 payload of 50']);
  await again.records.rewrite([again.records.files[0]!.id], () => false, noPace);
  t.same(again.records.files, []);
  t.same(await texts(again, 2), ['missing']);
});

t.test('a rewrite leaves all as it is when it finds a wanted record damaged', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(1, 14));
  const names = (await disk.list('records')).toSorted();
  disk.device.rot(`records/${names[0]}`, 64 + 32 + 40);
  const ids = storage.records.files.map(({ id }) => id);
  t.match(await storage.records.rewrite(ids, (position) => position < 20, noPace), { kept: 0, damaged: [1] });
  t.same((await disk.list('records')).toSorted(), names);
  t.same(await texts(storage, 1, 14), ['damaged in records', '14 payload of 14']);
  await storage.addRecords([entry(1, 1)]);
  t.match(await storage.records.rewrite(ids, (position) => position < 20, noPace), { damaged: [] });
  t.same(await texts(storage, 1, 14), ['1 payload of 1', '14 payload of 14']);
});

t.test('a check finds what nobody has read yet', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(1, 2));
  const [name] = (await disk.list('records')).toSorted();
  const { id } = storage.records.files[0]!;
  t.same(await storage.records.check(id, () => true, noPace), []);
  disk.device.rot(`records/${name}`, 64 + 32 + 40);
  t.match(await storage.records.check(id, () => true, noPace), [{ position: 1, offset: 96 }]);
  t.same(await storage.records.check(id, (position) => position > 1, noPace), []);
});

t.test('a snapshot from a leader leaves what lives on of the committed log', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  const leader = await open(newDisk('leader'));
  await written(leader, { entries: entries(1, 90, 2) });
  await leader.saveSnapshot(90, 2, chunksOf('theirs'), nothingLives);
  const kept = { committedIndex: 50, live: liveAt(3, 49, 52, 80) };
  await storage.installSnapshot(await transfer(leader, storage), null, kept);
  for (const one of [storage, await open(disk.crashClone(0), options)]) {
    t.same(await contents(one), []);
    t.same(
      await texts(one, 3, 49, 52),
      ['3 payload of 3', '49 payload of 49', 'missing'],
      'the leader may have another entry 52',
    );
  }
});

t.test('what was read stays in memory, and so do its neighbours', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(1, 2, 50));
  t.equal(storage.cachedRecord(2), null);
  await storage.readRecords([1]);
  disk.device.fail({ operation: 'read', times: 100 });
  t.equal(told(storage.cachedRecord(2) ?? 'missing'), '2 payload of 2');
  t.same(await texts(storage, 2), ['2 payload of 2']);
  t.equal(storage.cachedRecord(50), null, 'that is in another file');
});

t.test('a segment that would have to be copied stays in the log while a live record in it is damaged', async (t) => {
  const disk = newDisk();
  const lines: string[] = [];
  const log = { ...silentLog, error: (text: string) => void lines.push(text) };
  const storage = await open(disk, { ...options, log });
  await written(storage, { entries: entries(1, 11, 1) });
  await written(storage, { entries: [entry(11, 2, 'another'), ...entries(12, 30, 2)] });
  disk.device.rot('journal/0000000000000001-00000001.log', 64 + 32 + 40);
  await storage.saveSnapshot(25, 2, chunksOf('state'), liveAt(1, 2));
  t.same(lines, [
    `journal/0000000000000001-00000001.log can't leave the log: the records of entries 1 in it are damaged`,
  ]);
  t.same(await texts(storage, 1, 2), ['damaged in journal', '2 payload of 2']);
  await storage.addRecords([entry(1, 1)]);
  await storage.saveSnapshot(28, 2, chunksOf('state'), liveAt(1, 2));
  t.ok(storage.recovered.firstIndex === 1 && (await storage.read(1, 30, 1e6)).length === 0, 'it has left');
  t.same(await texts(storage, 1, 2), ['1 payload of 1', '2 payload of 2']);
});

t.test('a full disk keeps nothing of what did not fit', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(1, 14, 30));
  const names = (await disk.list('records')).toSorted();
  const ids = storage.records.files.map(({ id }) => id);
  const { device } = disk;
  device.capacityBytes = device.usedBytes() + 1200;
  await t.rejects(storage.addRecords(entries(100, 160, 1)), { code: 'ENOSPC' });
  t.same((await disk.list('records')).toSorted(), names);
  await t.rejects(
    storage.records.rewrite(ids, () => true, noPace),
    { code: 'ENOSPC' },
  );
  t.same((await disk.list('records')).toSorted(), names);
  t.same(await texts(storage, 1, 14), ['1 payload of 1', '14 payload of 14']);
  device.capacityBytes = Infinity;
  t.match(await storage.records.rewrite(ids, (position) => position === 14, noPace), { kept: 1, damaged: [] });
});

t.test('a file that is rewritten while it is checked is not damaged', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(1, 2));
  const { id } = storage.records.files[0]!;
  const checked = storage.records.check(id, () => true, noPace);
  await storage.records.rewrite([id], (position) => position < 3, noPace);
  t.same(await checked, []);
  t.same(await texts(storage, 1, 2), ['1 payload of 1', '2 payload of 2']);
});

t.test('a file of which nothing can be read does not keep a node from starting', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 14, 30));
  await storage.addRecords([entry(90, 1)]);
  const [first, , second, , , , store] = (await disk.list('records')).toSorted();
  disk.device.fail({ operation: 'size', path: `records/${first}` });
  await disk.remove(`records/${second}.idx`);
  for (const name of [second!, store!]) {
    const file = await disk.open(`records/${name}`, 'update');
    await file.write([new Uint8Array(2000)], 0);
    await file.close();
  }
  const lines: string[] = [];
  const again = await open(disk, { ...options, log: { ...silentLog, error: (text) => void lines.push(text) } });
  t.same(await texts(again, 2, 14, 30, 90), ['missing', 'missing', '30 payload of 30', 'missing']);
  t.same(
    lines.map((line) => line.split('.')[0]),
    [first, second, store].map((name) => `records/${name!.split('.')[0]}`),
  );
});

t.test('who reads a file from one end to the other finds the next pieces in memory', async (t) => {
  const disk = newDisk();
  const large = { segmentBytes: 4 * 1024 * 1024, retainBytes: 0 };
  const storage = await open(disk, large);
  const body = new Uint8Array(16_000).fill(1);
  for (let i = 1; i <= 300; i++) await written(storage, { entries: [entry(i, 1, body)] });
  await storage.saveSnapshot(299, 1, chunksOf('state'), liveAt(1, 299), null);
  // A chunk holds sixteen of them.
  await storage.readRecords([3]);
  t.equal(storage.cachedRecord(40), null, 'one read says nothing about the next');
  await storage.readRecords([20]);
  await Promise.resolve(storage.readRecords([20]));
  for (let i = 0; i < 20; i++) await Promise.resolve();
  t.ok(storage.cachedRecord(40) !== null && storage.cachedRecord(90) !== null, 'four more chunks');
  t.equal(storage.cachedRecord(110), null, 'and no more than that');
  for (let i = 0; i < 20; i++) await Promise.resolve();
  t.ok(storage.cachedRecord(110) !== null && storage.cachedRecord(150) !== null, 'four behind the last that was found');
  t.equal(storage.cachedRecord(230), null, 'and no more than that');
});

t.test('a table that can’t be read by the disk costs no records', async (t) => {
  const disk = newDisk();
  const storage = await sixty(disk);
  await storage.saveSnapshot(55, 1, chunksOf('state'), liveAt(2, 30));
  const [table] = (await disk.list('records')).filter((name) => name.endsWith('.idx')).toSorted();
  disk.device.fail({ operation: 'read', path: `records/${table}` });
  t.same(await texts(await open(disk, options), 2, 30), ['2 payload of 2', '30 payload of 30']);
});

/** Nothing can be read that touches this byte of the files with that in their path. */
function withBadSpot(disk: Disk, inPath: string, spot: number): Disk {
  const spoiled = (file: DiskFile): DiskFile => ({
    size: () => file.size(),
    read: async (into, position) => {
      if (position <= spot && spot < position + into.length) throw new DiskError('EIO', 'read', inPath);
      return file.read(into, position);
    },
    write: (chunks, position) => file.write(chunks, position),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  });
  return {
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      return path.includes(inPath) ? spoiled(file) : file;
    },
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    space: () => disk.space(),
  };
}

t.test('a sector that can’t be read costs the record in it, and not those that are read with it', async (t) => {
  const disk = newDisk();
  const live = liveAt(2, 3, 4, 50);
  await (await sixty(disk)).saveSnapshot(55, 1, chunksOf('state'), live);
  // In the third write of the first segment.
  const storage = await open(withBadSpot(disk, 'records/0000000000000001-', 64 + 2 * 96 + 40), options);
  t.same(await texts(storage, 2, 3, 4), ['2 payload of 2', 'damaged in records', '4 payload of 4']);
  const ids = storage.records.files.map(({ id }) => id);
  const { damaged } = await storage.records.rewrite(ids, (position) => live.has(position), noPace);
  t.same(damaged, [3]);
});
