import { SimDevice, SimRandom } from '@lockstep/testkit';

import { someOf, StoreBench } from './store-bench.ts';
import type { Step, StoreBenchOptions } from './store-bench.ts';

export const segmentBytes: number = 4096;
export const options: StoreBenchOptions = { segmentBytes, retainBytes: segmentBytes };

/** A batch of entries that keep some records and drop some of those that live. */
export function batch(bench: StoreBench, random: SimRandom, dropShare: number): Step[] {
  const count = 1 + random.below(12);
  const drops = someOf(bench.live, dropShare, random);
  return Array.from({ length: count }, (_, i) => ({
    keep: random.chance(0.7),
    drop: drops.filter((_, at) => at % count === i),
    filler: random.chance(0.1) ? random.below(900) : random.below(60),
  }));
}

async function live(bench: StoreBench, random: SimRandom, turns: number): Promise<void> {
  const dropShare = random.pick([0.02, 0.1, 0.4]);
  for (let turn = 0; turn < turns; turn++) {
    await bench.append(batch(bench, random, dropShare));
    if (bench.storage.bytesSinceSnapshot > segmentBytes) await bench.snapshot();
    if (random.chance(0.2)) await bench.compact();
  }
}

/** One history with crashes; what was found wrong after one of them, or null. */
export async function crashHistory(seed: number): Promise<{ readonly wrong: string | null; readonly crashes: number }> {
  const random = new SimRandom(`compaction ${seed}`);
  let device = new SimDevice(random.fork('device'));
  const steps = new Map<number, Step>();
  let crashes = 0;
  for (let life = 0; life < 4; life++) {
    const survivors: SimDevice[] = [];
    let dying = false;
    const current = device;
    const bench = await StoreBench.open(device, options, steps, () => {
      if (!dying && survivors.length < 40 && random.chance(0.04)) survivors.push(current.crashClone());
    });
    const wrong = await bench.fault();
    if (wrong !== null) return { wrong: `life ${life}: ${wrong}`, crashes };
    await live(bench, random, 25);
    dying = true;
    for (const survivor of survivors) {
      crashes += 1;
      const found = await (await StoreBench.open(survivor, options, steps)).fault();
      if (found !== null) return { wrong: `life ${life}: ${found}`, crashes };
    }
    device = current.crashClone();
  }
  return { wrong: null, crashes };
}
