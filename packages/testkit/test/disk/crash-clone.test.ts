import { pattern, SimDevice, SimDisk, SimRandom } from '@lockstep/testkit';
import t from 'tap';
import type { Test } from 'tap';

const SECTOR = 512;
const CLONES = 200;

function newDisk(seed: string): SimDisk {
  return new SimDisk(new SimDevice(new SimRandom(seed)));
}

async function synced(disk: SimDisk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.write([bytes], 0);
  await file.sync();
  await file.close();
  await disk.syncDirectory(path.split('/').slice(0, -1).join('/'));
}

function contentOf(disk: SimDisk, path: string): string | null {
  try {
    return Buffer.from(disk.device.contentOf(path)).toString('hex');
  } catch {
    return null;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What of `path` is found in many clones. */
function outcomes(disk: SimDisk, path: string): Set<string | null> {
  const found = new Set<string | null>();
  for (let i = 0; i < CLONES; i++) found.add(contentOf(disk.crashClone(), path));
  return found;
}

t.test('what was synced, bytes and name, is in every clone', async (t) => {
  const disk = newDisk('synced');
  await synced(disk, 'f', pattern(5000));
  t.same([...outcomes(disk, 'f')], [hex(pattern(5000))]);
});

/** Each sector as `new` says or as `old` says; what is longer than `old` may be zeros. Says how many are of each. */
function sectors(t: Test, found: Uint8Array, old: Uint8Array, wanted: Uint8Array): { kept: number; written: number } {
  let [kept, written] = [0, 0];
  for (let at = 0; at < found.length; at += SECTOR) {
    const sector = hex(found.subarray(at, at + SECTOR));
    const before = new Uint8Array(sector.length / 2);
    before.set(old.subarray(at, at + before.length));
    if (sector === hex(wanted.subarray(at, at + before.length))) written++;
    else if (sector === hex(before)) kept++;
    else t.fail(`the sector at ${at} is neither old nor new`);
  }
  return { kept, written };
}

t.test('of unsynced bytes each sector survives or not, in any combination', async (t) => {
  const disk = newDisk('torn');
  const old = pattern(4 * SECTOR, 1);
  const wanted = pattern(20 * SECTOR, 2);
  await synced(disk, 'f', old);
  const file = await disk.open('f', 'update');
  await file.write([wanted], 0);
  let [none, all, torn, shorter] = [0, 0, 0, 0];
  for (let i = 0; i < CLONES; i++) {
    const found = disk.crashClone().device.contentOf('f');
    const { kept, written } = sectors(t, found, old, wanted);
    if (written === 0) none++;
    else if (written === 20) all++;
    else if (kept > 0) torn++;
    if (found.length > old.length && found.length < wanted.length) shorter++;
  }
  t.ok(none > 20 && all > 20 && torn > 50 && shorter > 0, `none ${none} all ${all} torn ${torn} shorter ${shorter}`);
  t.equal(contentOf(disk, 'f'), hex(wanted), 'the disk itself is left alone');
  t.equal(contentOf(disk.crashClone(0), 'f'), hex(old));
  t.equal(contentOf(disk.crashClone(1), 'f'), hex(wanted));
});

t.test('a clone is a disk of its own, all of it durable', async (t) => {
  const disk = newDisk('own');
  await synced(disk, 'f', pattern(100));
  const file = await disk.open('f', 'update');
  await file.write([pattern(100, 1)], 0);
  const clone = disk.crashClone(1);
  t.equal(contentOf(clone.crashClone(0), 'f'), hex(pattern(100, 1)));
  const again = await clone.open('f', 'update');
  await again.write([pattern(100, 2)], 0);
  t.equal(contentOf(disk, 'f'), hex(pattern(100, 1)));
});

t.test('a write under way may be there in part', async (t) => {
  const disk = newDisk('flying');
  await synced(disk, 'f', new Uint8Array(0));
  const file = await disk.open('f', 'update');
  const writing = file.write([pattern(10 * SECTOR, 3)], 0);
  const found = outcomes(disk, 'f');
  await writing;
  t.ok(found.has('') && found.has(hex(pattern(10 * SECTOR, 3))) && found.size > 10, `${found.size} outcomes`);
});

t.test('a sync covers what was written before it began', async (t) => {
  const disk = newDisk('covers');
  await synced(disk, 'f', new Uint8Array(2));
  const [one, other] = [await disk.open('f', 'update'), await disk.open('f', 'update')];
  await one.write([new Uint8Array([1])], 0);
  await Promise.all([other.write([new Uint8Array([1])], 1), one.sync()]);
  t.same(outcomes(disk, 'f'), new Set(['0100', '0101']));
});

t.test('an unsynced truncation survives or not', async (t) => {
  const disk = newDisk('truncate');
  await synced(disk, 'f', pattern(1000));
  const file = await disk.open('f', 'update');
  await file.truncate(10);
  t.same(outcomes(disk, 'f'), new Set([hex(pattern(1000)), hex(pattern(1000).subarray(0, 10))]));
  await file.sync();
  t.same([...outcomes(disk, 'f')], [hex(pattern(1000).subarray(0, 10))]);
});

t.test('a new name survives or not until its directory is synced, whatever the file’s own sync', async (t) => {
  const disk = newDisk('names');
  await disk.makeDirectory('d');
  await disk.syncDirectory('');
  const file = await disk.open('d/f', 'create');
  await file.write([pattern(10)], 0);
  await file.sync();
  t.same(outcomes(disk, 'd/f'), new Set([null, hex(pattern(10))]));
  await disk.syncDirectory('');
  t.ok(outcomes(disk, 'd/f').has(null), 'the directory above is not the one');
  await disk.syncDirectory('d');
  t.notOk(outcomes(disk, 'd/f').has(null));
});

t.test('a directory that was not made durable takes its files with it', async (t) => {
  const disk = newDisk('directories');
  await disk.makeDirectory('d');
  await synced(disk, 'd/f', pattern(10));
  t.ok(outcomes(disk, 'd/f').has(null));
  await disk.syncDirectory('');
  t.notOk(outcomes(disk, 'd/f').has(null));
});

t.test('an unsynced rename happened or did not: never both names, never neither', async (t) => {
  const disk = newDisk('rename');
  await synced(disk, 'current', pattern(10, 1));
  await synced(disk, 'next', pattern(10, 2));
  await disk.rename('next', 'current');
  const found = new Set<string>();
  for (let i = 0; i < CLONES; i++) {
    const clone = disk.crashClone();
    found.add(`${contentOf(clone, 'current')} ${contentOf(clone, 'next')}`);
  }
  const before = `${hex(pattern(10, 1))} ${hex(pattern(10, 2))}`;
  const after = `${hex(pattern(10, 2))} null`;
  t.same(found, new Set([before, after]));
  await disk.syncDirectory('');
  t.same(outcomes(disk, 'next'), new Set([null]));
});

t.test('an unsynced removal may be undone; a synced one is not', async (t) => {
  const disk = newDisk('remove');
  await synced(disk, 'f', pattern(10));
  await disk.remove('f');
  t.same(outcomes(disk, 'f'), new Set([null, hex(pattern(10))]));
  await disk.syncDirectory('');
  t.same(outcomes(disk, 'f'), new Set([null]));
});

t.test(
  'a rename to another directory is durable with that directory, and an older name does not come back',
  async (t) => {
    const disk = newDisk('across');
    await disk.makeDirectory('one');
    await disk.makeDirectory('two');
    await disk.syncDirectory('');
    const file = await disk.open('one/f', 'create');
    await file.close();
    await disk.rename('one/f', 'two/f');
    await disk.syncDirectory('two');
    await disk.syncDirectory('one');
    t.same([outcomes(disk, 'one/f'), outcomes(disk, 'two/f')], [new Set([null]), new Set([''])]);
  },
);

t.test('the same seed tears in the same way', async (t) => {
  const run = async (): Promise<string[]> => {
    const disk = newDisk('same');
    const file = await disk.open('f', 'create');
    await file.write([pattern(9000)], 0);
    return Array.from({ length: 20 }, () => String(contentOf(disk.crashClone(), 'f')));
  };
  t.same(await run(), await run());
});
