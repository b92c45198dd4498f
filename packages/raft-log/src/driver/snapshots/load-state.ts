import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { LiveSet } from '../live-set.ts';
import type { Storage } from '../storage-types.ts';
import type { StateMachine } from '../types.ts';

/** Puts the newest snapshot's state into the machine. Resolves with the records that it refers to. */
export async function loadState(storage: Storage, machine: StateMachine, index: number): Promise<LiveSet> {
  const live = new LiveSet();
  const restore = machine.restore((position) => {
    assert(position <= index, `the snapshot of entry ${index} refers to ${position}, which is not in it`);
    live.retain(position);
  });
  await storage.loadSnapshot((chunk) => restore.write(chunk));
  restore.finish(index as JournalPosition);
  return live;
}
