import type {
  Address,
  BrokerId,
  Clock,
  Connection,
  Disk,
  Listener,
  Log,
  MutualTls,
  Network,
  NodeId,
  Random,
} from '@lockstep/kernel';
import type { QueueStatus, StreamRules } from '@lockstep/core';
import type { MemberOutcome, MemberPart, RaftNode, RaftOptions, ReplicatedLogSettings } from '@lockstep/raft-log';
import type { AccessControl, InputBudget } from '@lockstep/stomp-server';

import type { Explanation, MasterWait } from './explain/types.ts';
import type { DestinationPolicies } from './destination-policies.ts';

/** Everything a node is made of. Nothing here is specific to Node.js: the simulation makes nodes of the same kind. */
export interface BrokerNodeOptions {
  readonly broker: BrokerId;
  readonly node: NodeId;
  /** The program's version; shown in CONNECTED and in the status. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  /** This machine's name: what clients are told of a listener on all addresses. */
  readonly hostName: string;
  /** The data directory. */
  readonly disk: Disk;
  readonly network: Network;
  readonly log: Log;
  readonly listeners: readonly ListenerOptions[];
  /** Who may come in and do what; absent: everybody, and everything. */
  readonly access?: NodeAccess;
  readonly cluster: ClusterOptions;
  /** Does a slave take clients? `refuse`: its listeners are closed. */
  readonly slaveClients: 'serve' | 'refuse';
  /** Left out: no destination has a policy of its own. */
  readonly destinations?: Pick<DestinationPolicies, 'policyOf'>;
  /** Left out: core's own. */
  readonly duplicates?: DuplicateOptions;
  readonly journal: JournalOptions;
  readonly limits: LimitOptions;
  /** The replicated log's finer settings; the defaults are right for production. */
  readonly logSettings?: Partial<ReplicatedLogSettings>;
  /** See `ReplicatedLogOptions.levelMax`. */
  readonly levelMax?: number | null;
  /** The conditions on which sessions on every node rest; another kind so that a simulation can show that it notices a broken one. */
  readonly streamRules?: StreamRules;
  /** See `ReplicatedLogOptions.makeNode`. */
  readonly makeRaftNode?: (options: RaftOptions) => RaftNode;
}

/** What clients speak below STOMP: TCP, TLS, WebSocket, WebSocket over TLS. */
export type ListenerKind = 'stomp' | 'stomps' | 'ws' | 'wss';

/** Takes clients that speak more than TCP below STOMP. */
export interface ClientTransport {
  /** As `Network.listen`. Input that is not handed over yet counts in `budget`. */
  listen(address: Address, onConnection: (connection: Connection) => void, budget: InputBudget): Promise<Listener>;
}

export interface NodeAccess {
  /** For those who come in by one listener. */
  at(door: {
    /** Without a login, though there are users. */
    readonly anonymous: boolean;
    /** Is that queue there already? */
    readonly exists: (destination: string) => boolean;
  }): AccessControl;
  /** Calls back whenever what somebody may do has changed. */
  onChange(listener: () => void): void;
}

export interface ListenerOptions {
  readonly kind: ListenerKind;
  /** Absent: TCP, by the node's network. */
  readonly transport?: ClientTransport;
  /** Clients without a login are let in; absent: no. */
  readonly anonymous?: boolean;
  readonly listen: Address;
  /** What CONNECTED's `failover` header names; null: the bound address, or this machine's name where that is a wildcard. */
  readonly advertise: Address | null;
}

export interface ClusterOptions {
  /** Who founds the broker together, this node included, or some whom to ask. Once it is founded, the log says who the members are. */
  readonly members: readonly { readonly id: NodeId; readonly address: Address }[];
  /** Where this node listens for the others; null in a logical broker of one. */
  readonly listen: Address | null;
  /** Known to all members. This or `tls` is there unless all peers are on loopback. */
  readonly secret: Uint8Array | null;
  /** Between the members; null or absent: none. */
  readonly tls?: MutualTls | null;
  /** A member without a state, from the founding on or from when it joins. */
  readonly witness?: boolean;
  /** A member whose connection was reset and that refuses a new one is dead: elect at once. */
  readonly refusedMeansDead: boolean;
  /** Silence of the master after which a slave stands for election: drawn between this and twice this. */
  readonly electionMs: number;
  readonly heartbeatMs: number;
  /** How long a node that the master can't hear keeps what its clients hold. A node whose process is gone has no lease. */
  readonly leaseMs: number;
  /** How long clients are kept while there is no master. */
  readonly masterWaitMs: number;
}

export interface JournalOptions {
  readonly fsync: 'always' | 'interval' | 'never';
  readonly segmentBytes: number;
  /** A snapshot is taken when the journal has grown by this much since the last one, and by that one's own size. */
  readonly snapshotBytes: number;
  /** What the journal's files may take before producers are slowed, and before SENDs are refused. Null: 80 % and 90 % of the file system. */
  readonly softLimitBytes: number | null;
  readonly hardLimitBytes: number | null;
  /** What may be kept in memory of messages that were read back. */
  readonly cacheBytes: number;
}

