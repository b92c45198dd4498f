import t from 'tap';

import { TransferBench } from './bench.ts';

/** How the receiver ends. */
const endings = {
  'the process dies': (bench: TransferBench, name: string): void => bench.cluster.kill(name),
  'the power fails': (bench: TransferBench, name: string): void => bench.cluster.world.host(name).crash(),
  'the power fails, nothing unsynced is left': (bench: TransferBench, name: string): void =>
    bench.cluster.world.host(name).crash({ survival: 0 }),
};

interface Case {
  readonly bench: TransferBench;
  readonly victim: string;
}

/** A member whose disk is empty, or long out of date, about to be started. */
async function prepared(kind: 'wiped' | 'stale'): Promise<Case> {
  const bench = await TransferBench.founded(`interrupted ${kind}`);
  await bench.fill(60);
  const [victim = ''] = bench.followers;
  await bench.caughtUp(victim);
  if (kind === 'wiped') bench.wipe(victim);
  else bench.cluster.kill(victim);
  await bench.fill(kind === 'stale' ? 150 : 60, 'keep late');
  return { bench, victim };
}

/**
 * Starts the member and ends it at that step of its disk from the first one on that has to do with the snapshot, before or after the step is done. Says
 * whether it came so far.
 */
async function endAt(
  { bench, victim }: Case,
  step: number,
  end: (bench: TransferBench, name: string) => void,
): Promise<boolean> {
  const { simulation } = bench.cluster.world;
  const { device } = bench.cluster.world.host(victim);
  const life = bench.cluster.start(victim);
  let left = step;
  let begun = false;
  device.intercept = (_operation, path) => {
    begun ||= path.endsWith('.part');
    if (begun) left -= 1;
    if (left !== 0) return false;
    simulation.schedule(0, 'crash', null, () => end(bench, victim));
    return step % 2 === 0;
  };
  await bench.cluster.until(() => life.process.state === 'dead', 200);
  const ended = life.process.state === 'dead' || !(await bench.caughtUp(victim));
  if (ended) await bench.cluster.until(() => life.process.state === 'dead');
  device.intercept = null;
  return ended;
}

for (const kind of ['wiped', 'stale'] as const) {
  t.test(
    `a ${kind} receiver ends at any step of its disk: the next life makes it good`,
    { timeout: 300_000 },
    async (t) => {
      const names = Object.keys(endings) as (keyof typeof endings)[];
      let steps = 0;
      for (let step = 1; ; step += 1) {
        const name = names[step % names.length]!;
        const one = await prepared(kind);
        const { bench, victim } = one;
        if (!(await endAt(one, step, endings[name]))) break;
        steps = step;
        bench.cluster.start(victim);
        const what = `step ${step}, ${name}`;
        if (!(await bench.caughtUp(victim))) t.fail(`${what}: it does not catch up`, { story: bench.cluster.story() });
        const [found, truth] = [await bench.readBack(victim), bench.truth()];
        if (JSON.stringify([...found]) !== JSON.stringify([...truth])) t.same(found, truth, what);
      }
      t.ok(steps > 40, `${steps} steps`);
    },
  );
}
