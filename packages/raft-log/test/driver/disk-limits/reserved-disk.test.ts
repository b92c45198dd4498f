import { silentLog } from '@lockstep/kernel';
import type { DiskFile } from '@lockstep/kernel';
import { pattern, SimDevice, SimDisk, SimRandom } from '@lockstep/testkit';
import t from 'tap';

import { ReservedDisk } from '../../../src/driver/disk-limits/reserved-disk.ts';

const block = 4096;
const reserveBytes = 4 * block;
const noPace = (): Promise<void> => Promise.resolve();

async function fullDisk(): Promise<{ disk: ReservedDisk; sim: SimDisk; file: DiskFile; warnings: string[] }> {
  const sim = new SimDisk(new SimDevice(new SimRandom('reserve')));
  sim.device.capacityBytes = 10 * block;
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (text: string) => warnings.push(text) };
  const disk = await ReservedDisk.open(sim, log, reserveBytes);
  if (!(await disk.lay(noPace))) throw new Error('there is room for the reserve');
  const file = await disk.open('f', 'create');
  await file.write([pattern(6 * block)], 0);
  return { disk, sim, file, warnings };
}

t.test('a write that finds the disk full is done again, with the reserve given up', async (t) => {
  const { disk, sim, file, warnings } = await fullDisk();
  let told = 0;
  disk.onGivenUp(() => (told += 1));
  t.ok(disk.held);
  await file.write([pattern(2 * block, 7)], 6 * block);
  t.notOk(disk.held);
  t.same([told, warnings], [1, ['the disk is full: the room that was kept back is used now']]);
  t.same(sim.device.contentOf('f').subarray(6 * block), pattern(2 * block, 7), 'from its beginning');
  await file.write([pattern(2 * block)], 8 * block);
  await t.rejects(file.write([pattern(1)], 10 * block), { code: 'ENOSPC' }, 'there is but one reserve');
  t.equal(told, 1);
});

t.test('writes that find the disk full at the same time all go through', async (t) => {
  const { disk, file } = await fullDisk();
  const other = await disk.open('g', 'create');
  await Promise.all([file.write([pattern(block)], 6 * block), other.write([pattern(block)], 0)]);
  t.notOk(disk.held);
});

t.test('a failed sync is not repeated, whatever it failed for', async (t) => {
  const { disk, sim, file } = await fullDisk();
  sim.device.fail({ operation: 'sync', code: 'ENOSPC' });
  await t.rejects(file.sync(), { code: 'ENOSPC' });
  t.ok(disk.held);
});

t.test('another error than a full disk is not the reserve’s business', async (t) => {
  const { disk, sim, file } = await fullDisk();
  sim.device.fail({ operation: 'write', code: 'EIO' });
  await t.rejects(file.write([pattern(1)], 0), { code: 'EIO' });
  t.ok(disk.held);
});

t.test('a new life of the node finds the reserve, and not one that was being laid', async (t) => {
  const { sim } = await fullDisk();
  t.ok((await ReservedDisk.open(sim, silentLog, reserveBytes)).held);
  await sim.rename('reserve', 'reserve.tmp');
  t.notOk((await ReservedDisk.open(sim, silentLog, reserveBytes)).held);
});

t.test('where there is no room for a reserve none is left half laid', async (t) => {
  const { disk, sim, file } = await fullDisk();
  await file.write([pattern(2 * block)], 6 * block);
  t.notOk(await disk.lay(noPace));
  t.same(await sim.list('.'), ['f']);
});

t.test('who needs the room while it is being laid gets it', async (t) => {
  const { disk, sim, file } = await fullDisk();
  await file.write([pattern(block)], 6 * block);
  await sim.remove('f');
  t.notOk(disk.held, 'given up by that write');
  const other = await disk.open('g', 'create');
  let write: Promise<void> = Promise.resolve();
  const laid = await disk.lay(() => {
    write = other.write([pattern(8 * block)], 0);
    return new Promise((resolve) => setImmediate(resolve));
  });
  await write;
  t.notOk(laid);
  t.same(await sim.list('.'), ['g']);
});
