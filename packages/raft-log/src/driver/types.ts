import type { JournalPosition, NodeId } from '@lockstep/kernel';
import type { RaftRole } from '../node/types.ts';

/** A committed entry on its way to the state machine. */
export interface CommittedCommand {
  readonly position: JournalPosition;
  /** A view of memory that never changes. Other entries share it: whoever keeps little of it longer than the call copies that. */
  readonly payload: Uint8Array;
}

/**
 * Which records the machine still needs: it reads them again with `ReplicatedLog.payload` and `readPayloads`. What it does not retain, and what it
 * has released, is reclaimed at some time.
 */
export interface LiveRecords {
  /** For a command of the `apply` that is under way, and only then: an applied command that was not retained is dead. */
  retain(position: JournalPosition): void;
  /** It is not needed any more, for good. */
  release(position: JournalPosition): void;
}

/**
 * What the journal replicates: the same commands in the same order on every member. All calls are synchronous and come from the
 * driver's loop, one at a time.
 */
export interface StateMachine {
  /**
   * In log order, each position once. Positions have gaps: the log's own entries are not shown. What is retained and released must follow from the
   * commands alone, so that it is the same on all members.
   */
  apply(commands: readonly CommittedCommand[], records: LiveRecords): void;
  /** The state after the last applied command, as chunks of at most about 1 MiB. Later `apply`s must not show in it, however late it is read. */
  snapshot(): Iterable<Uint8Array>;
  /**
   * Begins to replace the whole state; nothing changes until `finish`. By the last `write`, `refersTo` has been called with each record that
   * the snapshot's state refers to, in any order: piece by piece, since there may be millions.
   */
  restore(refersTo: (position: JournalPosition) => void): SnapshotRestore;
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
