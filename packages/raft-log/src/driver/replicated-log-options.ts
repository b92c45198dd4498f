import type { Address, Clock, Disk, Log, MutualTls, Network, NodeId, Random } from '@lockstep/kernel';
import type { RaftNode } from '../node/raft-node.ts';
import type { RaftOptions, RaftStatus, Standing } from '../node/types.ts';
import type { MemberPart } from './membership/membership.ts';
import type { MemberState } from './peers/hello.ts';
import type { StateMachine } from './types.ts';

export interface MemberAddress {
  readonly id: NodeId;
  /** Where its peer listener is reached. */
  readonly address: Address;
}

export interface ReplicatedLogOptions {
  readonly node: NodeId;
  /** The logical broker's id: members of another are turned away. At most 255 bytes, as are node ids. */
  readonly broker: string;
  /**
   * Who founds the cluster together, this one included; of a cluster that is there already, some whom to ask. Once the log says who the members
   * are it counts alone, and differences are logged.
   */
  readonly members: readonly MemberAddress[];
  /** A member without a state machine, from the founding on or from when it joins. */
  readonly witness?: boolean;
  /** Where this node listens for the others; null in a cluster of one. */
  readonly listen: Address | null;
  /** Known to all members. Null: nobody has to prove anything. */
  readonly secret: Uint8Array | null;
  /** All connections between members are under it; null: none is. A member's certificate names it: see `certifies`. */
  readonly tls?: MutualTls | null;
  /** Told to the other members, and not read here: `aboutMember` gives theirs. At most 255 bytes. */
  readonly about: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Rooted at the data directory. */
  readonly disk: Disk;
  readonly network: Network;
  readonly log: Log;
  readonly machine: StateMachine;
  readonly settings?: Partial<ReplicatedLogSettings>;
  /** Speak no level above this one, as an older program would (`levels.ts`); null: all that this program knows. For tests of upgrades. */
  readonly levelMax?: number | null;
  /** Another kind of pure node: so that a simulation can show that it notices a broken one. */
  readonly makeNode?: (options: RaftOptions) => RaftNode;
}

export interface ReplicatedLogSettings {
  readonly tickMs: number;
  /** Silence of the leader after which a member stands for election: drawn between this and twice this. */
  readonly electionMs: number;
  readonly heartbeatMs: number;
  /** A leader whose own writes take so long, again and again, hands leadership over. Null: half of `electionMs`. */
  readonly slowDiskMs: number | null;
  /** A member whose connection broke and that refuses a new one is dead: elect at once. Not behind proxies. */
  readonly refusedMeansDead: boolean;
  readonly segmentBytes: number;
  readonly fsync: 'always' | 'interval' | 'never';
  /** A snapshot is taken when the journal has grown by more than this, and by more than the last snapshot's size. */
  readonly snapshotBytes: number;
  /** What log, record store and snapshot may take on the disk, before `diskState` says so. Null: 80 % and 90 % of the file system may be taken. */
  readonly softLimitBytes: number | null;
  readonly hardLimitBytes: number | null;
  /** Bound on what is kept in memory of records that were read back. */
  readonly cacheBytes: number;
  /** What compaction reads in a second as long as there is no hurry; the farther the disk's use is beyond what it should be, the more. 0: there is none. */
  readonly compactionBytesPerSecond: number;
  /** What other members are given of this one's records in a second, all together: a new member takes as much as it can get. */
  readonly recordBytesPerSecond: number;
  /** What the scrubber reads in a second. */
  readonly scrubBytesPerSecond: number;
  /** From the start, and from the end of each of the scrubber's rounds, to the next round. */
  readonly scrubPauseMs: number;
  /** Bound on one proposal's payload. A longer one is the caller's mistake (an assertion). */
  readonly payloadBytesMax: number;
  /** Record bytes of one append; a single entry may be larger. */
  readonly appendBytesMax: number;
  readonly inflightBytesMax: number;
  readonly inflightAppendsMax: number;
  readonly uncommittedBytesMax: number;
  readonly tailBytesMax: number;
  /** While more than this is buffered for a peer, it gets no entries. */
  readonly peerBufferedBytesMax: number;
}

const mebibyte = 1024 * 1024;

export const defaultSettings: ReplicatedLogSettings = {
  tickMs: 20,
  electionMs: 500,
  heartbeatMs: 100,
  slowDiskMs: null,
  refusedMeansDead: true,
  segmentBytes: 64 * mebibyte,
  fsync: 'always',
  snapshotBytes: 64 * mebibyte,
  softLimitBytes: null,
  hardLimitBytes: null,
  cacheBytes: 64 * mebibyte,
  compactionBytesPerSecond: 16 * mebibyte,
  recordBytesPerSecond: 128 * mebibyte,
  scrubBytesPerSecond: 4 * mebibyte,
  scrubPauseMs: 600_000,
  payloadBytesMax: 128 * mebibyte,
  appendBytesMax: mebibyte,
  inflightBytesMax: 8 * mebibyte,
  inflightAppendsMax: 64,
  uncommittedBytesMax: 64 * mebibyte,
  tailBytesMax: 64 * mebibyte,
  peerBufferedBytesMax: 16 * mebibyte,
};

export interface ReplicatedLogStatus {
  readonly node: NodeId;
  /** Null: not a member of any cluster yet. */
  readonly clusterId: string | null;
  readonly state: MemberState;
  /** Members not heard of yet, while the cluster is being founded or joined. */
  readonly waitingFor: readonly NodeId[];
  /** Null until `state` is `founded`. */
  readonly raft: RaftStatus | null;
  readonly leading: boolean;
  readonly appliedIndex: number;
  /** The level in use; see `levels.ts`. */
  readonly level: number;
  /** This node is no member any more: it is committed, or other members say so and nobody leads it. */
  readonly removed: boolean;
  /** In the order of their ids. */
  readonly members: readonly MemberStatus[];
}

export interface MemberStatus {
  readonly id: NodeId;
  /** Null: not known. */
  readonly address: Address | null;
  readonly part: MemberPart;
  /** A connection to it is up; true for this node itself. */
  readonly reachable: boolean;
  /** The leader has heard it lately; on other members: it is reachable. */
  readonly alive: boolean;
  /** `abstaining`: it has no vote until it has caught up. Null where this node can't tell. */
  readonly standing: Standing | null;
  /** What it has on its disk, as far as the leader knows; null where this node can't tell. */
  readonly matchIndex: number | null;
  /** How many entries it lacks. */
  readonly lag: number | null;
  /** What keeps it from taking part, and so a change that waits for it, and what to do; left out: nothing that this node knows of. */
  readonly obstacle?: string;
}
