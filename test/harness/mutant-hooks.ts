/** Module customization hooks (https://nodejs.org/api/module.html#customization-hooks); they run in a thread of their own. */
import type { InitializeHook, LoadHook } from 'node:module';

import type { SourceEdit } from '../mutants/mutant.ts';

let edits: readonly SourceEdit[] = [];

export const initialize: InitializeHook<readonly SourceEdit[]> = (data) => {
  edits = data;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const mine = edits.filter(({ file }) => url.endsWith(file));
  if (mine.length === 0) return loaded;
  let source = Buffer.from(loaded.source as Uint8Array).toString();
  for (const { file, from, to } of mine) {
    const times = source.split(from).length - 1;
    if (times !== 1) throw new Error(`${file} holds ${times} times, not once: ${from}`);
    source = source.replace(from, () => to);
  }
  return { ...loaded, source };
};
