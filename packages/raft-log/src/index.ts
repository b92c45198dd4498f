/**
 * The replicated journal. What is proposed on the member that leads is applied to the state machine of every member, in one order, once a
 * majority has it on disk; what was applied anywhere is never lost or reordered, whichever minority of members dies, stands still or
 * is cut off. It knows nothing of what an entry means.
 *
 * It does not promise that a proposal is applied: only being shown it by the state machine says so. It does not read clocks, chance,
 * disks or sockets but through kernel's ports.
 */
export { defaultSettings } from './driver/replicated-log-options.ts';
export type {
  MemberAddress,
  MemberStatus as LogMemberStatus,
  ReplicatedLogOptions,
  ReplicatedLogSettings,
  ReplicatedLogStatus,
} from './driver/replicated-log-options.ts';
export { ReplicatedLog } from './driver/replicated-log.ts';
export type { MemberControl, MemberOutcome, MembersView } from './driver/membership/member-changes.ts';
export type { AnswerQuestion, MemberQuestions } from './driver/membership/own-questions.ts';
export { configurationLevel, ownLevels } from './driver/levels.ts';
export type { MemberPart } from './driver/membership/membership.ts';
export type { ChannelHandler } from './driver/replicated-log.ts';
export type { DiskPressure, DiskState } from './driver/disk-limits/disk-limits.ts';
export { LogDamageError } from './driver/log-damage.ts';
export type { PayloadRead } from './driver/payload-reader.ts';
export { certifies } from './driver/peers/certificate-name.ts';
export { FrameReader } from './driver/peers/frames.ts';
export { ChannelRefusedError } from './driver/peers/dial-channel.ts';
export { CorruptionError } from './driver/storage-types.ts';
export { NewerFormatError } from './driver/storage/index.ts';
export type { CommittedCommand, Leadership, LiveRecords, SnapshotRestore, StateMachine } from './driver/types.ts';
export { configurationOf, isJoint, membersOf } from './node/index.ts';
export type {
  ChangeRefusal,
  Configuration,
  ConfigurationAt,
  MembershipChange,
  PeerProgress,
  ProposeRefusal,
  RaftRole,
  RaftStatus,
  Standing,
} from './node/index.ts';
export { RaftNode } from './node/raft-node.ts';
export type { RaftOptions } from './node/index.ts';
