import type { JournalPosition, NodeId } from '@lockstep/kernel';
import type { RaftRole } from '../node/types.ts';

/** A committed entry on its way to the state machine. */
export interface CommittedCommand {
  readonly position: JournalPosition;
  /** A view of memory that never changes. Other entries share it: whoever keeps little of it longer than the call copies that. */
  readonly payload: Uint8Array;
}

/**
 * What the journal replicates: the same commands in the same order on every member. All calls are synchronous and come from the
 * driver's loop, one at a time.
 */
export interface StateMachine {
  /** In log order, each position once. Positions have gaps: the log's own entries are not shown. */
  apply(commands: readonly CommittedCommand[]): void;
  /** The state after the last applied command, as chunks of at most about 1 MiB. Later `apply`s must not show in it, however late it is read. */
  snapshot(): Iterable<Uint8Array>;
  /** Begins to replace the whole state; nothing changes until `finish`. */
  restore(): SnapshotRestore;
  /** What this member now is. Also called when only the leader's identity changes. */
  leadershipChanged(leadership: Leadership): void;
}

export interface SnapshotRestore {
  write(chunk: Uint8Array): void;
  /** The state is now the snapshot's, applied up to `position`. */
  finish(position: JournalPosition): void;
}

/**
 * `leading`: this member leads, and everything committed before its term has been applied: proposals are welcome.
 * Proposals made in an earlier spell of leading whose outcome has not been seen by then will never be reported.
 */
export interface Leadership {
  readonly leading: boolean;
  readonly role: RaftRole;
  readonly leader: NodeId | null;
  /** Grows with every election; for logs and status only. */
  readonly term: number;
}
