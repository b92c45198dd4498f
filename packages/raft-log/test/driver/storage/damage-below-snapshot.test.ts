import type { Disk } from '@lockstep/kernel';
import { SimDisk, SimRandom } from '@lockstep/testkit';
import type { SimDevice } from '@lockstep/testkit';
import t from 'tap';

import { LiveSet } from '../../../src/driver/live-set.ts';
import { CorruptionError, nothingLives } from '../../../src/driver/storage-types.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import { encodeWriteHeader } from '../../../src/driver/storage/segment-format.ts';
import { chunksOf, contents, entry, newDisk, open, snapshotText, textOf, written } from './harness.ts';

/*
 * What the newest snapshot stands for is kept as log for followers that are a little behind, and for its records. Damage there costs the records concerned.
 */
const member = { alone: false, segmentBytes: 1000, retainBytes: 1e6 } as const;
const vote = { term: 7, votedFor: 'a' as never, standing: 'voter' } as const;
const snapshotAt = 20;
const perSegment = 9;

/** Thirty entries of term 1, a write each, in segments of nine, and a snapshot of the first twenty. */
async function thirty(disk: SimDisk): Promise<string[]> {
  const storage = await open(disk, member);
  await written(storage, { hardState: vote });
  for (let i = 1; i <= 30; i++) await written(storage, { entries: [entry(i, 1)] });
  await storage.saveSnapshot(snapshotAt, 1, chunksOf('state'), nothingLives);
  return contents(storage);
}

async function segmentsOf(disk: SimDisk): Promise<string[]> {
  return (await disk.list('journal')).toSorted().map((name) => `journal/${name}`);
}

/** Where the write of that entry begins in its segment. */
const writeOf = (index: number): number => 64 + ((index - 1) % perSegment) * 96;
const segmentOf = (index: number): number => Math.floor((index - 1) / perSegment);

async function recordTexts(storage: Storage, from: number, to: number): Promise<string[]> {
  const positions = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const reads = await storage.readRecords(positions);
  return reads.map((read) => (read !== 'missing' && 'record' in read ? textOf(read) : 'none'));
}

t.test(
  'the log goes on behind it with the vote, and what is intact in front of it is in the record store',
  async (t) => {
    const disk = newDisk();
    const truth = await thirty(disk);
    const segments = await segmentsOf(disk);
    t.equal(segments.length, 4);
    const path = segments[segmentOf(13)]!;
    disk.device.rot(path, writeOf(13) + 40);
    const storage = await open(disk, member);
    t.match(storage.recovered, { snapshotIndex: 20, firstIndex: 14, lastIndex: 30, hardState: vote });
    t.match(storage.damages, [
      { file: path, offset: writeOf(13) + 32, detail: `a record's checksum does not match its bytes` },
    ]);
    t.same(await contents(storage, 14), truth.slice(13));
    t.equal(await snapshotText(storage), 'state');
    t.same(await recordTexts(storage, 1, 30), [...truth.slice(0, 12), 'none', ...truth.slice(13)]);
    t.same(
      [12, 13, 14].map((position) => storage.holds(position, 20)),
      [true, false, true],
    );

    await storage.addRecords([entry(13, 1)]);
    await written(storage, { entries: [entry(31, 7)] });
    const live = new LiveSet();
    for (let i = 1; i <= 28; i++) live.retain(i);
    await storage.close();
    const later = await open(disk, { ...member, retainBytes: 0 });
    t.equal(later.recovered.lastIndex, 31);
    await later.saveSnapshot(28, 1, chunksOf('later'), live);
    const again = await open(disk.crashClone(0), { ...member, retainBytes: 0 });
    t.same(again.damages, [], 'the damaged file has left the log');
    t.same(await recordTexts(again, 1, 30), truth, 'and every record is there');
  },
);

t.test(
  'whichever bit of the log is flipped: it costs the vote if it lies above the snapshot, and only then',
  async (t) => {
    const random = new SimRandom('bits below');
    const disk = newDisk();
    const truth = await thirty(disk);
    const counts = { kept: 0, lost: 0 };
    for (const [s, path] of (await segmentsOf(disk)).entries()) {
      const size = disk.device.contentOf(path).length;
      for (let offset = 0; offset < size; offset += 1 + random.below(12)) {
        const clone = disk.crashClone(1);
        clone.device.rot(path, offset, 1 << random.below(8));
        const { recovered } = await open(clone, member);
        // The header of a segment says only what goes before: the one in which the snapshot lies has entries below it.
        const index = s * perSegment + (offset < 64 ? 1 : 1 + Math.floor((offset - 64) / 96));
        const below = index <= snapshotAt;
        const whole = recovered.lastIndex === 30 && recovered.hardState.standing === 'voter';
        const less = recovered.lastIndex < 30 && recovered.hardState.standing === 'abstaining';
        if (below ? whole : less) {
          counts[below ? 'kept' : 'lost']++;
          continue;
        }
        t.fail(`${path} at ${offset}, entry ${index}: ${JSON.stringify(recovered)}`);
        return;
      }
    }
    t.equal(truth.length, 30);
    t.ok(counts.kept > 200 && counts.lost > 80, JSON.stringify(counts));
  },
);

