import { decodeText } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { ByteReader } from '../../src/commands/byte-reader.ts';
import { commandType } from '../../src/commands/format.ts';
import { Broker, defaultBrokerOptions, readMessage } from '../../src/index.ts';
import type { LiveRecords, StoredDelivery } from '../../src/index.ts';
import type { Client, ClientSubscription } from './client.ts';

/** The brokers did what must not be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function require(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Violation(message);
}

/** A client holds a message, as far as it knows. */
interface Holder {
  readonly client: Client;
  readonly subscription: ClientSubscription;
  /** Its node has lost its lease since (or had, when the message came). */
  lapsed: boolean;
  /** A master has handed it out since, to whomever, or may have. */
  handedOut: boolean;
}

/** Bodies are `client:number` and filling. */
export function bodyAt(bytes: Uint8Array): string {
  const message = readMessage(bytes, { position: 1 as JournalPosition, destination: '/queue/q', deadLetter: null });
  return decodeText(message.body).split(' ')[0]!;
}

/** Sees the log and the clients, and none of the brokers inside: says what each reply and each delivery promises, and that it is so. */
export class Judge implements LiveRecords {
  readonly #log: readonly Uint8Array[];
  /** A replica without clients, that has applied all that is committed. */
  readonly #replica = new Broker({ ...defaultBrokerOptions, node: 'judge', maxDeliveries: 1e4 });
  readonly #positions = new Map<string, number>();
  readonly #live = new Set<number>();
  readonly #lastOf = new Map<string, number>();
  /** Of each producer, the first message that was refused, as far as it was told. */
  readonly #refusedFrom = new Map<string, number>();
  /** Messages that somebody who was given them has acknowledged, or wants to in a transaction. */
  readonly #acknowledged = new Set<number>();
  /** Parts of transactions that have not been answered for. */
  readonly #open = new Set<string>();
  readonly #void = new Set<string>();
  readonly #holders = new Map<number, Holder>();
  readonly #given = new Set<number>();
  /** Messages below have been with a node whose lease is over. */
  #suspectBelow = 0;
  readonly #nodeOf = new Map<number, string>();
  readonly #epochOf = new Map<string, number>();
  readonly #lapsedNodes = new Set<string>();
  /** Nodes for which a lapse was due. */
  readonly leaseIsOver: Set<string> = new Set();
  /** What has happened, lest silence be taken for safety. */
  readonly seen: Record<string, number> = {};

  constructor(log: readonly Uint8Array[]) {
    this.#log = log;
  }

  get live(): ReadonlySet<number> {
    return this.#live;
  }

  get applied(): number {
    return this.#replica.applied;
  }

  get digest(): string {
    return this.#replica.digest();
  }

  /** All up to that position is committed. */
  commit(upTo: number): void {
    for (let position = this.#replica.applied + 1; position <= upTo; position++) {
      const bytes = this.#log[position - 1]!;
      this.#replica.apply(position as JournalPosition, bytes, this, []);
      this.#watch(position, bytes);
    }
  }

