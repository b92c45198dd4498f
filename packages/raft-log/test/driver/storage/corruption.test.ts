import { SimRandom } from '@lockstep/testkit';
import type { SimDisk } from '@lockstep/testkit';
import t from 'tap';

import { CorruptionError, nothingLives } from '../../../src/driver/storage-types.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import { chunksOf, contents, entries, entry, newDisk, open, someIdentity, snapshotText, written } from './harness.ts';

const firstSegment = 'journal/0000000000000001-00000001.log';
const recordBytes = entry(1, 1).record.length;

/** Three writes of three entries each: entries 1 … 9. */
async function threeWrites(disk: SimDisk): Promise<Storage> {
  const storage = await open(disk);
  for (let i = 0; i < 3; i++) await written(storage, { entries: entries(3 * i + 1, 3 * i + 3, 1) });
  return storage;
}
const writeBytes = Math.ceil((32 + 3 * recordBytes) / 32) * 32;
const offsetOf = (index: number): number =>
  64 + Math.floor((index - 1) / 3) * writeBytes + 32 + ((index - 1) % 3) * recordBytes;

t.test('a damaged record in the middle is named, with file and offset', async (t) => {
  const disk = newDisk();
  await threeWrites(disk);
  const offset = offsetOf(5);
  disk.device.rot(firstSegment, offset + 33);
  const expected = {
    name: 'CorruptionError',
    file: firstSegment,
    offset,
    message:
      `journal/0000000000000001-00000001.log is damaged at byte ${offset}: a record's checksum does not match its bytes. ` +
      'This is not what a crash leaves behind, so the node does not start: entries that it acknowledged may be gone. ' +
      'If there are other members, move this data directory away and start the node empty: it fetches everything from them. ' +
      'If it is alone, "lockstep verify" says what is lost, and "lockstep repair" saves the rest.',
  };
  await t.rejects(open(disk), expected);
  const twice = await open(disk).catch((error: Error) => error.message);
  t.equal(twice, expected.message, 'and is not repaired behind anybody’s back');
});

/** The disk with some bytes of a file cleared, as they are before a sector is written. */
async function withZeros(disk: SimDisk, path: string, from: number, to: number): Promise<SimDisk> {
  const clone = disk.crashClone(1);
  const file = await clone.open(path, 'update');
  await file.write([new Uint8Array(to - from)], from);
  await file.sync();
  await file.close();
  return clone;
}

t.test('a missing sector is a torn write at the end, and corruption before it', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  const large = new Uint8Array(2000).fill(120);
  for (let i = 1; i <= 3; i++) await written(storage, { entries: entries(2 * i - 1, 2 * i, 1, large) });
  const second = 64 + Math.ceil((32 + 2 * 2032) / 32) * 32;
  const third = 2 * second - 64;
  const torn = await open(
    await withZeros(disk, firstSegment, Math.ceil(third / 512) * 512 + 512, Math.ceil(third / 512) * 512 + 1024),
  );
  t.equal(torn.recovered.lastIndex, 4, 'nobody was told that the last write is on disk, as far as can be seen');
  t.equal(disk.device.contentOf(firstSegment).length, 3 * (second - 64) + 64);
  const sector = Math.ceil(second / 512) * 512;
  await t.rejects(open(await withZeros(disk, firstSegment, sector + 512, sector + 1024)), {
    name: 'CorruptionError',
    file: firstSegment,
    offset: second + 32,
  });
  await storage.close();
  const closed = await withZeros(disk, firstSegment, Math.ceil(third / 512) * 512, Math.ceil(third / 512) * 512 + 512);
  await t.rejects(open(closed), { name: 'CorruptionError', offset: third + 32 }, 'after a clean end nothing is torn');
});

t.test('zeros that were written are not missing sectors', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await written(storage, { entries: entries(1, 2, 1, new Uint8Array(3000)) });
  disk.device.rot(firstSegment, 64 + 32 + 1500);
  await t.rejects(open(disk), { name: 'CorruptionError', file: firstSegment, offset: 64 + 32 });
});

t.test('a write cut short by the end of the file is torn', async (t) => {
  const disk = newDisk();
  await threeWrites(disk);
  for (const cut of [1, 31, 32, 60, writeBytes - 33, writeBytes - 20, writeBytes - 1]) {
    const clone = disk.crashClone(1);
    const file = await clone.open(firstSegment, 'update');
    await file.truncate((await file.size()) - cut);
    await file.close();
    const storage = await open(clone);
    t.equal(storage.recovered.lastIndex, 6, `${cut} bytes short`);
    await written(storage, { entries: entries(7, 7, 2) });
    t.equal((await contents(await open(clone.crashClone(0)))).length, 7);
  }
});

