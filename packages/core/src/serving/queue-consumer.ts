import { defaultPriority } from '../attributes.ts';
import { outcomeCount } from '../commands/format.ts';
import type { OutcomeCode } from '../commands/format.ts';
import type { ConsumerAttributes } from '../consumer-attributes.ts';
import type { ConsumerWish, SettlementGroup } from '../stream/messages.ts';
import type { ServingSession } from './serving-session.ts';

/** Settlements of one consumer on their way through the log. */
export interface OutstandingGroup extends SettlementGroup {
  /** Those of the positions that the client held on after they had been given back elsewhere. */
  late: readonly number[];
  /** Of a transaction: it may be refused, and all is as before. */
  readonly inTransaction: boolean;
}

interface NewestByPriority {
  readonly written: Map<number, number>;
  newest: Map<number, number>;
}

const none: readonly number[] = [];
/** In the list of what was written: settled. No position. */
const settled = 0;
const compactAt = 64;

/** A subscription to a queue, on the node of its client, and what that client holds. */
export class QueueConsumer {
  readonly kind = 'queue';
  /** Chosen by the node, never used again by its process. */
  readonly key: number;
  readonly session: ServingSession;
  readonly subscription: number;
  readonly destination: string;
  readonly prefetchMessages: number;
  readonly prefetchBytes: number;
  readonly attributes: ConsumerAttributes | null;
  /** The client still wants messages. */
  open = true;
  /** Set when it no longer does, but a transaction has to end before what it held can go back: how the session ended. */
  ending: 'clean' | 'lost' | null = null;
  /** The master has been told, or is to be told with the next attachment, that it is over. */
  left = false;
  /** The master has said that it knows. */
  forgotten = false;
  /** Of the request that waits for the master's word on it. */
  token: number | null = null;
  /** Settlements proposed and not yet over, the oldest first. */
  readonly outstanding: OutstandingGroup[] = [];
  /** Kept by the node: it stands in the list of those with settlements of this turn. */
  gathering = false;
  /** Settlements of this turn, by outcome. */
  readonly #gathered: number[][] = Array.from({ length: outcomeCount }, () => []);
  #gatheredLate: number[] = [];
  /** Written to the client, in this order; settled ones are 0, or before the head. */
  #written: number[] = [];
  #head = 0;
  #settled = 0;
  /** The highest position that was written, and the highest that is on its way to be. */
  #newestWritten = 0;
  #newest = 0;
  /** Likewise by priority, where it is not the default one. */
  #others: NewestByPriority | null = null;
  /** Written and unsettled, but given back elsewhere since: nobody counts them as this consumer's. */
  #late: number[] = [];

  constructor(
    key: number,
    session: ServingSession,
    subscription: number,
    { destination, prefetchMessages, prefetchBytes, attributes }: Omit<ConsumerWish, 'consumer'>,
  ) {
    this.key = key;
    this.session = session;
    this.subscription = subscription;
    this.destination = destination;
    this.prefetchMessages = prefetchMessages;
    this.prefetchBytes = prefetchBytes;
    this.attributes = attributes;
  }