  retain(position: JournalPosition): void {
    const body = bodyAt(this.#log[position - 1]!);
    require(!this.#positions.has(body), `${body} was applied twice: at ${this.#positions.get(body)} and ${position}`);
    this.#positions.set(body, position);
    this.#live.add(position);
    const [producer, number] = body.split(':') as [string, string];
    const last = this.#lastOf.get(producer) ?? 0;
    require(Number(number) > last, `${body} was applied after ${last} of the same producer`);
    const refused = this.#refusedFrom.get(producer) ?? Infinity;
    require(Number(number) < refused, `${body} was applied, and ${refused} of the same producer was refused`);
    this.#lastOf.set(producer, Number(number));
  }

  release(position: JournalPosition): void {
    const body = bodyAt(this.#log[position - 1]!);
    this.#live.delete(position);
    this.#holders.delete(position);
    if (this.#acknowledged.has(position)) return;
    require(this.#open.has(body), `${body} at ${position} is gone, though nobody acknowledged it`);
    this.#void.add(body);
  }

  /** A transaction with these bodies is on its way, or (`open` false) answered for. */
  transaction(bodies: readonly string[], open: boolean): void {
    for (const body of bodies) {
      if (open) this.#open.add(body);
      else this.#open.delete(body);
    }
  }

  sent(body: string): void {
    const position = this.#positions.get(body);
    require(position !== undefined && !this.#void.has(body), `${body} was confirmed, and is not in the log`);
  }

  refused(body: string): void {
    const taken = this.#positions.has(body) && !this.#void.has(body);
    require(!taken, `${body} was refused, and is in the log`);
    const [producer, number] = body.split(':') as [string, string];
    for (let later = this.#lastOf.get(producer) ?? 0; later > Number(number); later--) {
      const other = `${producer}:${later}`;
      const isIn = this.#positions.has(other) && !this.#void.has(other);
      require(!isIn, `${body} was refused, and ${later} of the same producer is in the log`);
    }
    this.#refusedFrom.set(producer, Math.min(Number(number), this.#refusedFrom.get(producer) ?? Infinity));
  }

  /** A message or transaction was refused, for a reason other than what it settles. */
  refusedForRoom(code: string | null): void {
    require(code === 'store-full' || code === 'behind-refused', `refused: ${code}`);
    this.count(code === 'store-full' ? 'refusals' : 'refusalsBehind');
  }

  /** A master hands the message out; `again`: it has done so before. Only what may have been with a client is marked. */
  handedOut(position: number, redelivered: boolean, again: boolean): void {
    const holder = this.#holders.get(position);
    if (holder !== undefined) holder.handedOut = true;
    const may = again || this.#given.has(position) || position < this.#suspectBelow;
    require(!redelivered || may, `${position} was marked as redelivered, and is new`);
  }

  /** A settlement has come to a master that does not know yet who holds the message: it counts only if the lease was never over. */
  unsure(positions: readonly number[]): void {
    for (const position of positions) {
      const holder = this.#holders.get(position);
      if (holder !== undefined) holder.handedOut = true;
    }
  }

  /** The client is given the message. */
  given(client: Client, subscription: ClientSubscription, delivery: StoredDelivery, applied: number): void {
    const { position, redelivered } = delivery;
    const where = `${client.id}/${subscription.number}`;
    const holder = this.#holders.get(position);
    this.count('deliveries');
    if (holder !== undefined) this.count('secondHolders');
    require(position <= applied &&
      position <= this.applied, `${position} was given to ${where} before it was committed there`);
    require(holder === undefined ||
      holder.lapsed, `${position} was given to ${where}, and is with ${holder?.client.id}/${holder?.subscription.number}`);
    const isLapsed = this.#lapsedNodes.has(client.node);
    require(this.#live.has(position) || isLapsed, `${position} was given to ${where} when it was gone`);
    if (this.#given.has(position)) {
      this.count('repeats');
      require(redelivered, `${position} was given to ${where} again, and not marked`);
    }
    this.#given.add(position);
    this.#holders.set(position, { client, subscription, lapsed: isLapsed, handedOut: false });
  }

  /** It counts as given, but nobody holds it. */
  passedOver(position: number): void {
    this.#given.add(position);
  }

  /** The client acknowledges it, which is not confirmed yet. */
  acknowledging(position: number): void {
    this.#acknowledged.add(position);
    if (this.#holders.get(position)?.lapsed === true) this.count('acknowledgedLate');
  }

  /** What the client acknowledged was confirmed: it counts, unless the lease of its node was over and the message on its way to another. */
  acknowledged(subscription: ClientSubscription | undefined, position: number): void {
    const holder = this.#holders.get(position);
    if (holder === undefined || holder.subscription !== subscription) return;
    if (holder.lapsed && holder.handedOut) return;
    require(!this.#live.has(position), `${holder.client.id} acknowledged ${position}, which is still there`);
  }

  /** A transaction with these was refused since it settles what is not held: that can only be when a lease is over. */
  transactionRefused(client: Client, subscription: ClientSubscription | undefined, positions: readonly number[]): void {
    const late = positions.some((position) => {
      const holder = this.#holders.get(position);
      return holder?.subscription !== subscription || holder?.lapsed === true;
    });
    require(late, `a transaction of ${client.id} was refused, which holds ${positions.join()}`);
  }

  /** The client lets go of the message, other than by an acknowledgement. */
  letGo(client: Client, position: number): void {
    if (this.#holders.get(position)?.client === client) this.#holders.delete(position);
  }

  /** The node's process has died, and what its clients had acknowledged and was not yet in the log with it. */
  died(node: string): void {
    for (const [position, { client }] of this.#holders) if (client.node === node) this.#holders.delete(position);
  }

  count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  /** The node's way to a master begins. */
  attaching(node: string): void {
    this.#lapsedNodes.delete(node);
  }

  #watch(position: number, bytes: Uint8Array): void {
    const type = bytes[1]!;
    if (type !== commandType.lapse && type !== commandType.openStream) return;
    const input = new ByteReader();
    input.start(bytes);
    input.skip(2);
    if (type === commandType.openStream) {
      const node = decodeText(input.prefixed());
      if (this.#epochOf.has(node)) this.#suspectBelow = position;
      this.#epochOf.set(node, position);
      this.#nodeOf.set(position, node);
      this.#lapsedNodes.delete(node);
      return;
    }
    const node = this.#nodeOf.get(input.number())!;
    this.#suspectBelow = position;
    this.count('lapses');
    if (!this.leaseIsOver.has(node)) return;
    this.#lapsedNodes.add(node);
    for (const holder of this.#holders.values()) {
      if (holder.client.node !== node) continue;
      holder.lapsed = true;
      this.count('lapsedWhileHeld');
    }
  }
}
