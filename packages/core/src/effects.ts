import type { JournalPosition, SessionId } from '@lockstep/kernel';
import type { MessageAttributes } from './attributes.ts';
import type { Refusal } from './requests.ts';

/** Why a message is among the dead letters, and where it was before. */
export interface DeadLetter {
  readonly reason: string;
  readonly originalDestination: string;
}

/** A message on its way to a consumer. Whoever gets it must not change its bytes. */
export interface Message {
  /** Its place in the journal, and its id; 0 for a topic message that nobody stores. */
  readonly position: JournalPosition | 0;
  /** For a message without a place in the journal: its id, `v<opening position>-<n>`; else null. */
  readonly volatileId: string | null;
  /** Where it was sent, and where a dead letter now is. */
  readonly destination: string;
  /** When the master took it, wall clock, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly envelope: number;
  readonly headerBlock: Uint8Array;
  readonly body: Uint8Array;
  /** What its sender asked for, with a time of expiry in place of `ttlMs`. */
  readonly attributes: MessageAttributes | null;
  /** Set on a dead letter. */
  readonly deadLetter: DeadLetter | null;
}

/** A stored message as the state knows it: the rest stands in the record at `position`. */
export interface MessageReference {
  readonly position: JournalPosition;
  /** The queue where it is. */
  readonly destination: string;
  readonly deadLetter: DeadLetter | null;
}

/**
 * What the broker wants of the protocol side: plain data. The bytes of a delivered message are valid for as long as they are held.
 */
export type Effect =
  | { readonly type: 'reply'; readonly session: SessionId; readonly token: number; readonly refusal: Refusal | null }
  | {
      readonly type: 'deliver';
      readonly session: SessionId;
      readonly subscription: number;
      /** Names this delivery in settlements; grows within a subscription except for messages that come again. Queues: the position. */
      readonly tag: number;
      readonly message: Message;
      /** It may have been delivered before. */
      readonly redelivered: boolean;
      /** Starts at 1; counts as `interface.md` says. */
      readonly deliveryCount: number;
    }
  /**
   * The broker has ended the session and forgotten it: tell the client why and close. Requests of it still on their way are passed
   * over; `endSession` may be spared.
   */
  | {
      readonly type: 'closeSession';
      readonly session: SessionId;
      readonly code: 'slow-consumer';
      readonly message: string;
    };

/**
 * A stored message is to be delivered: whoever takes this reads its record, asks `Broker.give` and, if that says so, makes a `deliver` of it
 * (`toDelivery`), in its place among the session's effects. Where the record can't be read, `Broker.undeliverable` is told instead.
 */
export interface StoredDelivery extends MessageReference {
  readonly type: 'deliverStored';
  readonly session: SessionId;
  readonly subscription: number;
  /** The node's own number of the subscription, and of the attachment by which the reference came: `Broker.give` compares them. */
  readonly consumer: number;
  readonly attachment: number;
  /** Header block and body together, bytes. */
  readonly size: number;
  /** By which the queue's messages are in order. */
  readonly priority: number;
  readonly redelivered: boolean;
  readonly deliveryCount: number;
}

/**
 * What the session asked for may or may not have been done, and nobody can tell any more: close its connection, without an ERROR. As with
 * `closeSession`, the broker has forgotten it.
 */
export interface AbandonSession {
  readonly type: 'abandonSession';
  readonly session: SessionId;
}

/** What `Broker` gives out; a session gets `Effect`s. */
export type BrokerEffect = Effect | StoredDelivery | AbandonSession;
