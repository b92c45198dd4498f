/** A process that runs seeds for a `SeedPool`, one after the other, and tells its parent how each went. */
import { mutants, runSeed } from '../simulation/index.ts';
import { reportOf } from './seed-pool.ts';
import type { SeedJob } from './seed-pool.ts';

async function work({ seed, mutant, nodes }: SeedJob): Promise<void> {
  const { trial, mutation: mutationOf } = mutants.find(({ name }) => name === mutant) ?? {};
  if (trial !== undefined) {
    process.send?.(reportOf(seed, await trial.run(seed)));
    return;
  }
  const mutation = mutationOf?.();
  const report = await runSeed({
    seed,
    ...(mutation === undefined ? {} : { mutation }),
    ...(nodes === undefined ? {} : { nodes }),
  });
  process.send?.(report);
}

process.on('message', (job: SeedJob) => void work(job));
