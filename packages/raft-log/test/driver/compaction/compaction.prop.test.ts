import { SimDevice, SimRandom } from '@lockstep/testkit';
import t from 'tap';

import { entry } from '../storage/harness.ts';
import { batch, crashHistory, options, segmentBytes } from './crash-history.ts';
import { someOf, StoreBench } from './store-bench.ts';
import type { Step } from './store-bench.ts';

t.test('whenever it crashes no live record is lost, nor anything above the snapshot', async (t) => {
  let crashes = 0;
  for (let seed = 0; seed < 12; seed++) {
    const found = await crashHistory(seed);
    t.equal(found.wrong, null, `seed ${seed}`);
    crashes += found.crashes;
  }
  t.ok(crashes > 300, `${crashes} crashes`);
});

t.test('a crash at each single operation of a compaction', async (t) => {
  const random = new SimRandom('each');
  const steps = new Map<number, Step>();
  const device = new SimDevice(random.fork('device'));
  const survivors: { readonly at: number; readonly device: SimDevice }[] = [];
  let operations = 0;
  let watching = false;
  const bench = await StoreBench.open(device, options, steps, () => {
    if (!watching) return;
    operations += 1;
    for (const survival of [0, 1, 0.5]) survivors.push({ at: operations, device: device.crashClone(survival) });
  });
  for (let turn = 0; turn < 60; turn++) {
    await bench.append(batch(bench, random, 0.03));
    if (bench.storage.bytesSinceSnapshot > segmentBytes) await bench.snapshot();
  }
  watching = true;
  const taken = await bench.compact();
  watching = false;
  t.ok(taken > 1 && operations > 20, `${taken} steps, ${operations} operations`);
  const faults: string[] = [];
  for (const survivor of survivors) {
    const again = await StoreBench.open(survivor.device, options, steps);
    const wrong = await again.fault();
    // And what the crash left is cleared up.
    await again.compact();
    const after = await again.fault();
    if (wrong !== null || after !== null) faults.push(`operation ${survivor.at}: ${wrong}, later ${after}`);
  }
  t.same(faults, []);
});

t.test('a record above the snapshot stays, even if nothing refers to it', async (t) => {
  const bench = await StoreBench.open(new SimDevice(new SimRandom('above')), options);
  await bench.append([{ keep: true, drop: [], filler: 0 }]);
  await bench.snapshot();
  // As they come with a snapshot from a leader, before it is installed.
  await bench.storage.addRecords([entry(7, 1)]);
  await bench.compact();
  const reads = await bench.storage.readRecords([7]);
  t.equal(typeof reads[0], 'object', 'it is there');
});

interface Lifetimes {
  readonly name: string;
  readonly step: (bench: StoreBench, random: SimRandom) => Step[];
}

const lifetimes: readonly Lifetimes[] = [
  {
    name: 'one old message in each file',
    step: (bench) => {
      const first = bench.last + 1;
      return Array.from({ length: 10 }, (_, i) => ({
        keep: true,
        // All but one in two hundred go at once.
        drop: (first + i) % 200 === 1 ? [] : [first + i - 1].filter((position) => position % 200 !== 0),
        filler: 100,
      }));
    },
  },
  ...[0.005, 0.02, 0.1].map((share): Lifetimes => ({
    name: `lifetimes drawn, ${share * 100} % of all that live end in each batch`,
    step: (bench, random) => {
      const drops = someOf(bench.live, share, random);
      return Array.from({ length: 10 }, (_, i) => ({
        keep: true,
        drop: drops.filter((_, at) => at % 10 === i),
        filler: random.chance(0.1) ? random.below(1000) : 50,
      }));
    },
  })),
  {
    name: 'in order, behind a long backlog',
    step: (bench) => {
      const first = bench.last + 1;
      return Array.from({ length: 10 }, (_, i) => ({ keep: true, drop: [first + i - 2000], filler: 100 }));
    },
  },
];

for (const { name, step } of lifetimes) {
  t.test(`the disk holds at most twice what lives, and four segments: ${name}`, async (t) => {
    const size = 16 * 1024;
    const random = new SimRandom(name);
    const device = new SimDevice(random.fork('device'));
    const bench = await StoreBench.open(device, { segmentBytes: size, retainBytes: size });
    let worst = -Infinity;
    let livingMost = 0;
    for (let turn = 0; turn < 400; turn++) {
      await bench.append(step(bench, random));
      if (bench.storage.bytesSinceSnapshot > Math.max(size, bench.storage.snapshot?.bytes ?? 0)) await bench.snapshot();
      await bench.compact();
      if (turn % 5 !== 0) continue;
      const { liveBytes } = bench;
      livingMost = Math.max(livingMost, liveBytes);
      worst = Math.max(worst, device.usedBytes() - 2 * liveBytes - 4 * size);
    }
    t.equal(await bench.fault(), null);
    t.ok(worst <= 0, `${worst} bytes beyond it at the worst, with up to ${livingMost} live`);
  });
}
