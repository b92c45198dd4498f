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
  const live = new LiveSet();
  let last = 0;
  const restore = machine.restore((position) => {
    live.retain(position);
    last = Math.max(last, position);
  });
  const damage = await receiver.finish((chunk) => restore.write(chunk));
  if (damage !== null) return damage;
  return last <= receiver.index ? { restore, live } : `it refers to entry ${last}, which is not in it`;
}
