import type { NodeId, Random } from '@lockstep/kernel';
import type { Configuration, ConfigurationAt } from './configuration.ts';

/**
 * `noop`: what a new leader commits first (Raft §8). `command`: the state machine's. `configuration`: who is a member from here on
 * (thesis §4.1). The numbers stand in records.
 */
export const entryKind = { noop: 0, command: 1, configuration: 2 } as const;
export type EntryKind = (typeof entryKind)[keyof typeof entryKind];

/** One place in the log. The bytes of `record` are those in the journal and on the way to a follower; only the driver looks inside. */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly record: Uint8Array;
  /**
   * Set exactly in entries of that kind: what the record says, decoded by the driver wherever it makes an entry from bytes (journal, peer).
   * Bytes that are no configuration (`isConfiguration`) are a damaged record.
   */
  readonly configuration?: Configuration;
}

/**
 * `voter`: counts. `abstaining`: a member whose disk was empty when it joined a cluster that already had a log; it takes entries
 * but neither votes nor counts towards a commit or a leader's majority, until it holds all that was committed when it joined
 * (its earlier self may have acknowledged entries that it no longer has).
 */
export type Standing = 'voter' | 'abstaining';

/** What must be on disk before any answer that depends on it leaves the node (Raft §5, figure 2; plus the standing). */
export interface HardState {
  readonly term: number;
  readonly votedFor: NodeId | null;
  readonly standing: Standing;
}

interface MessageBase {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; in a pre-vote the term it would campaign in. */
  readonly term: number;
}

export interface PreVoteRequest extends MessageBase {
  readonly type: 'preVoteRequest';
  readonly lastIndex: number;
  readonly lastTerm: number;
}
/** `term` is the request's when granted, else the voter's own. */
export interface PreVoteReply extends MessageBase {
  readonly type: 'preVoteReply';
  readonly granted: boolean;
}
export interface VoteRequest extends MessageBase {
  readonly type: 'voteRequest';
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The leader asked for this election: granted even by those who hear a leader (thesis §3.10). */
  readonly transfer: boolean;
}
export interface VoteReply extends MessageBase {
  readonly type: 'voteReply';
  readonly granted: boolean;
}
export interface AppendRequest extends MessageBase {
  readonly type: 'append';
  /** What the entries follow. They are consecutive; none at all in a probe. */
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
}
export interface AppendReply extends MessageBase {
  readonly type: 'appendReply';
  /** Accepted: everything up to here is the leader's and on the follower's disk. Rejected: meaningless. */
  readonly matchIndex: number;
  /** Set when rejected: where to look next (thesis §5.3's fast back-off). */
  readonly reject: { readonly previousIndex: number; readonly hintIndex: number; readonly hintTerm: number } | null;
  readonly standing: Standing;
}
export interface Heartbeat extends MessageBase {
  readonly type: 'heartbeat';
  /** Never beyond what this follower is known to hold. */
  readonly commitIndex: number;
  /** Numbers the leader's rounds; echoed, so that a majority's answers prove leadership at the time the round began. */
  readonly round: number;
  /** To an abstaining member: with the leader's log on its disk up to here it may vote again. Null to others, and until a majority has confirmed the leader since that member joined. */
  readonly admitIndex: number | null;
  /** To a witness: every member with a state machine has the log on its disk up to here, so the witness need not keep it. 0 to others. */
  readonly releasedIndex: number;
}
export interface HeartbeatReply extends MessageBase {
  readonly type: 'heartbeatReply';
  readonly round: number;
  readonly standing: Standing;
}
/** Thesis §3.10: campaign at once. */
export interface TimeoutNow extends MessageBase {
  readonly type: 'timeoutNow';
}
/**
 * To a witness that is too far behind for the log: the shape of the leader's snapshot, which is all that a witness keeps of one. Answered
 * by an `appendReply`.
 */
export interface Shape extends MessageBase {
  readonly type: 'shape';
  readonly index: number;
  readonly shapeTerm: number;
  readonly configuration: ConfigurationAt;
}

export type RaftMessage =
  | PreVoteRequest
  | PreVoteReply
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | TimeoutNow
  | Shape;

