import { diskMutants } from './disk-mutants.ts';
import type { Mutant } from './mutant.ts';
import { nodeMutants } from './node-mutants.ts';
import { sourceMutants } from './source-mutants.ts';
import { streamMutants } from './stream-mutants.ts';

/** All of them are caught by some seed, each by the rule that it breaks. */
export const mutants: readonly Mutant[] = [...nodeMutants, ...streamMutants, ...diskMutants, ...sourceMutants];
