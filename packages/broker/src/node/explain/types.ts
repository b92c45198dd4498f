import type { NodeId } from '@lockstep/kernel';

/** What keeps messages from moving, or does not: for programs. `docs/program.md` says of each what it means. New ones come; none changes its meaning. */
export const reasonCodes = [
  'no-master',
  'master-silent',
  'node-waits',
  'node-behind',
  'queue-waits',
  'no-consumer',
  'windows-full',
  'exclusive',
  'all-held',
  'consumer-joining',
  'node-away',
  'unreadable',
  'settling',
  'held',
  'dead-letter',
  'unknown-message',
  'not-stored',
  'unknown-destination',
  'empty',
  'no-subscriber',
  'subscriber-behind',
  'slow-socket',
  'store-full',
  'index-full',
  'disk-full',
  'disk-filling',
  'producers-held',
  'moving',
] as const;

export type ReasonCode = (typeof reasonCodes)[number];

/** One thing that is so. `text`: for people, what is the case and what to do about it. All else are facts of this code: times in ms, sizes in bytes. */
export interface Reason {
  readonly code: ReasonCode;
  readonly text: string;
  readonly [fact: string]: unknown;
}

/** What `GET /api/v1/explain` answers. */
export interface Explanation {
  /** As it was understood: `/queue/NAME`, `/topic/NAME`, or a message's id. */
  readonly subject: string;
  readonly kind: 'queue' | 'topic' | 'message';
  /** Whose view it is. */
  readonly by: NodeId;
  /** It is the master's, who has made sure that it still is. Otherwise much is not known. */
  readonly confirmed: boolean;
  /** How it stands, in one line for people. */
  readonly summary: string;
  /** At least one; what matters most comes first. */
  readonly reasons: readonly Reason[];
}

/** Clients of a node wait: it has no way to a master. */
export interface MasterWait {
  /** Connections. */
  readonly clients: number;
  readonly forMs: number;
  /** When they are disconnected (`cluster.masterWait`); null: they have been, and those who come are not kept. */
  readonly closedInMs: number | null;
}

/** A subscription of a node's client, told to the master. */
export interface NodeSubscription {
  readonly session: string;
  /** Where the client is, `host:port`. */
  readonly client: string | null;
  /** Of a queue: the node's number of the consumer. */
  readonly consumer: number | null;
  readonly unsettled: number;
  readonly waitingMessages: number;
  readonly waitingBytes: number;
  /** Written for the client, and not taken by it. */
  readonly unsentBytes: number;
}

/** What a node knows of its own clients. */
export interface NodeView {
  readonly node: NodeId;
  /** Null: it is attached to a master. */
  readonly waiting: MasterWait | null;
  /** Why nothing more is read from those of its clients who send; null: it is. */
  readonly heldUpBy: string | null;
  readonly clients: number;
  /** The last position that it has applied. */
  readonly applied: number;
  /** What the master has handed out to its clients, or they have asked for, waits until it has applied more. */
  readonly waitsForApply: boolean;
  /** So it does, and nothing has been applied for too long: it takes no clients. */
  readonly standsStill: boolean;
  /** How many subscriptions of its clients there are, and those of them that stand out. */
  readonly total: number;
  readonly subscriptions: readonly NodeSubscription[];
}
