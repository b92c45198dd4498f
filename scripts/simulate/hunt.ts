import { runSeeds, workerFailed } from '@lockstep/test/harness';
import type { SeedJob } from '@lockstep/test/harness';
import { mutants } from '@lockstep/test/simulation';

import { print } from './print.ts';

/** Each worker hunts one mutant at a time, seed by seed, until it is caught or `seedsMax` runs were clean. Returns how many escaped. */
export async function hunt(seedsMax: number, jobs: number, only: string | undefined): Promise<number> {
  const waiting = mutants.filter(({ name }) => only === undefined || name.includes(only)).map(({ name }) => name);
  const hunted = new Map<number, SeedJob & { mutant: string }>();
  let escaped = 0;
  const next = (worker: number): SeedJob | null => {
    const before = hunted.get(worker);
    if (before !== undefined && before.seed < seedsMax) {
      const job = { ...before, seed: before.seed + 1 };
      hunted.set(worker, job);
      return job;
    }
    if (before !== undefined) {
      escaped++;
      print(`${before.mutant}: NOT CAUGHT in ${seedsMax} seeds`);
      hunted.delete(worker);
    }
    const mutant = waiting.shift();
    if (mutant === undefined) return null;
    const job = { seed: 1, mutant };
    hunted.set(worker, job);
    return job;
  };
  await runSeeds(jobs, next, ({ mutant }, { seed, violation }, worker) => {
    if (violation === null) return;
    if (violation.invariant === workerFailed) escaped++;
    const where = mutants.find(({ name }) => name === mutant)?.trial?.of ?? 'a broker';
    print(`${mutant}: caught at seed ${seed} of ${where}, by: ${violation.invariant}`);
    hunted.delete(worker);
  });
  return escaped;
}
