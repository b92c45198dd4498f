import t from 'tap';

import { mutants } from '../simulation/mutants.ts';
import { runSeed } from '../simulation/run-seed.ts';

/** A run that finds nothing within so many seeds proves nothing. */
const seedsMax = 2000;

for (const { name, mutation } of mutants) {
  t.test(`caught: ${name}`, async (t) => {
    let caught: string | null = null;
    for (let seed = 1; seed <= seedsMax && caught === null; seed++) {
      const { violation } = await runSeed({ seed, mutation: mutation() });
      if (violation !== null) caught = `seed ${seed}: ${violation.invariant}`;
    }
    t.not(caught, null, `caught within ${seedsMax} seeds`);
    t.comment(caught ?? '');
  });
}