t.test('the end of a finished segment does not go missing', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { segmentBytes: 1000 });
  for (let i = 1; i <= 40; i++) await written(storage, { entries: entries(i, i, 1) });
  const file = await disk.open(firstSegment, 'update');
  const size = await file.size();
  await file.truncate(size - 96);
  await t.rejects(open(disk), { name: 'CorruptionError', file: firstSegment, offset: size - 96 });
});

t.test('missing files are noticed', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { segmentBytes: 1000 });
  for (let i = 1; i <= 60; i++) await written(storage, { entries: entries(i, i, 1) });
  await storage.writeIdentity(someIdentity);
  const segments = (await disk.list('journal')).toSorted();
  t.ok(segments.length > 3);
  const without = async (...paths: string[]): Promise<unknown> => {
    const clone = disk.crashClone(1);
    for (const path of paths) await clone.remove(path);
    return open(clone).catch((error: unknown) => error);
  };
  t.match(await without(`journal/${segments[0]}`), {
    name: 'CorruptionError',
    file: `journal/${segments[1]}`,
    offset: 0,
  });
  t.match(await without(`journal/${segments[1]}`), {
    file: `journal/${segments[2]}`,
    message: /the segment before it, number 2, is missing/,
  });
  t.match(await without('hard-state'), { name: 'CorruptionError', file: 'hard-state' });
  t.match(await without(...segments.map((name) => `journal/${name}`)), { name: 'CorruptionError', file: 'journal' });
});

t.test('files of a newer program are refused by name', async (t) => {
  const disk = newDisk();
  const storage = await open(disk);
  await storage.writeIdentity({ ...someIdentity, formatVersion: 3 as 1 });
  await t.rejects(open(disk), {
    name: 'NewerFormatError',
    message: 'identity.json has format version 3, written by a newer Lockstep; this one knows versions up to 2',
  });
});

t.test('leftovers of interrupted work are removed, strange files are left alone', async (t) => {
  const disk = newDisk();
  await open(disk);
  for (const path of [
    'identity.json.tmp',
    'journal/0000000000000007-00000002.log.tmp',
    'snapshot/x.tmp',
    'journal/notes.txt',
  ]) {
    await (await disk.open(path, 'create')).close();
  }
  await open(disk);
  t.same((await disk.list('.')).toSorted(), ['hard-state', 'journal', 'records', 'snapshot']);
  t.same((await disk.list('journal')).toSorted(), ['0000000000000001-00000001.log', 'notes.txt']);
  t.same(await disk.list('snapshot'), []);
});

t.test('no flipped bit goes unnoticed', async (t) => {
  const disk = newDisk();
  const storage = await open(disk, { segmentBytes: 900, retainBytes: 0 });
  const vote = { term: 1, votedFor: 'a' as never, standing: 'voter' } as const;
  await written(storage, { hardState: vote, entries: entries(1, 20, 1) });
  for (let i = 21; i <= 30; i++) await written(storage, { hardState: { ...vote, term: 2 }, entries: entries(i, i, 2) });
  await storage.writeIdentity(someIdentity);
  await storage.saveSnapshot(22, 2, chunksOf('the', 'state'), nothingLives);
  await written(storage, { entries: entries(28, 33, 3) });
  const random = new SimRandom('bits');
  const files = ['identity.json', 'hard-state'];
  for (const directory of ['journal', 'snapshot']) {
    for (const name of await disk.list(directory)) files.push(`${directory}/${name}`);
  }
  let flips = 0;
  for (const path of files) {
    const size = disk.device.contentOf(path).length;
    for (let offset = 0; offset < size; offset += 1 + random.below(3)) {
      // Nobody reads what lies between the two slots.
      if (path === 'hard-state' && offset >= 512 && offset < 4096) continue;
      const clone = disk.crashClone(1);
      clone.device.rot(path, offset, 1 << random.below(8));
      const found = await open(clone, { segmentBytes: 900 })
        .then(snapshotText)
        .catch((error: unknown) => error);
      flips++;
      if (found instanceof CorruptionError && found.file === path && found.offset <= offset) continue;
      t.fail(`${path} at ${offset}: ${String(found)}`);
      return;
    }
  }
  t.ok(flips > 1400, `${flips} bits flipped in ${files.length} files`);
});
