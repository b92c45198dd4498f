import t from 'tap';

import { runSeeds } from '../harness/seed-pool.ts';
import { mutants } from '../simulation/mutants.ts';

/** A run that finds nothing within so many seeds proves nothing. */
const seedsMax = 2000;

for (const { name } of mutants) {
  t.test(`caught: ${name}`, async (t) => {
    let caught: string | null = null;
    let next = 1;
    await runSeeds(
      2,
      () => (caught === null && next <= seedsMax ? { seed: next++, mutant: name } : null),
      (_job, { seed, violation }) => {
        if (violation !== null) caught = `seed ${seed}: ${violation.invariant}`;
      },
    );
    t.not(caught, null, `caught within ${seedsMax} seeds`);
    t.comment(caught ?? '');
  });
}
