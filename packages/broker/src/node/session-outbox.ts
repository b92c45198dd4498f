import type { Effect, StoredDelivery } from '@lockstep/core';
import type { SessionId } from '@lockstep/kernel';
import type { PayloadRead } from '@lockstep/raft-log';
import type { SessionEndpoint } from '@lockstep/stomp-server';

/** What comes to a session in its turn. */
export type SessionEffect = Effect | StoredDelivery;

/** An effect that could not be given at once. */
export interface WaitingEffect {
  readonly effect: SessionEffect;
  /** Of a stored delivery: its record, once it is here. */
  record: PayloadRead | null;
}

/** How far the line may be empty in front before it is cut off. */
const slack = 1024;

/**
 * What one session is still to be given, in order: a stored message waits for its record, or for the client to take what it has; all that
 * comes later waits behind it.
 */
export class SessionOutbox {
  readonly session: SessionId;
  readonly endpoint: SessionEndpoint;
  /** Stored messages that are asked for and not yet given, and what the client has not taken as of late. */
  heldBytes = 0;
  /** Of those, what is asked for and not yet given. */
  askedBytes = 0;
  /** The session has ended: nothing is given to it any more. */
  over = false;
  #line: WaitingEffect[] = [];
  #head = 0;
  /** Those before it have been asked for, if they have a record. */
  #asked = 0;

  constructor(session: SessionId, endpoint: SessionEndpoint) {
    this.session = session;
    this.endpoint = endpoint;
  }

  get isWaiting(): boolean {
    return this.#head < this.#line.length;
  }

  push(effect: SessionEffect): void {
    this.#line.push({ effect, record: null });
  }

  /** The first effect that waits. */
  get first(): WaitingEffect | undefined {
    return this.#line[this.#head];
  }

  shift(): void {
    this.#head++;
    if (this.#asked < this.#head) this.#asked = this.#head;
    if (this.#head === this.#line.length) this.clear();
    else if (this.#head > slack && this.#head * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#asked -= this.#head;
      this.#head = 0;
    }
  }

  /** The first that has not been asked for. */
  get toAsk(): WaitingEffect | undefined {
    return this.#line[this.#asked];
  }

  asked(): void {
    this.#asked++;
  }

  clear(): void {
    this.#line.length = 0;
    this.#head = 0;
    this.#asked = 0;
  }
}
