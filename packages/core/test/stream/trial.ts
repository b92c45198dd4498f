import type { StreamRules } from '../../src/index.ts';
import { Violation } from './judge.ts';
import { StreamWorld } from './stream-world.ts';

const STEPS = 2000;

/** What goes wrong in that seed's world, or null. What happened in it is added to `seen`. */
export function wrongWith(seed: number, rules: StreamRules, seen: Record<string, number>): string | null {
  const world = new StreamWorld(seed, 3, rules);
  try {
    world.run(STEPS);
    world.settle();
    for (const [what, count] of Object.entries(world.judge.seen)) seen[what] = (seen[what] ?? 0) + count;
    return null;
  } catch (error) {
    if (error instanceof Violation) return `seed ${seed}: ${error.message}`;
    throw error;
  }
}
