import { SimDisk, SimRandom } from '@lockstep/testkit';
import type { SimDevice } from '@lockstep/testkit';
import { silentLog } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { makeConfigurationEntry, openStorage } from '../../../src/driver/storage/index.ts';
import { CorruptionError, nothingLives } from '../../../src/driver/storage-types.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import { configurationOf } from '../../../src/node/index.ts';
import { chunksOf, contents, entries, entry, HandClock, newDisk, open, someIdentity, written } from './harness.ts';

/*
 * A member of several: what is damaged on its disk is cut off and comes from the others. It has no vote from before the cut on, since it may have
 * acknowledged what is gone.
 */
const member = { alone: false, segmentBytes: 1000, retainBytes: 0 } as const;
const vote = { term: 7, votedFor: 'a' as never, standing: 'voter' } as const;

/** Thirty entries of term 1, a write each, in segments of nine. */
async function thirty(disk: SimDisk): Promise<Storage> {
  const storage = await open(disk, member);
  await written(storage, { hardState: { ...vote, term: 6 } });
  await written(storage, { hardState: vote });
  for (let i = 1; i <= 30; i++) await written(storage, { entries: [entry(i, 1)] });
  await storage.writeIdentity(someIdentity);
  return storage;
}

async function segmentsOf(disk: SimDisk): Promise<string[]> {
  return (await disk.list('journal')).toSorted().map((name) => `journal/${name}`);
}

async function overwrite(disk: SimDisk, path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'update');
  await file.write([bytes], offset);
  await file.sync();
  await file.close();
}

t.test('damage in the log is cut off with all that is behind it, and the vote is gone before', async (t) => {
  const disk = newDisk();
  await thirty(disk);
  const segments = await segmentsOf(disk);
  t.equal(segments.length, 4);
  // The fourth write of the second segment.
  disk.device.rot(segments[1]!, 64 + 3 * 96 + 40);
  const storage = await open(disk, member);
  t.match(storage.recovered, { firstIndex: 1, lastIndex: 12, hardState: { ...vote, standing: 'abstaining' } });
  t.match(storage.damages, [
    { file: segments[1], offset: 64 + 3 * 96 + 32, detail: `a record's checksum does not match its bytes` },
  ]);
  t.same(await segmentsOf(disk), segments.slice(0, 2));
  await written(storage, { entries: [entry(13, 7)] });
  const again = await open(disk.crashClone(0), member);
  t.same((await contents(again)).slice(-2), ['12/1 payload of 12', '13/7 payload of 13']);
  t.same(again.damages, []);
  t.equal(again.recovered.hardState.standing, 'abstaining');
});

t.test('a segment that does not say what it is goes with all behind it', async (t) => {
  const disk = newDisk();
  await thirty(disk);
  const segments = await segmentsOf(disk);
  for (const [i, lastIndex] of [
    [2, 18],
    [0, 0],
  ] as const) {
    const clone = disk.crashClone(1);
    clone.device.rot(segments[i]!, 30);
    const storage = await open(clone, member);
    t.match(storage.recovered, { lastIndex, hardState: { standing: 'abstaining' } });
    await written(storage, { entries: [entry(lastIndex + 1, 7)] });
    t.equal((await open(clone.crashClone(0), member)).recovered.lastIndex, lastIndex + 1);
  }
});

t.test('missing files', async (t) => {
  const disk = newDisk();
  await thirty(disk);
  const segments = await segmentsOf(disk);
  const without = async (...paths: string[]): Promise<Storage> => {
    const clone = disk.crashClone(1);
    for (const path of paths) await clone.remove(path);
    return open(clone, member);
  };
  const abstaining = { standing: 'abstaining' };
  t.match((await without(segments[0]!)).recovered, { lastIndex: 0, firstIndex: 1, hardState: abstaining });
  t.match((await without(segments[1]!)).recovered, { lastIndex: 9, hardState: abstaining });
  t.match((await without(...segments)).recovered, { lastIndex: 0, hardState: abstaining });
  t.match(
    (await without('hard-state')).recovered,
    { lastIndex: 30, hardState: { term: 1, votedFor: null, standing: 'abstaining' } },
    'a vote that is forgotten must not be given again',
  );
});

