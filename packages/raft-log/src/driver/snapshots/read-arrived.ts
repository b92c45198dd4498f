import type { JournalPosition } from '@lockstep/kernel';
import { LiveSet } from '../live-set.ts';
import type { SnapshotReceiver } from '../storage-types.ts';
import type { SnapshotRestore, StateMachine } from '../types.ts';

export interface ArrivedState {
  readonly restore: SnapshotRestore;
  readonly live: LiveSet;
}

/** Checks a snapshot file that has arrived, and reads the state in it, whose restoring is begun and not finished. Why it is not whole, else. */
export async function readArrived(
  receiver: SnapshotReceiver,
  { machine }: { readonly machine: Pick<StateMachine, 'restore'> },
): Promise<ArrivedState | string> {
  const restore = machine.restore();
  const damage = await receiver.finish((chunk) => restore.write(chunk));
  if (damage !== null) return damage;
  const live = new LiveSet();
  let beyond: JournalPosition | null = null;
  restore.livePositions((position) => {
    if (position <= receiver.index) live.retain(position);
    else beyond = position;
  });
  return beyond === null ? { restore, live } : `it refers to entry ${beyond}, which is not in it`;
}
