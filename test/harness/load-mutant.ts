/**
 * Preloaded into a process that runs one mutant (`node --import`): what `LOCKSTEP_MUTANT` names is put into the compiled files as they are
 * loaded. So the code that ships has no switch for it.
 */
import { register } from 'node:module';

import { sourceMutants } from '../mutants/source-mutants.ts';
import { editedStreams } from '../mutants/stream-edits.ts';

const mutant = [...sourceMutants, ...editedStreams].find(({ name }) => name === process.env['LOCKSTEP_MUTANT']);
if (mutant?.edits !== undefined) register(new URL('mutant-hooks.js', import.meta.url), { data: mutant.edits });
