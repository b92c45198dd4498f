/**
 * The Raft node: a pure, single-threaded state machine. Inputs go in, one batch of consequences comes out. No I/O, no timers,
 * no chance of its own; it never looks inside a record.
 */
export { RaftNode } from './raft-node.ts';
export { entryKind } from './types.ts';
export type {
  AppendReply,
  AppendRequest,
  DurableWrite,
  Entry,
  EntryKind,
  HardState,
  Heartbeat,
  HeartbeatReply,
  PeerProgress,
  PreVoteReply,
  PreVoteRequest,
  ProposeRefusal,
  RaftBatch,
  RaftInput,
  RaftMessage,
  RaftOptions,
  RaftRole,
  RaftStatus,
  ReadRequest,
  RecoveredLog,
  Standing,
  TimeoutNow,
  VoteReply,
  VoteRequest,
} from './types.ts';
