/**
 * The Raft node: a pure, single-threaded state machine. Inputs go in, one batch of consequences comes out. No I/O, no timers,
 * no chance of its own; it never looks inside a record.
 */
export { RaftNode } from './raft-node.ts';
export { Rules } from './rules.ts';
export { configurationOf, isConfiguration, isJoint, membersOf } from './configuration.ts';
export type { Configuration, ConfigurationAt } from './configuration.ts';
export { entryKind } from './types.ts';
export type {
  AppendReply,
  AppendRequest,
  ChangeRefusal,
  DurableWrite,
  Entry,
  EntryKind,
  HardState,
  Heartbeat,
  HeartbeatReply,
  Installation,
  MembershipChange,
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
  ReadConfirmed,
  ReadRequest,
  RecoveredLog,
  Shape,
  Standing,
  TimeoutNow,
  VoteReply,
  VoteRequest,
} from './types.ts';
