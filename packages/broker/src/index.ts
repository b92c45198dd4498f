/** `lockstep`, the program: what embeds or tests it may use of it. */
export {
  DataLockedError,
  lockDataDirectory,
  NodeClock,
  NodeConnection,
  NodeDisk,
  NodeNetwork,
  NodeRandom,
} from './ports/index.ts';
export type { DataLock } from './ports/index.ts';
export { configurationDocument } from './config/documentation.ts';
export { reasonCodes } from './node/explain/types.ts';
export type { Explanation, Reason } from './node/explain/types.ts';
export { BrokerNode } from './node/broker-node.ts';
export type {
  BoundListener,
  BrokerNodeOptions,
  ClusterOptions,
  JournalOptions,
  LimitOptions,
  ListenerOptions,
  MembersAnswer,
  MemberStatus,
  NodeRole,
  NodeStatus,
  RunningNode,
} from './node/types.ts';
