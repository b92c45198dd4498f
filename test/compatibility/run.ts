import { observe } from './scene.ts';
import type { Behaviour } from './scene.ts';
import type { Server } from './server.ts';

/** Behaviours wait more than they work. */
const sideBySide = 12;

/** On a busy machine what comes late may look as if it never came; never the other way round. */
const morePatience = 10;

/**
 * Observes them all, some side by side, those that want to be alone one after the other behind them. What is not as
 * expected is observed again, with more patience. What a program cannot be made to say
 * is told by an outcome, so this rejects only where the suite itself is wrong.
 */
export async function observeAll(
  behaviours: readonly Behaviour[],
  server: Server,
  expected: ReadonlyMap<string, string>,
  tell: (behaviour: Behaviour, outcome: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const outcomes = new Map<string, string>();
  const one = async (behaviour: Behaviour): Promise<void> => {
    let outcome = await observe(behaviour, server);
    if (expected.has(behaviour.id) && outcome !== expected.get(behaviour.id)) {
      outcome = await observe(behaviour, { ...server, patienceMs: morePatience * server.patienceMs });
    }
    outcomes.set(behaviour.id, outcome);
    tell(behaviour, outcome);
  };
  const together = behaviours.filter(({ alone }) => alone !== true);
  const worker = async (): Promise<void> => {
    for (let next = together.shift(); next !== undefined; next = together.shift()) await one(next);
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
  for (const behaviour of behaviours) if (behaviour.alone === true) await one(behaviour);
  return outcomes;
}