/** How far back duplicates are looked for. */
export interface DuplicateOptions {
  /** 0: not at all. */
  readonly idsMax: number;
  readonly ageMs: number;
}

/** Bounds on what clients may take. Bytes, unless said. */
export interface LimitOptions {
  /** Command line and headers of one frame. */
  readonly headerBytes: number;
  /** Number of header lines of one frame. */
  readonly headers: number;
  readonly bodyBytes: number;
  /** Unfinished frames and open transactions of all connections of the node together. */
  readonly halfSentBytes: number;
  /** What the index of waiting messages may take in memory before SENDs are refused. */
  readonly indexBytes: number;
  readonly connections: number;
  /** Subscriptions of one connection. */
  readonly subscriptions: number;
  /** Open transactions of one connection. */
  readonly transactions: number;
  /** Frames in one transaction. */
  readonly transactionFrames: number;
  readonly transactionBytes: number;
  /** From accept to a whole CONNECT frame, milliseconds. */
  readonly connectMs: number;
  /** How long a frame waits for a broker that takes nothing in before its client gets an ERROR, milliseconds. */
  readonly sendWaitMs: number;
  /** What a subscription of a topic may have waiting before its client is disconnected as too slow. */
  readonly topicBacklogBytes: number;
}

export interface BoundListener {
  readonly kind: ListenerKind;
  readonly bound: Address;
  readonly advertised: Address;
}

export type NodeRole = 'master' | 'slave' | 'candidate' | 'learner' | 'witness';

export interface MemberStatus {
  readonly id: NodeId;
  /** Of its peer listener, `host:port`. */
  readonly address: string;
  readonly role: NodeRole;
  /** Known to the master, and to a member of itself; null where this node cannot tell. */
  readonly matchIndex: number | null;
  readonly lagEntries: number | null;
  readonly alive: boolean | null;
}

/** `part`: what it is to the broker; see raft-log's `MemberPart`. */
export interface PartMember extends MemberStatus {
  readonly part: MemberPart;
  /** What keeps it from taking part, and so a change that waits for it, and what to do; left out: nothing that is known. */
  readonly obstacle?: string;
}

/** What `GET /api/v1/members` answers. */
export interface MembersAnswer {
  /** Whose view it is. */
  readonly by: NodeId;
  /** It is the master's, who has made sure that it still is. */
  readonly confirmed: boolean;
  readonly members: readonly PartMember[];
}

/** What `GET /api/v1/status` answers. */
export interface NodeStatus {
  readonly broker: BrokerId;
  readonly node: NodeId;
  readonly role: NodeRole;
  readonly master: NodeId | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastIndex: number;
  readonly members: readonly MemberStatus[];
  readonly version: string;
  /** Client connections of this node. */
  readonly connections: number;
  /** The logical broker's `failover:(…)` URI, as far as this node knows the others' addresses. */
  readonly failover: string;
  /** Left out while this node has a way to a master. */
  readonly waiting?: MasterWait;
}

/** Can a node take clients? The reason is for people. */
export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
  /** Left out while there is a way to a master. */
  readonly waiting?: MasterWait;
}

export type MembersChange =
  /** A new member; or, with another address, where a member has moved to. */
  | { readonly type: 'add'; readonly id: NodeId; readonly address: Address; readonly witness: boolean }
  | { readonly type: 'remove'; readonly id: NodeId }
  /** A learner votes as soon as it has caught up. */
  | { readonly type: 'promote'; readonly id: NodeId };

/** One node of a logical broker, as the program drives it. */
export interface RunningNode {
  readonly listeners: readonly BoundListener[];
  /** Where the peers reach it; null in a logical broker of one. */
  readonly peerAddress: Address | null;
  status(): NodeStatus;
  queues(): readonly QueueStatus[];
  /** The members as the master sees them, if it can be asked; else as this node does. */
  members(): Promise<MembersAnswer>;
  /** On any node: the master is asked. Done when it is committed; a new member catches up after that. */
  changeMembers(change: MembersChange): Promise<MemberOutcome>;
  /** Hands mastership to that node, or to the best one. On any node. */
  transfer(to: NodeId | null): Promise<MemberOutcome>;
  /** Why messages of a destination, or one message, do not move: as the master sees it, if it can be asked. Null: the subject makes no sense. */
  explain(subject: string): Promise<Explanation | null>;
  /** Can it take clients: as master with a majority, or as slave of a master it hears? */
  readiness(): Readiness;
  /** The process must end: the disk failed, or an invariant did not hold. */
  onFailure(listener: (error: Error) => void): void;
  onRoleChange(listener: (role: NodeRole, master: NodeId | null) => void): void;
  /** Clean: a master hands mastership over first; then clients are let go, and what is queued is flushed. */
  stop(): Promise<void>;
}
