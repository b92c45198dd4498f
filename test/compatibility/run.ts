import { observe } from './scene.ts';
import type { Behaviour } from './scene.ts';
import type { Server } from './server.ts';

/** Behaviours wait more than they work. */
const sideBySide = 12;

/**
 * Observes them all, some side by side, those that want to be alone one after the other behind them. What a program cannot be made to say
 * is told by an outcome, so this rejects only where the suite itself is wrong.
 */
export async function observeAll(
  behaviours: readonly Behaviour[],
  server: Server,
  tell: (behaviour: Behaviour, outcome: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const outcomes = new Map<string, string>();
  const one = async (behaviour: Behaviour): Promise<void> => {
    const outcome = await observe(behaviour, server);
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