t.test('a log that can’t be read by the disk is damaged', async (t) => {
  const disk = newDisk();
  await thirty(disk);
  const segments = await segmentsOf(disk);
  disk.device.fail({ operation: 'size', path: segments[2]! });
  const storage = await open(disk, member);
  t.match(storage.recovered, { lastIndex: 18, hardState: { standing: 'abstaining' } });
  t.match(storage.damages, [{ file: segments[2], detail: 'the disk can not read it' }]);
});

t.test('a damaged snapshot goes, and the log that follows it', async (t) => {
  const disk = newDisk();
  const storage = await thirty(disk);
  await storage.saveSnapshot(20, 1, chunksOf('the', 'state'), nothingLives);
  await storage.addRecords(entries(3, 3, 1));
  const [name] = await disk.list('snapshot');
  // In the middle: both ends are intact.
  disk.device.rot(`snapshot/${name}`, 32 + 16 + 1);
  const again = await open(disk, member);
  t.equal(again.snapshot, null);
  t.match(again.recovered, { snapshotIndex: 0, firstIndex: 1, lastIndex: 0, hardState: { standing: 'abstaining' } });
  t.equal(again.holds(3, 0), true, 'what is known to be committed stays');
  t.same((await open(disk.crashClone(0), member)).damages, []);
});

t.test('a snapshot that can’t be read by the disk is damaged', async (t) => {
  const disk = newDisk();
  const storage = await thirty(disk);
  await storage.saveSnapshot(20, 1, chunksOf('the', 'state'), nothingLives);
  disk.device.fail({ operation: 'read', path: 'snapshot/', times: 10 });
  const again = await open(disk, member);
  t.equal(again.snapshot, null);
  t.match(again.damages, [{ detail: 'the disk can not read it' }]);
  t.equal(again.recovered.hardState.standing, 'abstaining');
});

t.test('whichever bit is flipped: what is found is a part of what was there, and less of it has no vote', async (t) => {
  const random = new SimRandom('bits');
  const disk = newDisk();
  const storage = await thirty(disk);
  await storage.saveSnapshot(12, 1, chunksOf('the', 'state'), nothingLives);
  const truth = await contents(storage, storage.recovered.firstIndex + 9);
  const files = ['hard-state', ...(await segmentsOf(disk)), `snapshot/${(await disk.list('snapshot'))[0]}`];
  const counts = { whole: 0, less: 0 };
  for (const path of files) {
    const size = disk.device.contentOf(path).length;
    for (let offset = 0; offset < size; offset += 1 + random.below(24)) {
      const clone = disk.crashClone(1);
      clone.device.rot(path, offset, 1 << random.below(8));
      const found = await open(clone, member).catch((error: unknown) => error as Error);
      if (found instanceof Error) {
        t.fail(`${path} at ${offset}: ${found.stack}`);
        return;
      }
      const log = await contents(found, 13);
      const { snapshotIndex, lastIndex, hardState } = found.recovered;
      const isPrefix = log.every((text) => truth.includes(text));
      const whole = snapshotIndex === 12 && lastIndex === 30 && path !== 'hard-state';
      if (whole) counts.whole++;
      else counts.less++;
      const rightly =
        whole || hardState.standing === 'abstaining' || (path === 'hard-state' && found.damages.length === 0);
      if (isPrefix && rightly) continue;
      t.fail(`${path} at ${offset}: ${JSON.stringify(found.recovered)}`);
      return;
    }
  }
  t.ok(counts.less > 80, JSON.stringify(counts));
});

/** Damages something, and lets the power fail at some step of the start that finds it. */
async function crashWhileCutting(seed: number): Promise<string | null> {
  const random = new SimRandom(seed);
  const disk = newDisk(seed);
  const storage = await thirty(disk);
  if (random.chance(0.5)) await storage.saveSnapshot(random.pick([5, 20]), 1, chunksOf('state'), nothingLives);
  const segments = await segmentsOf(disk);
  const path = random.pick(segments);
  await overwrite(disk, path, random.below(disk.device.contentOf(path).length - 4), new Uint8Array([1, 2, 3, 4]));
  const expected = await open(disk.crashClone(1), member);
  let operations = 0;
  const crashAt = 1 + random.below(80);
  const device = disk.device.crashClone(1);
  const crashed = new Promise<SimDevice>((resolve) => {
    const dying = new SimDisk(device, (_operation, run) => {
      queueMicrotask(() => {
        operations++;
        if (operations < crashAt) run();
        if (operations === crashAt) resolve(device.crashClone());
      });
    });
    void open(dying, member).then(() => resolve(device.crashClone()));
  });
  const found = await open(new SimDisk(await crashed), member);
  const { recovered } = found;
  if (recovered.lastIndex !== expected.recovered.lastIndex) return `${JSON.stringify(recovered)} at ${crashAt}`;
  const { standing } = expected.recovered.hardState;
  return recovered.hardState.standing === standing
    ? null
    : `${JSON.stringify(recovered)} at ${crashAt}, not ${standing}`;
}

