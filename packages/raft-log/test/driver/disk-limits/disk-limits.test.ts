import { silentLog } from '@lockstep/kernel';
import { pattern, SimWorld } from '@lockstep/testkit';
import t from 'tap';

import { DiskLimits } from '../../../src/driver/disk-limits/disk-limits.ts';
import type { DiskLimitsOptions } from '../../../src/driver/disk-limits/disk-limits.ts';
import { ReservedDisk } from '../../../src/driver/disk-limits/reserved-disk.ts';

const block = 4096;
const none: DiskLimitsOptions = { softLimitBytes: null, hardLimitBytes: null };

/** A disk of a hundred blocks, with a reserve of two. */
class Bench {
  readonly world = new SimWorld('limits');
  readonly process = this.world.host('a').start();
  readonly lines: string[] = [];
  readonly told: string[] = [];
  ownBytes = 0;
  failure: unknown = null;
  disk!: ReservedDisk;
  limits!: DiskLimits;

  async open(options: Partial<DiskLimitsOptions> = {}, capacityBlocks = 100): Promise<this> {
    const { clock, disk } = this.process;
    disk.device.capacityBytes = capacityBlocks * block;
    const say = (text: string): void => void this.lines.push(text);
    const log = { ...silentLog, info: say, warn: say, error: say };
    this.disk = await this.world.simulation.run(() => ReservedDisk.open(disk, log, 2 * block));
    this.limits = new DiskLimits(
      { ...none, ...options },
      {
        ...{ clock, log, disk: this.disk },
        ownBytes: () => this.ownBytes,
        failed: (error) => (this.failure = error),
      },
    );
    this.limits.onChange(({ pressure }) => this.told.push(pressure));
    this.limits.start();
    await this.settle();
    return this;
  }

  /** Some seconds pass. */
  async settle(): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + 3000);
  }

  /** So many blocks are taken by somebody else. */
  async others(blocks: number): Promise<void> {
    await this.world.simulation.run(() => this.#take(blocks));
    await this.settle();
  }

  async #take(blocks: number): Promise<void> {
    const { disk } = this.process;
    await disk.remove('others');
    const file = await disk.open('others', 'create');
    await file.write([pattern(blocks * block)], 0);
    await file.close();
  }
}

t.test('80 % of the file system are the soft limit, 90 % the hard one, and both bear a little', async (t) => {
  const bench = await new Bench().open();
  t.ok(bench.disk.held, 'a small disk has its reserve at once');
  await bench.others(77);
  t.same(bench.limits.state, { pressure: 'none', reason: null });
  await bench.others(79);
  t.same(bench.limits.state, { pressure: 'soft', reason: 'the disk is more than 80 % full' });
  await bench.others(89);
  t.same(bench.limits.state, { pressure: 'hard', reason: 'the disk is more than 90 % full' });
  await bench.others(88);
  t.equal(bench.limits.state.pressure, 'hard', 'not for a single block less');
  await bench.others(80);
  t.equal(bench.limits.state.pressure, 'soft');
  await bench.others(10);
  t.same(bench.told, ['soft', 'hard', 'soft', 'none']);
  t.match(bench.lines, [
    'room is kept back on the disk',
    'the disk is more than 80 % full: producers are slowed',
    'the disk is more than 90 % full: SENDs are refused until there is room again; consumers go on',
    'the disk is more than 80 % full: producers are slowed',
    'there is room on the disk again: SENDs are taken as ever',
  ]);
});

t.test('configured limits are for the node’s own files', async (t) => {
  const bench = await new Bench().open({ softLimitBytes: 1000, hardLimitBytes: 2000 });
  await bench.others(95);
  t.equal(bench.limits.state.pressure, 'none', 'others may take what they like');
  bench.ownBytes = 1001;
  await bench.settle();
  t.match(bench.limits.state, { pressure: 'soft', reason: 'the journal has passed journal.softLimitBytes (1000)' });
  bench.ownBytes = 2001;
  await bench.settle();
  t.match(bench.limits.state, { pressure: 'hard', reason: 'the journal has passed journal.hardLimitBytes (2000)' });
  bench.ownBytes = 1970;
  await bench.settle();
  t.equal(bench.limits.state.pressure, 'hard');
  bench.ownBytes = 900;
  await bench.settle();
  t.equal(bench.limits.state.pressure, 'none');
});

t.test('a full disk is told at once, and counts until the reserve is back', async (t) => {
  const bench = await new Bench().open({ softLimitBytes: 1e9, hardLimitBytes: 1e9 });
  await bench.others(97);
  const { simulation } = bench.world;
  const file = await simulation.run(() => bench.disk.open('f', 'create'));
  await simulation.run(() => file.write([pattern(2 * block)], 0));
  t.same(bench.limits.state, { pressure: 'hard', reason: 'the disk is full' });
  t.notOk(bench.disk.held);
  await bench.settle();
  t.equal(bench.limits.state.pressure, 'hard');
  await bench.others(90);
  t.ok(bench.disk.held);
  t.equal(bench.limits.state.pressure, 'none');
  t.equal(bench.failure, null);
});

t.test('a disk with plenty of room needs no reserve', async (t) => {
  const bench = await new Bench().open({}, 1000);
  t.notOk(bench.disk.held);
  t.equal(bench.limits.state.pressure, 'none');
});

t.test('a disk that can’t say how full it is ends the node', async (t) => {
  const bench = await new Bench().open();
  bench.process.disk.device.fail({ operation: 'space' });
  await bench.settle();
  t.match(bench.failure, { code: 'EIO' });
});
