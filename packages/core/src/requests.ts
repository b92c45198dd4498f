import type { SessionId } from '@lockstep/kernel';
import type { MessageAttributes } from './attributes.ts';
import type { ConsumerAttributes } from './consumer-attributes.ts';

/** How a subscription's messages are settled. `auto`: the protocol side settles each one after it has written it. */
export type AckMode = 'auto' | 'client' | 'client-individual';

/** What becomes of a message that was not taken: back to its place with one more delivery counted, to the dead letters, or dropped. */
export type NackAction = 'requeue' | 'dead-letter' | 'discard';

/** A message as a session hands it in. The broker copies what it keeps before `handle` returns. */
export interface NewMessage {
  /** The protocol side's note on how `headerBlock` is encoded (0–255). Kept and given back; core does not read it. */
  readonly envelope: number;
  /** The sender's own header lines, as they came in. Core does not read them. */
  readonly headerBlock: Uint8Array;
  readonly body: Uint8Array;
  /** What those lines ask the broker for; null: nothing, as a rule. */
  readonly attributes: MessageAttributes | null;
}

export interface Settlement {
  /** The session's own number of the subscription. */
  readonly subscription: number;
  /** `ack`, or what NACK asked for. */
  readonly outcome: 'ack' | NackAction;
  /** Delivery tags, as `deliver` gave them. */
  readonly tags: readonly number[];
}

/**
 * What a session wants of the broker: plain data, so that it makes no difference where the session runs. Every request with a
 * `token` is answered by exactly one `reply` effect that bears it, unless the session is closed first. Requests of one session take effect in
 * the order in which they were made. Once a `send` or a `commit` of a session has been refused, so are all its later ones, on the way or not: what
 * its client sends again, in another session, is not overtaken.
 */
export type Request =
  | {
      readonly type: 'send';
      readonly session: SessionId;
      readonly token: number;
      /** A canonical destination name: `/queue/N` or `/topic/N`. */
      readonly destination: string;
      readonly message: NewMessage;
    }
  | {
      readonly type: 'subscribe';
      readonly session: SessionId;
      readonly token: number;
      /** Chosen by the session, unique in it, never used again in it. */
      readonly subscription: number;
      readonly destination: string;
      /** Messages, and bytes of them, that may be unsettled at a time. At least one message is always let through. */
      readonly prefetchMessages: number;
      readonly prefetchBytes: number;
      /** Null: as all others, as a rule. */
      readonly attributes: ConsumerAttributes | null;
    }
  /** What the subscription held goes back at once, to its old place; no delivery is counted. */
  | { readonly type: 'unsubscribe'; readonly session: SessionId; readonly token: number; readonly subscription: number }
  /** What is no longer held (settled meanwhile, given to another) is passed over without complaint. */
  | { readonly type: 'settle'; readonly session: SessionId; readonly token: number; readonly settlement: Settlement }
  /** A transaction: all of it in one step, or (refused) nothing of it. Within it, sends keep their order. */
  | {
      readonly type: 'commit';
      readonly session: SessionId;
      readonly token: number;
      readonly sends: readonly { readonly destination: string; readonly message: NewMessage }[];
      readonly settlements: readonly Settlement[];
    }
  /**
   * The session is over; the last request of it. `lost`: without a word (a crashed worker: the oldest message each subscription
   * held counts a delivery). `clean`: DISCONNECT, an ERROR of ours, a close by the broker: none counts.
   */
  | { readonly type: 'endSession'; readonly session: SessionId; readonly how: 'clean' | 'lost' };

/** Why a request was not carried out: nothing of it happened. */
export interface Refusal {
  /** Stable, for programs. */
  readonly code: 'store-full' | 'overloaded' | 'no-such-message' | 'too-large' | 'bad-destination' | 'behind-refused';
  /** For people: what happened, where, and what to do. At most 150 bytes. */
  readonly message: string;
}