t.test('a crash while the damage is cut off leads to the same end', async (t) => {
  for (let seed = 1; seed <= 120; seed++) {
    const complaint = await crashWhileCutting(seed).catch((error: Error) => error.stack ?? error.message);
    if (complaint === null) continue;
    t.fail(`seed ${seed}: ${complaint}`);
    return;
  }
  t.pass('120 crashes');
});

t.test('alone, a node does not start with damage', async (t) => {
  const disk = newDisk();
  await thirty(disk);
  disk.device.rot((await segmentsOf(disk))[1]!, 64 + 3 * 96 + 40);
  await t.rejects(open(disk, { ...member, alone: true }), CorruptionError);
  t.equal((await segmentsOf(disk)).length, 4, 'and changes nothing');
});

t.test('whether a node is alone, the newest configuration says, else its identity', async (t) => {
  const a = 'a' as NodeId;
  const others = ['a', 'b'] as NodeId[];
  const found = async (founders: NodeId[], later: NodeId[] | null): Promise<string> => {
    const disk = newDisk();
    const storage = await open(disk, member);
    await storage.writeIdentity({ ...someIdentity, node: a, members: founders });
    await written(storage, { entries: [entry(1, 1)] });
    if (later !== null) {
      await written(storage, { entries: [makeConfigurationEntry(2, 1, { ...configurationOf(later), level: 2 })] });
    }
    for (let i = storage.recovered.lastIndex + (later === null ? 2 : 3); i <= 9; i++) {
      await written(storage, { entries: [entry(i, 1)] });
    }
    const [path] = await segmentsOf(disk);
    disk.device.rot(path!, disk.device.contentOf(path!).length - 40);
    const options = {
      log: silentLog,
      clock: new HandClock(),
      segmentBytes: 1000,
      retainBytes: 0,
      fsync: 'always',
    } as const;
    return openStorage({ disk, ...options }).then(
      ({ recovered }) => recovered.hardState.standing,
      (error: Error) => error.name,
    );
  };
  t.equal(await found([a], null), 'CorruptionError');
  t.equal(await found(others, null), 'abstaining');
  t.equal(await found([], null), 'abstaining', 'it joined others');
  t.equal(await found([a], others), 'abstaining', 'it was joined by others');
  t.equal(await found(others, [a]), 'CorruptionError', 'the others have left');
});

