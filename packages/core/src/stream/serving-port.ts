import type { BrokerEffect, StoredDelivery } from '../effects.ts';
import type { Request } from '../requests.ts';
import type { TopicStatus } from '../status.ts';
import type { StreamView } from '../state/stream.ts';
import type { MasterMessage, NodeMessage } from './messages.ts';

/** What of the replicated state a node's end looks at. `stream`: its own node's; undefined: none was ever opened. */
export interface ServedState {
  readonly applied: number;
  stream(): StreamView | undefined;
  /** The message is live there. */
  holds(queue: string, position: number): boolean;
  /** What `deliverStored` tells of a live message; null: it is live no more. */
  facts(
    queue: string,
    position: number,
  ): { readonly size: number; readonly deadLetter: StoredDelivery['deadLetter'] } | null;
}

/**
 * A node's end of the proposal stream, as `Broker` drives it. Effects are appended to the array that is passed, which is not kept. Of
 * the applied commands it hears only what is about its own node's stream, with `state.applied` where the command stands.
 */
export interface ServingPort {
  handle(request: Request, effects: BrokerEffect[]): void;
  /** The stream of this node and run has been opened: its epoch. */
  opened(epoch: number): void;
  /** Its command `number` is over. Not `accepted`: a transaction of which nothing happened, since a message that it settles is gone. */
  taken(number: number, accepted: boolean, effects: BrokerEffect[]): void;
  /** Its commands `number` to `through` are over, refused. */
  refused(
    number: number,
    through: number,
    refusal: NonNullable<Extract<BrokerEffect, { type: 'reply' }>['refusal']>,
    effects: BrokerEffect[],
  ): void;
  /** Each applied command, whatever it was about, after the calls above: `deliver`s that waited for it may go on. */
  appliedTo(position: number, effects: BrokerEffect[]): void;
  /** `state` is another one now. */
  restored(effects: BrokerEffect[]): void;
  /** Begins an attachment: `takeMessages` has `open` or `attach` first. */
  attach(): void;
  detach(effects: BrokerEffect[]): void;
  fromMaster(message: MasterMessage, effects: BrokerEffect[]): void;
  /** The end of a turn: what was gathered goes out, and topic subscribers get what they have room for. */
  flush(effects: BrokerEffect[], dispatch: boolean): void;
  /** To the master, in order; empty while detached. */
  takeMessages(): readonly NodeMessage[];
  undeliverable(delivery: StoredDelivery): boolean;
  topics(): readonly TopicStatus[];
  readonly accepting: boolean;
  /** For people: why it does not accept. */
  readonly heldUpBy: string;
  /** SENDs that are not over, bytes. */
  readonly outstandingBytes: number;
  /** Requests that went the way of the log and are not over. */
  readonly outstanding: number;
}
