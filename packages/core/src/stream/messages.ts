import type { JournalPosition } from '@lockstep/kernel';
import type { ConsumerAttributes } from '../consumer-attributes.ts';
import type { NackAction, NewMessage, Refusal } from '../requests.ts';

/**
 * What a node, which serves clients, and the master say to each other: plain data, in order, each way. A message's bytes are the receiver's to
 * read until the call that takes it returns.
 */

/** A consumer of a node: a number that the node chose, never used again while its process lives. */
export type ConsumerKey = number;

/** A session of a node: a number that the node chose, never used again while its process lives. */
export type SessionKey = number;

/** One consumer's settlements with one outcome. `return`: written to a client that is gone or has unsubscribed; no delivery is counted. */
export interface SettlementGroup {
  readonly consumer: ConsumerKey;
  readonly destination: string;
  readonly outcome: 'ack' | NackAction | 'return';
  readonly positions: readonly number[];
}

/** A consumer of a queue. */
export interface ConsumerWish {
  readonly consumer: ConsumerKey;
  readonly destination: string;
  readonly prefetchMessages: number;
  readonly prefetchBytes: number;
  /** Null: as all others, as a rule. */
  readonly attributes: ConsumerAttributes | null;
}

/**
 * With what was written to its client and is unsettled in the node's applied state, outstanding settlements included. A consumer that is
 * only waiting for its last settlements has no `prefetchMessages`; its `unsubscribe` follows.
 */
export interface AttachedConsumer extends ConsumerWish {
  readonly held: readonly number[];
}

/** How many subscribers a node has for a topic. */
export interface TopicInterest {
  readonly topic: string;
  readonly consumers: number;
}

/** A topic message that nobody stores, in its node's own series: its id is `v<epoch>-<number>`. */
export interface PublishedMessage {
  readonly number: number;
  readonly destination: string;
  /** Wall clock of the node that took it, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly message: NewMessage;
}

/**
 * From a node to the master. Numbers are those of the node's proposal stream: one for each command, without holes. `over`: no session of which a
 * number up to that one was refused has a command in this message or in a later one: the node has known of the refusal since.
 */
export type NodeMessage =
  /** Asks for a stream: there is none, or the master has said `stale`. */
  | { readonly type: 'open'; readonly run: string }
  /** `attachedAt`: `applied` of the last `attached` it was told; 0: none. */
  | {
      readonly type: 'attach';
      readonly epoch: number;
      readonly attachedAt: number;
      readonly consumers: readonly AttachedConsumer[];
      readonly topics: readonly TopicInterest[];
    }
  /** Whole `streamed` commands, of consecutive numbers from `number`. `sessions`: whose they are, one by one. */
  | {
      readonly type: 'propose';
      readonly number: number;
      readonly over: number;
      readonly commands: readonly Uint8Array[];
      readonly sessions: readonly SessionKey[];
    }
  /** One number, whatever becomes of each position. */
  | { readonly type: 'settle'; readonly number: number; readonly groups: readonly SettlementGroup[] }
  /** A transaction: the parts have the numbers from `number`, its end the one behind them. */
  | {
      readonly type: 'commit';
      readonly number: number;
      readonly session: SessionKey;
      readonly over: number;
      readonly commands: readonly Uint8Array[];
      readonly groups: readonly SettlementGroup[];
    }
  | ({ readonly type: 'subscribe' } & ConsumerWish)
  | { readonly type: 'unsubscribe'; readonly consumer: ConsumerKey }
  /** `consumers` 0: nobody there subscribes any more. */
  | ({ readonly type: 'interest' } & TopicInterest)
  /**
   * The client holds these no more, though the last `attach` said so: a settlement that the node had not seen applied by then, and that is not
   * taken again since its number was over. Whatever of it the consumer still holds is ready again; nothing is counted.
   */
  | { readonly type: 'release'; readonly consumer: ConsumerKey; readonly positions: readonly number[] }
  | ({ readonly type: 'publish' } & PublishedMessage)
  /** The message can't be brought to the consumer: it is live no more, or its record can't be read. The window has room again. */
  | {
      readonly type: 'undeliverable';
      readonly consumer: ConsumerKey;
      readonly position: JournalPosition;
      readonly size: number;
    };

/** From the master to a node that is attached, or wants to be. */
export type MasterMessage =
  /**
   * `applied`: by the master; to be acted on when the node has applied so far. `number`: the last of the node's stream that was over then: those above it
   * are taken again. `windowBytes`: as `window`. `lapsed`: what the node's clients held had been given back before; none of `held` was taken. All
   * consumers and topics of the `attach` are known; `subscribed` and `interested` do not come for them.
   */
  | {
      readonly type: 'attached';
      readonly applied: number;
      readonly number: number;
      readonly windowBytes: number;
      readonly lapsed: boolean;
    }
  /** That epoch is not open: all sessions of it are over. */
  | { readonly type: 'stale' }
  | { readonly type: 'subscribed'; readonly consumer: ConsumerKey; readonly refusal: Refusal | null }
  | { readonly type: 'unsubscribed'; readonly consumer: ConsumerKey }
  /** One for each `interest`, of nobody too. */
  | { readonly type: 'interested'; readonly topic: string }
  /**
   * Column by column. To be acted on when the node has applied up to `applied`; what comes later waits behind it. `counts`: the delivery's
   * number, twice, and one more when it is redelivered.
   */
  | {
      readonly type: 'deliver';
      readonly applied: number;
      readonly consumers: readonly ConsumerKey[];
      readonly positions: readonly number[];
      readonly sizes: readonly number[];
      readonly counts: readonly number[];
    }
  /** To all subscribers of the receiving node. `epoch`: of the stream of the node that took it. */
  | ({ readonly type: 'publish'; readonly epoch: number } & PublishedMessage)
  /** The node's topic messages up to that one have been passed on. */
  | { readonly type: 'published'; readonly number: number }
  /** What the node's SENDs may have outstanding, bytes. 0: none now. `reason`: for people. */
  | { readonly type: 'window'; readonly bytes: number; readonly reason: string };
