import t from 'tap';

import { runSeeds } from '../harness/seed-pool.ts';
import { knownSeeds } from './known-seeds.ts';
import { rareStates } from './rare-states.ts';
import { runSeed } from './run-seed.ts';
import type { SeedReport } from './run-seed.ts';

const count = Number(process.env['SIMULATION_SEEDS'] ?? 24);

const seedsForRareStates = 300;

function describe({ seed, violation }: SeedReport): string {
  return violation === null ? `seed ${seed}` : `${violation.detail}; replay: pnpm simulate --seed ${seed} --log`;
}

t.test('every invariant holds, seed by seed', async (t) => {
  let next = 1;
  const seen = new Set<string>();
  await runSeeds(
    2,
    () => (next <= count ? { seed: next++ } : null),
    (_job, report) => {
      t.equal(report.violation, null, describe(report));
      for (const [name, times] of Object.entries(report.seen)) if (times > 0) seen.add(name);
    },
  );
  // Too few seeds cannot come to everything.
  if (count >= seedsForRareStates)
    t.same(
      rareStates.filter((name) => !seen.has(name)),
      [],
      'every rare state was seen',
    );
});

t.test('seeds that once found a bug', async (t) => {
  for (const { seed, found } of knownSeeds) {
    const report = await runSeed({ seed });
    t.equal(report.violation, null, `${found}: ${describe(report)}`);
  }
});

t.test('a seed gives the same run every time', async (t) => {
  const first = await runSeed({ seed: 4711 });
  const second = await runSeed({ seed: 4711 });
  t.same(second, first);
  t.ok(first.seen['commits'], 'something was committed in it');
});