t.test('missing segments below the snapshot', async (t) => {
  const disk = newDisk();
  const truth = await thirty(disk);
  const segments = await segmentsOf(disk);
  for (const gone of [[0], [1], [0, 1]]) {
    const clone = disk.crashClone(1);
    for (const i of gone) await clone.remove(segments[i]!);
    const storage = await open(clone, member);
    t.match(storage.recovered, { lastIndex: 30, hardState: vote }, `without ${gone.join(' and ')}`);
    t.same(await contents(storage, 21), truth.slice(20));
  }
  const clone = disk.crashClone(1);
  await clone.remove(segments[2]!);
  t.match((await open(clone, member)).recovered, { lastIndex: 20, hardState: { standing: 'abstaining' } });
});

t.test('a sector that can’t be read below the snapshot costs the records in it', async (t) => {
  const disk = newDisk();
  const large = new Uint8Array(5000).fill(120);
  const options = { ...member, segmentBytes: 1e6 };
  const storage = await open(disk, options);
  await written(storage, { hardState: vote });
  for (let i = 1; i <= 9; i++) await written(storage, { entries: [entry(i, 1, large)] });
  await storage.saveSnapshot(6, 1, chunksOf('state'), nothingLives);
  const truth = await contents(storage);
  const [path] = await segmentsOf(disk);
  const bad = 4096;
  const broken: Disk = {
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    space: () => disk.space(),
    open: async (name, mode) => {
      const file = await disk.open(name, mode);
      const read = (into: Uint8Array, position: number): Promise<number> => {
        const reached = position < bad + 512 && position + into.length > bad;
        if (name === path && reached) disk.device.fail({ operation: 'read', path: name });
        return file.read(into, position);
      };
      const { size, write, truncate, sync, close } = file;
      return {
        read,
        size: size.bind(file),
        write: write.bind(file),
        truncate: truncate.bind(file),
        sync: sync.bind(file),
        close: close.bind(file),
      };
    },
  };
  const again = await open(broken, options);
  t.match(again.recovered, { firstIndex: 3, lastIndex: 9, hardState: vote });
  t.same(await contents(again, 3), truth.slice(2));
});

t.test('what may have been replaced does not go to the record store', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, member);
  await written(storage, { hardState: vote });
  for (let i = 1; i <= 6; i++) await written(storage, { entries: [entry(i, 1, `old ${i}`)] });
  // Replaces three of them; the write that begins it is damaged.
  for (let i = 4; i <= 12; i++) await written(storage, { entries: [entry(i, 2, `new ${i}`)] });
  await storage.saveSnapshot(8, 2, chunksOf('state'), nothingLives);
  const [path] = await segmentsOf(disk);
  disk.device.rot(path!, 64 + 6 * 96 + 40);
  const again = await open(disk, member);
  t.match(again.recovered, { firstIndex: 5, lastIndex: 12, hardState: vote });
  t.same(await recordTexts(again, 4, 6), ['none', '5/2 new 5', '6/2 new 6']);
  const clone = disk.crashClone(0);
  const later = await open(clone, { ...member, retainBytes: 0 });
  const live = new LiveSet();
  for (const position of [4, 5, 6]) live.retain(position);
  await later.saveSnapshot(9, 2, chunksOf('state'), live);
  t.equal((await clone.list('journal')).length, 1, 'the damaged file has left the log');
  // Without tables, what was replaced must not come back from what is left of it.
  for (const name of await clone.list('records')) if (name.endsWith('.idx')) await clone.remove(`records/${name}`);
  t.same(await recordTexts(await open(clone, member), 4, 6), ['none', '5/2 new 5', '6/2 new 6']);
});

t.test('a body that looks like a write is not taken for one behind damage', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { ...member, segmentBytes: 1e6 });
  await written(storage, { hardState: vote });
  for (let i = 1; i <= 2; i++) await written(storage, { entries: [entry(i, 1)] });
  const { record } = entry(3, 1, 'forged');
  const body = Buffer.alloc(128);
  encodeWriteHeader(body, 1, writeOf(3) + 64, { syncedTo: 0, byteCount: record.length, zeroSectors: 0 });
  body.set(record, 32);
  for (let i = 3; i <= 9; i++) await written(storage, { entries: [entry(i, 1, i === 3 ? body : `payload of ${i}`)] });
  await storage.saveSnapshot(5, 1, chunksOf('state'), nothingLives);
  const [path] = await segmentsOf(disk);
  disk.device.rot(path!, writeOf(3) + 32 + 4);
  const again = await open(disk, { ...member, segmentBytes: 1e6 });
  t.match(again.recovered, { firstIndex: 4, lastIndex: 9, hardState: vote });
  t.same(await recordTexts(again, 3, 3), ['none']);
});

