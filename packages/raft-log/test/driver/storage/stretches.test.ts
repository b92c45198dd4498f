import t from 'tap';

import { LiveSet } from '../../../src/driver/live-set.ts';
import { parseRecords } from '../../../src/driver/storage/index.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import type { Entry } from '../../../src/node/index.ts';
import { entries, entry, newDisk, open, textOf, written } from './harness.ts';

const options = { segmentBytes: 1000, retainBytes: 0 };

function stretchOf(records: readonly Entry[]): Uint8Array {
  return Buffer.concat(records.map(({ record }) => record));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** What `readLive` gives of these positions, and what it says is missing. */
async function served(storage: Storage, positions: readonly number[]): Promise<[string[], readonly number[]]> {
  const live = new LiveSet();
  for (const position of positions) live.retain(position);
  const { bytes, missing } = await storage.readLive(live, 1, 100_000_000_000, 1e6);
  return [parseRecords(bytes).map(textOf), missing];
}

function textsOf(...positions: number[]): string[] {
  return positions.map((position) => `${position}/1 payload of ${position}`);
}

t.test('stretches are stored as they are, in files of bounded length', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, options);
  const far = 60_000_000_000;
  const large = [entry(70, 1, new Uint8Array(100_000)), entry(71, 1, new Uint8Array(100_000))];
  await storage.addStretches([stretchOf(entries(1, 60, 1)), stretchOf([entry(65, 1), entry(far, 1)]), stretchOf([])]);
  const lengths = (await disk.list('records')).map((name) => disk.device.contentOf(`records/${name}`).length);
  t.ok(lengths.length >= 4, `${lengths.length} files`);
  t.ok(Math.max(...lengths) <= 1000 + 32 + 21 * 8, `the longest has ${Math.max(...lengths)} bytes`);
  await storage.addStretches([stretchOf(large)]);
  const again = await open(disk.crashClone(0), options);
  const all = [...range(1, 60), 65, far];
  for (const one of [storage, again]) {
    t.same(await served(one, all), [textsOf(...all), []]);
    const read = await one.readRecords([70, 71]);
    t.same(
      read.map((found) => (found !== 'missing' && 'record' in found ? found.record : found)),
      large.map(({ record }) => record),
    );
  }
});

t.test('of a file, only what lives goes out', async (t) => {
  const storage = await open(newDisk(), { ...options, segmentBytes: 64 * 1024 });
  await storage.addStretches([stretchOf(entries(1, 60, 1))]);
  const living = [2, 3, 9, 10, 11, 40, 60];
  t.same(await served(storage, living), [textsOf(...living), []]);
});

t.test(
  'a damaged record among intact ones comes from another copy, in its place; without one it is missing',
  async (t) => {
    const disk = newDisk();
    const storage = await open(disk, { ...options, segmentBytes: 64 * 1024 });
    const rotLast = async (position: number): Promise<void> => {
      // By the serial at the end of its name.
      const [name] = (await disk.list('records')).toSorted((one, other) =>
        one.slice(-14) < other.slice(-14) ? 1 : -1,
      );
      // Records of one size, behind a header of 32 bytes.
      disk.device.rot(`records/${name}`, 32 + (position - 11) * entry(11, 1).record.length + 35);
    };
    await storage.addStretches([stretchOf(entries(11, 20, 1))]);
    await rotLast(14);
    t.same(await served(storage, range(11, 20)), [textsOf(11, 12, 13, 15, 16, 17, 18, 19, 20), [14]]);
    t.equal(storage.holds(14, 100), false, 'it is known from now on');
    await storage.addStretches([stretchOf([entry(14, 1)])]);
    t.same(await served(storage, range(11, 20)), [textsOf(...range(11, 20)), []]);
    await storage.addStretches([stretchOf(entries(11, 20, 1))]);
    await rotLast(17);
    t.same(await served(storage, range(11, 20)), [textsOf(...range(11, 20)), []]);
  },
);

t.test('what is on its way to the disk goes before what lies there', async (t) => {
  const storage = await open(newDisk(), options);
  await written(storage, { entries: entries(1, 10, 1) });
  const write = written(storage, { entries: [entry(9, 2, 'another'), entry(10, 2, 'new')] });
  t.same(await served(storage, [8, 9, 10]), [['8/1 payload of 8', '9/2 another', '10/2 new'], []]);
  await write;
  t.same(await served(storage, [8, 9, 10]), [['8/1 payload of 8', '9/2 another', '10/2 new'], []]);
});
