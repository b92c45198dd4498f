import type { AckMode } from '@lockstep/core';

/** A message that the client has and has not settled. */
export interface Held {
  readonly subscription: Subscription;
  readonly messageId: string;
  /** Names this delivery in the whole session: what MESSAGE's `ack` header says. */
  readonly ackId: string;
  readonly tag: number;
  /** Grows with each delivery of the session: what came first is settled first. */
  readonly order: number;
  /** The id of the open transaction in which it was acknowledged, or null. */
  transaction: string | null;
}

/** How many settled deliveries may stand among the held ones before they are dropped. */
const LINE_SLACK = 1024;

/** One SUBSCRIBE, and what the client holds of it. */
export class Subscription {
  /** The broker's name for it. */
  readonly number: number;
  /** The client's. */
  readonly id: string;
  readonly destination: string;
  readonly mode: AckMode;
  readonly prefetchBytes: number;
  /** `auto`: written for the client, and not yet settled. */
  writtenTags: number[] = [];
  /** By message id: held, and in no transaction. */
  readonly #free = new Map<string, Held>();
  /** By message id: acknowledged in an open transaction. */
  readonly #inTransaction = new Map<string, Held>();
  /** `client`: all that is held, oldest delivery first, among some that are no longer. None before `#lineFrom` is free. */
  #line: Held[] = [];
  #lineFrom = 0;

  constructor(number: number, id: string, destination: string, mode: AckMode, prefetchBytes: number) {
    this.number = number;
    this.id = id;
    this.destination = destination;
    this.mode = mode;
    this.prefetchBytes = prefetchBytes;
  }

  hold(held: Held): void {
    this.#free.set(held.messageId, held);
    if (this.mode !== 'client') return;
    this.#line.push(held);
    if (this.#line.length > 2 * (this.#free.size + this.#inTransaction.size) + LINE_SLACK) this.#tidyLine();
  }

  find(messageId: string): Held | undefined {
    return this.#free.get(messageId) ?? this.#inTransaction.get(messageId);
  }

  /** All that is held, in transactions too. */
  *all(): Iterable<Held> {
    yield* this.#free.values();
    yield* this.#inTransaction.values();
  }

  get holdsAny(): boolean {
    return this.#free.size > 0 || this.#inTransaction.size > 0;
  }

  /**
   * Takes what an ACK or NACK of `held` settles, oldest first: under `client` all free ones up to it (STOMP 1.2,
   * SUBSCRIBE ack Header), else it alone. With a transaction they stay known, and may come back.
   */
  take(held: Held, transaction: string | null): Held[] {
    const taken: Held[] = [];
    if (this.mode === 'client') {
      for (; this.#lineFrom < this.#line.length; this.#lineFrom++) {
        const older = this.#line[this.#lineFrom]!;
        if (older.order > held.order) break;
        if (this.#free.get(older.messageId) === older) taken.push(older);
      }
    } else taken.push(held);
    for (const one of taken) {
      this.#free.delete(one.messageId);
      if (transaction === null) continue;
      one.transaction = transaction;
      this.#inTransaction.set(one.messageId, one);
    }
    return taken;
  }

  /** The transaction is committed: these are settled. */
  settle(taken: Held): void {
    this.#inTransaction.delete(taken.messageId);
  }

  /** The transaction is aborted: these are held as before, each in its old place. Costs no more than they are, however much is held. */
  giveBack(taken: readonly Held[]): void {
    let oldest = Infinity;
    for (const one of taken) {
      one.transaction = null;
      this.#inTransaction.delete(one.messageId);
      this.#free.set(one.messageId, one);
      oldest = Math.min(oldest, one.order);
    }
    this.#lineFrom = Math.min(this.#lineFrom, this.#placeInLine(oldest));
  }

  /** Where the first delivery of that order, or a later one, stands. */
  #placeInLine(order: number): number {
    let low = 0;
    let high = this.#line.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#line[middle]!.order < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops what is no longer held. */
  #tidyLine(): void {
    const from = this.#line[this.#lineFrom]?.order ?? Infinity;
    this.#line = this.#line.filter((held) => this.find(held.messageId) === held);
    this.#lineFrom = this.#placeInLine(from);
  }
}
