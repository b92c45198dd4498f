import type { SourceEdit } from './mutant.ts';

interface EditedMutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
}

const proposals = 'core/build/src/master/stream-proposals.js';
/** The master looks at each command's own number as well. */
const blindToNumbers: SourceEdit = {
  file: proposals,
  from: 'if (!areNext(end, commands, commandType.enqueue))',
  to: 'if (commands.length === 0)',
};

export const holes: EditedMutant = { name: 'a hole in the numbers', edits: [blindToNumbers] };

export const sentAgain: EditedMutant = {
  name: 'what was applied is sent again and taken again',
  edits: [
    blindToNumbers,
    {
      file: proposals,
      from: 'const known = Math.min(count, Math.max(0, end.number + 1 - number));',
      to: 'const known = 0;',
    },
  ],
};

export const epochReused: EditedMutant = {
  name: 'an epoch reused after a crash',
  edits: [
    {
      file: 'core/build/src/state/stream-commands.js',
      from: 'if (epoch === old.epoch)\n                return;',
      to: 'if (epoch === old.epoch) { old.run = run; listener?.opened(node, run, epoch); return; }',
    },
  ],
};

/**
 * The parts of the mutants of streams that are put in as the code is loaded, where more than one check stands against a bug, and a rule is but
 * one. This list must not load that code itself.
 */
export const editedStreams: readonly EditedMutant[] = [holes, sentAgain, epochReused];