  write(priority: number, position: number): void {
    this.#written.push(position);
    if (priority === defaultPriority) {
      if (position > this.#newestWritten) this.#newestWritten = position;
    } else raise(this.#otherPriorities.written, priority, position);
  }

  /**
   * The message is on its way to the client. True: behind a later one of its priority. It was on its way to another meanwhile, who may or may not have been given
   * it; so whoever goes by the order of what is new has to be told.
   */
  comesLate(priority: number, position: number): boolean {
    if (priority !== defaultPriority) return !raise(this.#otherPriorities.newest, priority, position);
    if (position < this.#newest) return true;
    this.#newest = position;
    return false;
  }

  /** What was on its way is void. */
  voidUnwritten(): void {
    this.#newest = this.#newestWritten;
    if (this.#others !== null) this.#others.newest = new Map(this.#others.written);
  }

  /** The client settles the message; false: it does not hold it. */
  settle(position: number, outcome: OutcomeCode): boolean {
    const isWritten = this.#take(position);
    if (!isWritten && !this.#takeLate(position)) return false;
    if (!isWritten) this.#gatheredLate.push(position);
    this.#gathered[outcome]!.push(position);
    return true;
  }

  /** A message goes back that the client holds no more. */
  giveBack(position: number, outcome: OutcomeCode): void {
    this.#gathered[outcome]!.push(position);
  }

  /** Takes positions out of what the client holds, all or (null) none. Returns those of them that were late. */
  takeAll(positions: readonly number[]): readonly number[] | null {
    let late = none;
    // Their order counts: what is held longest is the one that a lost connection counts.
    const written = this.written.slice();
    const lateBefore = this.#late.slice();
    for (const position of positions) {
      if (this.#take(position)) continue;
      if (this.#takeLate(position)) late = [...late, position];
      else {
        this.#clear();
        this.#written = written;
        this.#late = lateBefore;
        return null;
      }
    }
    return late;
  }

  /** The client holds them after all. */
  putBack(positions: readonly number[], late: readonly number[]): void {
    for (const position of positions) {
      if (late.includes(position)) this.#late.push(position);
      else this.#written.push(position);
    }
  }

  /** The settlements of this turn with that outcome, at most so many: a group that is outstanding from now on. Null: there are none (left). */
  takeGathered(outcome: OutcomeCode, name: SettlementGroup['outcome'], countMax: number): OutstandingGroup | null {
    const gathered = this.#gathered[outcome]!;
    if (gathered.length === 0) return null;
    const positions = gathered.length <= countMax ? gathered : gathered.slice(0, countMax);
    this.#gathered[outcome] = gathered.length <= countMax ? [] : gathered.slice(countMax);
    const late = this.#gatheredLate;
    const { key: consumer, destination } = this;
    const lateOnes = late.length === 0 ? none : positions.filter((position) => late.includes(position));
    const group = { consumer, destination, outcome: name, positions, late: lateOnes, inTransaction: false };
    this.outstanding.push(group);
    return group;
  }

  /** All settlements of the turn have been taken. */
  gatheredAll(): void {
    this.gathering = false;
    if (this.#gatheredLate.length > 0) this.#gatheredLate = [];
  }

  /** The settlements are over. */
  settledGroup(group: OutstandingGroup): void {
    // Mostly the first.
    const at = this.outstanding.indexOf(group);
    if (at !== -1) this.outstanding.splice(at, 1);
  }

  /** What the client holds by now, the longest held first; late ones left out. */
  get written(): readonly number[] {
    this.#compact();
    return this.#written;
  }

  /** All that the client held has been given back elsewhere: what it settles of it from now on comes late. */
  lapse(): void {
    for (const position of this.written) this.#late.push(position);
    this.#clear();
    for (const group of this.outstanding) group.late = group.positions;
    this.#gatheredLate = this.#gathered.flat();
  }

  /** The client holds nothing any more. Returns what it held, the longest held first; late ones left out. */
  drain(): readonly number[] {
    const { written } = this;
    this.#clear();
    this.#late = [];
    return written;
  }

  get isInTransaction(): boolean {
    return this.outstanding.some(({ inTransaction }) => inTransaction);
  }

  get #otherPriorities(): NewestByPriority {
    return (this.#others ??= { written: new Map(), newest: new Map() });
  }

  #take(position: number): boolean {
    const written = this.#written;
    if (written[this.#head] === position) this.#head++;
    else {
      const at = position > 0 ? written.indexOf(position, this.#head) : -1;
      if (at === -1) return false;
      written[at] = settled;
      this.#settled++;
    }
    while (this.#settled > 0 && written[this.#head] === settled) {
      this.#head++;
      this.#settled--;
    }
    const empty = this.#head + this.#settled;
    if (empty >= compactAt && empty * 2 >= written.length) this.#compact();
    return true;
  }

  #takeLate(position: number): boolean {
    const at = this.#late.length === 0 ? -1 : this.#late.indexOf(position);
    if (at === -1) return false;
    this.#late.splice(at, 1);
    return true;
  }

  #compact(): void {
    if (this.#head + this.#settled === 0) return;
    const written = this.#written;
    if (this.#head === written.length) written.length = 0;
    else if (this.#settled === 0) this.#written = written.slice(this.#head);
    else this.#written = written.filter((position, index) => index >= this.#head && position !== settled);
    this.#head = 0;
    this.#settled = 0;
  }

  #clear(): void {
    this.#written = [];
    this.#head = 0;
    this.#settled = 0;
  }
}

/** Notes the position if it is higher than the one before it, or the same; false: it is lower. */
function raise(newest: Map<number, number>, priority: number, position: number): boolean {
  if (position < (newest.get(priority) ?? 0)) return false;
  newest.set(priority, position);
  return true;
}
