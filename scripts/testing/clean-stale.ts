/**
 * Removes compiled files whose source has gone. `tsc -b` leaves them behind, and a deleted test would otherwise run on.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const COMPILED = /(\.d\.ts|\.js)(\.map)?$/;

/** Output folder and the source folder that it mirrors, both relative to `root`. */
function projects(root: string): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = [
    ['test/build', 'test'],
    ['scripts/build', 'scripts'],
  ];
  for (const entry of readdirSync(join(root, 'packages'))) {
    pairs.push([`packages/${entry}/build/src`, `packages/${entry}/src`]);
    pairs.push([`packages/${entry}/build/test`, `packages/${entry}/test`]);
  }
  return pairs;
}

/** Deletes what is stale below `root` and returns the paths it deleted. */
export function cleanStale(root: string): readonly string[] {
  const removed: string[] = [];
  for (const [output, source] of projects(root)) {
    const outputPath = join(root, output);
    if (!existsSync(outputPath)) continue;
    for (const entry of readdirSync(outputPath, { recursive: true, encoding: 'utf8' })) {
      if (!COMPILED.test(entry)) continue;
      const stem = join(root, source, dirname(entry), basename(entry).replace(COMPILED, ''));
      if (existsSync(`${stem}.ts`)) continue;
      rmSync(join(outputPath, entry));
      removed.push(join(output, entry));
    }
  }
  return removed;
}
