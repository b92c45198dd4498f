/** Whole logical brokers with clients and faults in one process, from one seed. */
export { mutants } from '../mutants/index.ts';
export type { Mutant } from '../mutants/mutant.ts';
export { runSeed } from './run-seed.ts';
export type { SeedOptions, SeedReport } from './run-seed.ts';