export type RaftInput =
  /** `ticks` have passed since the last one: more than 1 after a stall. */
  | { readonly type: 'tick'; readonly ticks: number }
  | { readonly type: 'receive'; readonly message: RaftMessage }
  /** That batch's `persist` and `install`, and all before it, are on disk. For every batch, in order, each once. */
  | { readonly type: 'persisted'; readonly batch: number }
  /** Answers `RaftBatch.reads`, each once; `from` is the request's. Empty when the entries are no longer in the journal (then a snapshot is needed). */
  | { readonly type: 'entriesRead'; readonly peer: NodeId; readonly from: number; readonly entries: readonly Entry[] }
  /** The peer's process is dead: its connection was reset and a new one refused. Comes after all that was received from it. */
  | { readonly type: 'peerDown'; readonly peer: NodeId }
  /**
   * Messages reach the peer (again): what was in flight may be lost, so probe. Once per connection. From here on nothing that came
   * over an older connection of that peer is handed over: it may have been another incarnation (see `Following`).
   */
  | { readonly type: 'peerUp'; readonly peer: NodeId }
  /** Whoever leads: these followers learn of each commit at once, not only with the next entries or at the next tick. Holds until another such input. */
  | { readonly type: 'keepPosted'; readonly peers: ReadonlySet<NodeId> }
  /**
   * Hand leadership to that member, or to the best one; never to a learner, a witness, or one that is being removed. Refuses proposals
   * meanwhile; ends by itself after an election time-out, or when that member dies (and then, if it was not named, no other is fit). Without effect when this member doesn't lead, or no
   * such voter is alive: look at `role`.
   */
  | { readonly type: 'transfer'; readonly to: NodeId | null }
  /**
   * A durable snapshot (a witness: shape) stands for everything up to `index`; the journal may drop it. Its file holds
   * `configurationAt(index)`, asked before this input.
   */
  | { readonly type: 'snapshotTaken'; readonly index: number }
  /** Asks whether this member leads now; answered once in `RaftBatch.readsConfirmed`. `context` is the driver's, and told back. */
  | { readonly type: 'readIndex'; readonly context: number }
  /** The transfer that `RaftBatch.sendSnapshots` asked for is over, whatever became of it; `index` is the snapshot's. Due even after a change of leader. */
  | { readonly type: 'snapshotSent'; readonly peer: NodeId; readonly index: number; readonly delivered: boolean }
  /**
   * A leader's whole snapshot has arrived and passed its checks. The very next batch has `install`, or it has not: then the snapshot is stale, or
   * the log holds it all, and the received file can go.
   */
  | {
      readonly type: 'snapshotReceived';
      readonly from: NodeId;
      readonly term: number;
      readonly index: number;
      readonly snapshotTerm: number;
      /** As the snapshot's file says; null: it says nothing, as those of level 1 don't. */
      readonly configuration: ConfigurationAt | null;
    };

export interface DurableWrite {
  readonly hardState: HardState | null;
  /** Consecutive; the first replaces whatever stood at its index and after it. May be empty; always is beside `install`. */
  readonly entries: readonly Entry[];
}

export interface ReadRequest {
  readonly peer: NodeId;
  /** Entries `from` to `to`, both included; the driver may answer with fewer (but at least one), and should with about `appendBytesMax` × a few: all of it stays in memory until sent. One outstanding per peer. */
  readonly from: number;
  readonly to: number;
}

/** One turn's consequences, in the order the driver acts on them. */
export interface RaftBatch {
  readonly id: number;
  readonly sendNow: readonly RaftMessage[];
  /** Null: nothing to write, but `persisted` is still due for this batch, after those before it. */
  readonly persist: DurableWrite | null;
  /** Votes, requests for them, and append replies; released once `persist` (or `install`) and those of all earlier batches are on disk. */
  readonly sendAfterPersist: readonly RaftMessage[];
  readonly reads: readonly ReadRequest[];
  /** Followers that are too far behind for the log; never witnesses. One transfer per follower at a time, answered by `snapshotSent`. */
  readonly sendSnapshots: readonly NodeId[];
  /**
   * Replace state machine and journal by the snapshot just received, together with `persist.hardState`. Nothing of a later batch may be written
   * before. Until `persisted` the node may be asked for batches or not, as the driver likes.
   */
  readonly install: Installation | null;
  /**
   * On a witness: entries up to here need not be kept. When enough of them have gathered the driver makes the shape at an index up to here
   * durable (index, `termAt`, `configurationAt`), drops the journal below, and says `snapshotTaken`. Null: as before.
   */
  readonly release: number | null;
  /** Answers to `readIndex`. */
  readonly readsConfirmed: readonly ReadConfirmed[];
  /**
   * Set whenever the configuration in use has become another one, by an entry, a truncation or a snapshot: keep connections to exactly these
   * members, but to those that have left only after what is sent in this batch and the next ones has had some seconds to reach them.
   */
  readonly configuration: Configuration | null;
  /** Everything up to here may be applied, as it comes to hand. Never goes back. */
  readonly commitIndex: number;
}

export interface Installation {
  readonly index: number;
  readonly term: number;
  /** On a witness: no file was received, and index, term and configuration are all there is to write. */
  readonly shape: boolean;
  /** To be kept in the snapshot, as `configurationAt(index)` from now on. */
  readonly configuration: ConfigurationAt;
}

export interface ReadConfirmed {
  readonly context: number;
  /**
   * Once the state machine has applied up to here, it holds all that was acknowledged before the read was asked for (thesis §6.4). Null:
   * refused; this member does not lead, or no majority has confirmed it within an election time-out. Ask again, or elsewhere.
   */
  readonly index: number | null;
}

/** `candidate`: campaigning, pre-vote included. */
export type RaftRole = 'follower' | 'candidate' | 'leader';

export interface PeerProgress {
  readonly id: NodeId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly matchIndex: number;
  readonly standing: Standing;
  /** Heard within the last election time-out. */
  readonly alive: boolean;
  /** A learner that has received everything lately; see `MembershipChange`. */
  readonly caughtUp: boolean;
}