t.test('who was left alone keeps a snapshot, a term and a vote that are damaged: nobody else has them', async (t) => {
  const a = 'a' as NodeId;
  const left = { ...configurationOf([a]), level: 2 };
  const shrunk = async (configurationIndex: number): Promise<SimDisk> => {
    const disk = newDisk();
    const storage = await open(disk, member);
    await storage.writeIdentity({ ...someIdentity, node: a });
    await written(storage, { hardState: { ...vote, term: 6 } });
    await written(storage, { hardState: vote });
    for (let i = 1; i <= 30; i++) {
      const one = i === configurationIndex ? makeConfigurationEntry(i, 1, left) : entry(i, 1);
      await written(storage, { entries: [one] });
    }
    const configuration = configurationIndex > 20 ? null : { index: configurationIndex, configuration: left };
    await storage.saveSnapshot(20, 1, chunksOf('the', 'state'), nothingLives, configuration);
    return disk;
  };
  const started = async (disk: SimDisk): Promise<string> => {
    const settings = { segmentBytes: 1000, retainBytes: 0, fsync: 'always' } as const;
    try {
      const storage = await openStorage({ disk, log: silentLog, clock: new HandClock(), ...settings });
      // As a start does.
      await storage.loadSnapshot(() => {});
      return storage.recovered.hardState.standing;
    } catch (error) {
      return (error as Error).name;
    }
  };
  // In the log, and in the snapshot only.
  for (const configurationIndex of [25, 2]) {
    const disk = await shrunk(configurationIndex);
    t.equal(await started(disk.crashClone(1)), 'voter');
    const snapshot = `snapshot/${(await disk.list('snapshot'))[0]}`;
    for (const [path, offset] of [
      [snapshot, disk.device.contentOf(snapshot).length - 50],
      // Its chunk 0: all else that says it has left the log.
      [snapshot, 40],
      ['hard-state', 20],
      // The second write, in front of the entry that says it.
      [(await segmentsOf(disk))[0]!, 64 + 96 + 40],
    ] as const) {
      if (path.startsWith('journal') && configurationIndex < 20) continue;
      const clone = disk.crashClone(1);
      clone.device.rot(path, offset);
      const damaged = Buffer.from(clone.device.contentOf(path));
      t.equal(await started(clone), 'CorruptionError', `${path}, ${configurationIndex}`);
      t.same(Buffer.from(clone.device.contentOf(path)), damaged, 'and it is as it was');
    }
  }
});

t.test('who founded alone and was joined since has others for a snapshot that is damaged', async (t) => {
  const a = 'a' as NodeId;
  const joined = { index: 2, configuration: { ...configurationOf([a, 'b' as NodeId]), level: 2 } };
  const disk = newDisk();
  const storage = await open(disk, member);
  await storage.writeIdentity({ ...someIdentity, node: a, members: [a] });
  for (let i = 1; i <= 30; i++) await written(storage, { entries: [entry(i, 1)] });
  await storage.saveSnapshot(20, 1, chunksOf('the', 'state'), nothingLives, joined);
  const path = `snapshot/${(await disk.list('snapshot'))[0]}`;
  disk.device.rot(path, disk.device.contentOf(path).length - 34);
  const again = await openStorage({
    ...{ disk, log: silentLog, clock: new HandClock(), segmentBytes: 1000, retainBytes: 0, fsync: 'always' },
  });
  t.equal(again.snapshot, null);
  t.equal(again.recovered.hardState.standing, 'abstaining');
});

t.test('the identity says who the members are when the entry that says it is damaged', async (t) => {
  const a = 'a' as NodeId;
  const disk = newDisk();
  const storage = await open(disk, member);
  await storage.writeIdentity({ ...someIdentity, node: a });
  for (let i = 1; i <= 6; i++) await written(storage, { entries: [entry(i, 1)] });
  const left = { index: 7, configuration: { ...configurationOf([a]), level: 2 } };
  await written(storage, { entries: [makeConfigurationEntry(7, 1, left.configuration)] });
  await storage.followMembers(left);
  t.match(storage.identity, { members: [a], membersAt: 7 });
  await written(storage, { entries: [entry(8, 1)] });
  const [path] = await segmentsOf(disk);
  disk.device.rot(path!, 64 + 6 * 96 + 40);
  const options = { log: silentLog, clock: new HandClock(), segmentBytes: 1000, fsync: 'always' } as const;
  await t.rejects(openStorage({ disk, ...options }), CorruptionError);
});

t.test('what is in the log counts when it is newer than the identity', async (t) => {
  const a = 'a' as NodeId;
  const disk = newDisk();
  const storage = await open(disk, member);
  await storage.writeIdentity({ ...someIdentity, node: a });
  const alone = { ...configurationOf([a]), level: 2 };
  await written(storage, { entries: [makeConfigurationEntry(1, 1, alone)] });
  await storage.followMembers({ index: 1, configuration: alone });
  await written(storage, { entries: [makeConfigurationEntry(2, 1, { ...alone, learners: ['b' as NodeId] })] });
  for (let i = 3; i <= 6; i++) await written(storage, { entries: [entry(i, 1)] });
  const [path] = await segmentsOf(disk);
  disk.device.rot(path!, disk.device.contentOf(path!).length - 100);
  const options = { log: silentLog, clock: new HandClock(), segmentBytes: 1000, fsync: 'always' } as const;
  t.equal((await openStorage({ disk, ...options })).recovered.hardState.standing, 'abstaining');
});
