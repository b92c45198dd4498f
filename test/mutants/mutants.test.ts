import t from 'tap';

import { runSeeds, workerFailed } from '../harness/seed-pool.ts';
import { mutants } from './index.ts';

/** A run that finds nothing within so many seeds proves nothing. */
const seedsMax = 1000;

for (const { name, trial } of mutants) {
  t.test(`caught: ${name}`, async (t) => {
    let caught: string | null = null;
    let next = 1;
    await runSeeds(
      2,
      () => (caught === null && next <= seedsMax ? { seed: next++, mutant: name } : null),
      (_job, { seed, violation }) => {
        t.not(violation?.invariant, workerFailed, violation?.detail ?? name);
        if (violation !== null) caught = `seed ${seed} of ${trial?.of ?? 'a broker'}: ${violation.invariant}`;
      },
    );
    t.not(caught, null, `caught within ${seedsMax} seeds`);
    t.comment(caught ?? '');
  });
}
