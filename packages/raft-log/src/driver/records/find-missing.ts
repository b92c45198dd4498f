import type { Clock } from '@lockstep/kernel';
import { LiveSet } from '../live-set.ts';
import type { LivePositions } from '../live-set.ts';

/** So many positions are looked at before the event loop has its turn again. */
const positionsATurn = 10_000;

/** Those of the live records that are not here. What dies meanwhile may be among them. */
export async function findMissing(
  live: LivePositions,
  holds: (position: number) => boolean,
  clock: Clock,
): Promise<LiveSet> {
  const missing = new LiveSet();
  let looked = 0;
  for (let at = live.next(1); at !== null; at = live.next(at + 1)) {
    if (!holds(at)) missing.retain(at);
    looked += 1;
    if (looked % positionsATurn === 0) await new Promise<void>((resolve) => clock.setTimer(0, resolve));
  }
  return missing;
}
