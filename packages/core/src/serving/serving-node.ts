import type { DestinationNames } from '../commands/destination-names.ts';
import type { BrokerEffect, StoredDelivery } from '../effects.ts';
import type { Refusal, Request } from '../requests.ts';
import type { MessageList } from '../state/message-list.ts';
import type { TopicStatus } from '../status.ts';
import type { MasterMessage, NodeMessage } from '../stream/messages.ts';

/** What of the replicated state a node's end looks at. */
export interface ServedState {
  readonly applied: number;
  readonly queues: ReadonlyMap<string, { readonly list: MessageList }>;
  /** By node: who opened its stream, and the last number that is over. */
  readonly streams: ReadonlyMap<string, { readonly epoch: number; readonly run: string; readonly number: number }>;
}

export interface ServingOptions {
  readonly node: string;
  readonly run: string;
  readonly wallMs: () => number;
  /** `StreamRules`. */
  readonly rules: {
    resendFrom(applied: number): number;
    heldForAttach(settling: boolean): boolean;
  };
  readonly messageBytesMax: number;
  readonly waitingBytesMax: number;
  readonly topicBacklogBytesMax: number;
}

/**
 * The node's end of the broker, on every node: its sessions' requests, its proposal stream, its consumers and what they hold. What it wants of
 * the master are `NodeMessage`s, in order; the master answers in `MasterMessage`s. Durable outcomes come from the node's own apply. Effects are
 * appended to the array that is passed, which is not kept.
 */
export declare class ServingNode {
  constructor(state: ServedState, names: DestinationNames, options: ServingOptions);

  /** Takes a session's request, whether attached or not. Bytes in it may be used again once it returns. */
  handle(request: Request, effects: BrokerEffect[]): void;

  /**
   * Called right before the delivery goes to its client, which then holds the message. False: it is void (the attachment by which it came or the
   * subscription is over), and nothing is to be done with it.
   */
  give(delivery: StoredDelivery): boolean;

  /** Called instead of `give` where the record can't be read. False: the message is live no more, as far as this node knows. */
  undeliverable(delivery: StoredDelivery): boolean;

  /** Of the node's stream; 0: it has none yet, and takes nothing for the log. */
  get epoch(): number;

  /** `attach` was called, and `detach` not since. */
  get attached(): boolean;

  /** A way to the master is open: `takeMessages` gives what it is to be told first (`open`, or `attach` and what is outstanding). */
  attach(effects: BrokerEffect[]): void;

  /** The way to the master is gone. All is kept; references that were not given to a client yet are void. Harmless when not attached. */
  detach(effects: BrokerEffect[]): void;

  /** The master has taken the attachment, and its window has room for SENDs. */
  get accepting(): boolean;

  /** Why it does not accept, for people. */
  get heldUpBy(): string;

  /** Messages on their way: commands that are not over here, and topic messages that the master has not acknowledged. */
  get outstandingBytes(): number;

  /** Requests that are not answered because the log or the master has to speak first. */
  get outstanding(): number;

  /** In the order in which they came. What this node has not applied enough for waits until a `flush`, and all that comes later behind it. */
  fromMaster(message: MasterMessage, effects: BrokerEffect[]): void;

  /** The end of a turn: acts on what waited, gathers the settlements of the turn, hands topic messages out. */
  flush(effects: BrokerEffect[]): void;

  /** For the master, in order, since the last call; empty while detached. The array is the caller's. Bytes of commands are good until they are over here. */
  takeMessages(): NodeMessage[];

  /** The node's own apply: a stream of this node was opened, by this process (`run`) or another. */
  opened(run: string, epoch: number, effects: BrokerEffect[]): void;

  /** That number of this node's epoch is over. Not `accepted`: a transaction of which nothing happened, as a message that it settles is gone. */
  taken(number: number, accepted: boolean, effects: BrokerEffect[]): void;

  /** All of its numbers up to `through` are over: those that were not before are refused. */
  refused(through: number, refusal: Refusal, effects: BrokerEffect[]): void;

  /** The state is another, from a snapshot. Sessions whose requests it carried the node past are abandoned; all are if the epoch is not open in it. */
  restored(state: ServedState, effects: BrokerEffect[]): void;

  /** Topics with subscriptions on this node, in no order. */
  topics(): readonly TopicStatus[];
}
