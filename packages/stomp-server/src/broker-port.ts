import type { Effect, Request } from '@lockstep/core';
import type { SessionId } from '@lockstep/kernel';

/** Where a connection's effects arrive. */
export interface SessionEndpoint {
  /** Called for each effect that names the session, in order. */
  effect(effect: Effect): void;
  /** The effects of this turn have all been given: write out what they made. */
  flush(): void;
  /** Where the client is, `host:port`: for people. */
  readonly client: string;
  /** Bytes written for the client that it has not taken. */
  readonly unsentBytes: number;
  /** The broker accepts again: answers `BrokerPort.callWhenAccepting`. */
  resume(): void;
  /**
   * The broker can no longer serve it (mastership has moved, or the node stops): close, without an ERROR frame. It submits nothing
   * more, `endSession` neither; so after a `closeSession` effect.
   */
  abandon(): void;
  /** What its user may do has changed, or that he may be here at all. */
  accessChanged(): void;
}

/** The broker, as the sessions of this node see it. */
export interface BrokerPort {
  /** From now on effects for the session go to `endpoint`, until its `endSession` has been submitted. */
  attach(session: SessionId, endpoint: SessionEndpoint): void;
  submit(request: Request): void;
  /** The client has taken what was unsent: there is room for more messages. Called after `flush` has left more than the connection takes without a word. */
  taken(session: SessionId): void;
  /** False: stop reading from clients (too much is under way, or no majority has been heard lately). */
  readonly accepting: boolean;
  /** Why it does not accept, in words for the client; of no meaning while it does. */
  readonly heldUpBy: string;
  /** Calls the endpoint's `resume` once, when the broker accepts again. It need not be attached. */
  callWhenAccepting(endpoint: SessionEndpoint): void;
}