export interface RaftStatus {
  readonly id: NodeId;
  readonly role: RaftRole;
  readonly term: number;
  readonly leader: NodeId | null;
  readonly standing: Standing;
  readonly commitIndex: number;
  readonly lastIndex: number;
  readonly persistedIndex: number;
  /** In use; and whether its entry is committed. */
  readonly configuration: ConfigurationAt;
  readonly configurationCommitted: boolean;
  /** On the leader: every other member, learners and witnesses too. Elsewhere empty. */
  readonly peers: readonly PeerProgress[];
}

/** What was found on disk. `terms` are the runs of equal terms in the journal, oldest first, from `firstIndex` to `lastIndex`. */
export interface RecoveredLog {
  readonly hardState: HardState;
  /** 0, 0 when there is no snapshot. */
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /** The journal's first entry; `lastIndex + 1` when it is empty. At most `snapshotIndex + 1`. */
  readonly firstIndex: number;
  /** `snapshotIndex` when the journal holds nothing above it. */
  readonly lastIndex: number;
  readonly terms: readonly { readonly index: number; readonly term: number }[];
  /**
   * Of all configuration entries in the journal, oldest first; before them the snapshot's, if it has one. Empty: the founding configuration
   * is in use.
   */
  readonly configurations: readonly ConfigurationAt[];
}

export interface RaftOptions {
  readonly id: NodeId;
  /**
   * The configuration while log and snapshot hold none: the same in all founding members; `configurationOf([])` in a node that joins a cluster
   * later. Members' order as strings is their rank: the lowest alive campaigns first when the leader dies.
   */
  readonly founding: Configuration;
  /** This member has no state machine, and is a witness in whatever configuration it is a member of. The driver sees to it that both say the same. */
  readonly witness?: boolean;
  readonly random: Random;
  readonly recovered: RecoveredLog;
  /** Ticks without a leader before campaigning: drawn from [electionTicks, 2 × electionTicks). Also the span a leader may go without hearing a majority. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /**
   * For so many ticks from its making on, a node with a past does as if it had just heard a leader, and so takes part in no election: one that heard its earlier
   * life counts it still. With `electionTicks`, at most one member at a time takes itself for a leader that a majority hears. Default 0.
   */
  readonly ledTicks?: number;
  /** Bound on the entries of one append, in record bytes (one entry may exceed it), and on what is in flight to one follower. */
  readonly appendBytesMax: number;
  readonly inflightBytesMax: number;
  readonly inflightAppendsMax: number;
  /** Record bytes proposed and not yet committed, beyond which `propose` refuses. */
  readonly uncommittedBytesMax: number;
  /** Entries that are on disk everywhere they are needed, and applied, stay in memory up to this many record bytes. Slow followers make it up to four times that. */
  readonly tailBytesMax: number;
  /** Makes an entry's record. `payload` is copied before it returns. */
  readonly makeEntry: (index: number, term: number, kind: EntryKind, payload: Uint8Array) => Entry;
  /** The same for a configuration, which the entry then carries too. */
  readonly makeConfigurationEntry: (index: number, term: number, configuration: Configuration) => Entry;
}

/**
 * What shall become of the membership; what isn't named stays. Taken by `changeMembership`, all or nothing.
 *
 * The leader does the rest by itself, and so does any later leader. New voters begin as learners; voters that leave stay until the new ones
 * have caught up; then one joint configuration makes the whole exchange, and when that is committed the leader ends it. Until the new ones
 * have caught up further changes may be made: removing one of them, for instance, gives up waiting for it.
 * A leader that loses its vote hands leadership over once that is committed, and goes on as a follower.
 */
export interface MembershipChange {
  /** `voter`: as soon as it has caught up. Its disk is empty (then its standing is `abstaining`), or its own of when it was a member, and it is a witness or not as it was then. */
  readonly add?: readonly {
    readonly id: NodeId;
    readonly role: 'voter' | 'learner';
    readonly witness: boolean;
    readonly address: string;
  }[];
  readonly remove?: readonly NodeId[];
  /** Learners that shall vote as soon as they've caught up. */
  readonly promote?: readonly NodeId[];
  readonly addresses?: Readonly<Record<string, string>>;
  readonly level?: number;
}

/**
 * Why a change of membership was not taken. Nothing of it happened or will. `no-quorum` here also: too many of those who would be left to
 * vote are dead, silent or abstaining, so that the change could be neither completed nor taken back.
 */
export type ChangeRefusal =
  | ProposeRefusal
  /** The configuration in use is not committed yet, or is joint; or this leader has not committed an entry of its term yet. Try again soon. */
  | { readonly reason: 'change-under-way' }
  /** It makes no sense; `detail` says why in words, naming members. */
  | { readonly reason: 'invalid'; readonly detail: string };

/** Why a proposal was not taken. Nothing of it happened or will. */
export type ProposeRefusal =
  | { readonly reason: 'not-leader'; readonly leader: NodeId | null }
  /** Leadership is being handed over, or has not been confirmed by a majority within `electionTicks`. */
  | { readonly reason: 'transferring' | 'no-quorum' }
  | { readonly reason: 'too-much-uncommitted' };