t.test('behind the snapshot’s own entry the log must be known to follow it', async (t) => {
  const standing = async (term: number): Promise<string> => {
    const disk = newDisk();
    const storage = await open(disk, member);
    await written(storage, { hardState: vote });
    for (let i = 1; i <= 8; i++) await written(storage, { entries: [entry(i, i <= 5 ? 1 : term)] });
    await storage.saveSnapshot(5, 1, chunksOf('state'), nothingLives);
    const [path] = await segmentsOf(disk);
    disk.device.rot(path!, writeOf(5) + 40);
    const { recovered } = await open(disk, member);
    return `${recovered.hardState.standing} up to ${recovered.lastIndex}`;
  };
  t.equal(await standing(1), 'voter up to 8');
  t.equal(await standing(2), 'abstaining up to 5', 'it may be what an interrupted installation left');
});

t.test('a log that differs from the snapshot is void, damaged or not', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, member);
  await written(storage, { hardState: vote });
  for (let i = 1; i <= 8; i++) await written(storage, { entries: [entry(i, 1)] });
  // As an installation leaves it that was interrupted before the log was begun anew.
  const other = newDisk(2);
  const leader = await open(other, member);
  for (let i = 1; i <= 6; i++) await written(leader, { entries: [entry(i, 3)] });
  await leader.saveSnapshot(6, 3, chunksOf('state'), nothingLives);
  const name = `snapshot/${(await other.list('snapshot'))[0]}`;
  const file = await disk.open(name, 'create');
  await file.write([other.device.contentOf(name)], 0);
  await file.sync();
  await file.close();
  await disk.syncDirectory('snapshot');
  disk.device.rot((await segmentsOf(disk))[0]!, writeOf(2) + 40);
  const { recovered } = await open(disk, member);
  t.match(recovered, { snapshotIndex: 6, firstIndex: 7, lastIndex: 6, hardState: vote });
});

/** Damages the log below the snapshot, and lets the power fail at some step of the start that finds it, or of the next snapshot. */
async function crashWhileKeeping(seed: number): Promise<string | null> {
  const random = new SimRandom(seed);
  const disk = newDisk(seed);
  const truth = await thirty(disk);
  const segments = await segmentsOf(disk);
  const index = 1 + random.below(19);
  disk.device.rot(segments[segmentOf(index)]!, writeOf(index) + random.below(80), 1 << random.below(8));
  const live = new LiveSet();
  for (let i = 1; i <= 25; i++) live.retain(i);
  let operations = 0;
  const crashAt = 1 + random.below(160);
  const device = disk.device.crashClone(1);
  const crashed = new Promise<SimDevice>((resolve) => {
    const dying = new SimDisk(device, (_operation, run) => {
      queueMicrotask(() => {
        operations++;
        if (operations < crashAt) run();
        if (operations === crashAt) resolve(device.crashClone());
      });
    });
    const work = async (): Promise<void> => {
      const storage = await open(dying, { ...member, retainBytes: 0 });
      await storage.saveSnapshot(25, 1, chunksOf('later'), live);
      resolve(device.crashClone());
    };
    void work();
  });
  const found = await open(new SimDisk(await crashed), member);
  const { lastIndex, hardState, snapshotIndex } = found.recovered;
  if (lastIndex !== 30 || hardState.standing !== 'voter') return `${JSON.stringify(found.recovered)} at ${crashAt}`;
  const log = await contents(found, snapshotIndex + 1);
  if (String(log) !== String(truth.slice(snapshotIndex))) return `${String(log)} at ${crashAt}`;
  const texts = await recordTexts(found, 1, 25);
  const wrong = texts.findIndex((text, i) => text !== truth[i] && i + 1 !== index);
  return wrong === -1 ? null : `record ${wrong + 1} is ${texts[wrong]!} at ${crashAt}, damaged was ${index}`;
}

t.test('a crash at any step leaves what there was', async (t) => {
  for (let seed = 1; seed <= 150; seed++) {
    const complaint = await crashWhileKeeping(seed).catch((error: Error) => error.stack ?? error.message);
    if (complaint === null) continue;
    t.fail(`seed ${seed}: ${complaint}`);
    return;
  }
  t.pass('150 crashes');
});

t.test('alone, a node does not start with it: nobody else has what is damaged', async (t) => {
  const disk = newDisk();
  await thirty(disk);
  const segments = await segmentsOf(disk);
  disk.device.rot(segments[1]!, writeOf(13) + 40);
  const before = segments.map((path) => Buffer.from(disk.device.contentOf(path)));
  await t.rejects(open(disk, { ...member, alone: true }), CorruptionError);
  t.same(
    segments.map((path) => Buffer.from(disk.device.contentOf(path))),
    before,
    'and changes nothing',
  );
});
