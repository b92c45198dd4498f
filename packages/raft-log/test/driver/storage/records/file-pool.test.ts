import { SimDevice, SimDisk, SimRandom } from '@lockstep/testkit';
import t from 'tap';

import { FilePool } from '../../../../src/driver/storage/records/file-pool.ts';

/** A disk that does nothing before it is told to, and counts. */
async function heldDisk(
  names: readonly string[],
): Promise<{ disk: SimDisk; opened: () => number; closed: () => number; go: (count?: number) => void }> {
  const device = new SimDevice(new SimRandom(1));
  const making = new SimDisk(device);
  for (const name of names) {
    const file = await making.open(name, 'create');
    await file.write([new TextEncoder().encode(name)], 0);
    await file.close();
  }
  let held: (() => void)[] | null = [];
  const counts = { open: 0, close: 0 };
  const disk = new SimDisk(device, (operation, run) => {
    if (operation === 'open' || operation === 'close') counts[operation]++;
    if (held === null || operation !== 'read') queueMicrotask(run);
    else held.push(run);
  });
  /** The oldest reads that wait; without a number, all, and from then on none waits. */
  const go = (count?: number): void => {
    for (const run of held?.splice(0, count ?? held.length) ?? []) run();
    if (count === undefined) held = null;
  };
  return { disk, opened: () => counts.open, closed: () => counts.close, go };
}

async function read(pool: FilePool, path: string): Promise<string> {
  const bytes = new Uint8Array(10);
  return new TextDecoder().decode(bytes.subarray(0, await pool.read(path, bytes, 0)));
}

t.test('files stay open, but no more than a bound, and the one used longest ago goes first', async (t) => {
  const { disk, opened, closed, go } = await heldDisk(['a', 'b', 'c']);
  go();
  const pool = new FilePool(disk, 2);
  for (const path of ['a', 'b', 'a', 'b']) t.equal(await read(pool, path), path);
  t.equal(opened(), 2);
  t.equal(await read(pool, 'c'), 'c');
  t.equal(closed(), 1);
  await read(pool, 'b');
  t.equal(opened(), 3, 'b is open still');
  await read(pool, 'a');
  t.equal(opened(), 4, 'a was not');
  await pool.close();
  t.equal(closed(), 4);
});

t.test('a file that is being read is not closed, whoever forgets it', async (t) => {
  const { disk, closed, go } = await heldDisk(['a', 'b', 'c']);
  const pool = new FilePool(disk, 1);
  const reads = ['a', 'b', 'c', 'a'].map((path) => read(pool, path));
  for (let i = 0; i < 10; i++) await Promise.resolve();
  await pool.forget('a');
  await disk.remove('a');
  t.equal(closed(), 0);
  go();
  t.same(await Promise.all(reads), ['a', 'b', 'c', 'a']);
  await t.rejects(read(pool, 'a'), { code: 'ENOENT' }, 'for the next one it is gone');
  await pool.close();
  t.equal(closed(), 3);
});

t.test('a file that can’t be opened is tried again', async (t) => {
  const { disk, go } = await heldDisk(['a']);
  go();
  disk.device.fail({ operation: 'open' });
  const pool = new FilePool(disk, 2);
  await t.rejects(read(pool, 'a'), { code: 'EIO' });
  t.equal(await read(pool, 'a'), 'a');
  await pool.close();
});

t.test('several who end their reads while others read on close each file once', async (t) => {
  const { disk, opened, closed, go } = await heldDisk(Array.from('abcdefg'));
  const pool = new FilePool(disk, 2);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const idle = ['a', 'b'].map((path) => read(pool, path));
  await settle();
  go(2);
  t.same(await Promise.all(idle), ['a', 'b']);
  const reads = Array.from('cdefg', (path) => read(pool, path));
  await settle();
  go(2);
  await settle();
  go();
  // A second close is an error, and would be taken for damage to the file that was read.
  t.same(await Promise.all(reads), Array.from('cdefg'));
  t.equal(closed(), 5);
  await pool.close();
  t.equal(closed(), opened());
});
