import type { SourceEdit } from './mutant.ts';

interface EditedMutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
}

/** Three checks stand behind each other here, of which a rule is but one. */
export const sentAgain: EditedMutant = {
  name: 'what was applied is sent again and taken again',
  edits: [
    {
      file: 'core/build/src/master/stream-proposals.js',
      from: 'const known = Math.min(count, Math.max(0, end.number + 1 - number));',
      to: 'const known = 0;',
    },
    {
      file: 'core/build/src/master/stream-proposals.js',
      from: 'if (!areNext(end, commands, commandType.enqueue))',
      to: 'if (commands.length === 0)',
    },
  ],
};

/** The part of the mutants of streams that is put in as the code is loaded: this list must not load that code itself. */
export const editedStreams: readonly EditedMutant[] = [sentAgain];
