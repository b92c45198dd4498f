/**
 * Simulated clusters with faults, from seeds. A seed that fails prints the one command that replays it, identically.
 *
 * usage: pnpm simulate [--seed N [--log] [--mutant NAME]] | [--seeds N [--from N]] | --mutants [NAME-PART] [--seeds N]; [--jobs N]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

import { runSeeds } from '@lockstep/test/harness';
import { mutants, runSeed } from '@lockstep/test/simulation';

import { campaign } from './simulate/campaign.ts';
import { hunt } from './simulate/hunt.ts';
import { describe, storyOf } from './simulate/print.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    log: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
  },
});

/** In a process of its own, where the code can be edited as it is loaded. */
async function oneElsewhere(seed: number, mutant: string): Promise<number> {
  let failed = 0;
  let left = 1;
  await runSeeds(
    1,
    () => (left-- > 0 ? { seed, mutant } : null),
    (_job, report) => {
      describe(report);
      if (report.violation !== null) failed++;
    },
  );
  return failed;
}

async function one(seed: number): Promise<number> {
  const mutant = mutants.find(({ name }) => name === values.mutant);
  if (values.mutant !== undefined && mutant === undefined) throw new Error(`no mutant is called ${values.mutant}`);
  if (mutant?.trial !== undefined || mutant?.edits !== undefined) return oneElsewhere(seed, mutant.name);
  const mutation = mutant?.mutation?.();
  const mutated = mutation === undefined ? {} : { mutation };
  const report = await runSeed({ seed, ...mutated, ...(values.log ? { log: storyOf } : {}) });
  describe(report);
  return report.violation === null ? 0 : 1;
}

const jobs = Number(values.jobs);
let failed: number;
if (values.mutants) failed = await hunt(Number(values.seeds ?? 2000), jobs, positionals[0]);
else if (values.seed !== undefined) failed = await one(Number(values.seed));
else failed = await campaign(Number(values.from), Number(values.seeds ?? 100), jobs);
process.exitCode = failed > 0 ? 1 : 0;
