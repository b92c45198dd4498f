import type { StreamRules } from '@lockstep/core';
import type { Network } from '@lockstep/kernel';
import type { RaftNode } from '@lockstep/raft-log';
import type { Frame } from '@lockstep/stomp-server/codec';
import type { SimProcess } from '@lockstep/testkit';

import { InvariantViolation } from '../invariants.ts';
import { CommandWatch } from './command-watch.ts';
import { watchedNetwork } from './watched-network.ts';
import type { ClientLine } from './watched-network.ts';
import { ruleSightings, WatchedRules } from './watched-rules.ts';

/** What is asked of the node on the other end of a client's connection. */
export interface WatchedNode {
  readonly name: string;
  readonly process: SimProcess;
  /** How far it has applied the log; 0 before it has one. */
  readonly applied: () => number;
  /** Now, in simulated time. */
  readonly nowMs: () => number;
}

/** A client promises a heart-beat this often; a node may take it for gone after nearly twice that. */
const silenceMs = 3500;
/** What a node tells of itself and what it does to its clients are so close to each other. */
const besideMs = 1000;

interface Subscription {
  readonly ack: string;
  /** Messages written to the client that it has not answered for, and that nobody else may get. */
  readonly held: Set<Holding>;
}

interface Holding {
  readonly line: WatchedLine;
  readonly subscription: Subscription;
  readonly message: string;
  /** How far the node had applied the log when it wrote the message. */
  readonly applied: number;
  /** The client has acknowledged it: it stays its own until it is gone from the queue. */
  acknowledged: boolean;
}

/**
 * Looks at what nodes write to clients and hear from them, at the very moment, and holds them to what sessions on every node promise:
 * - a message that one client holds, or has acknowledged, goes to nobody else while its connection lives, unless a lease ran out;
 * - what a client is given is committed, has been applied by its own node, and comes from a proposal that took effect;
 * - a node that lives does not end a client's connection, but for a reason.
 */
export class SessionWatch {
  readonly commands: CommandWatch = new CommandWatch();
  readonly #report: (violation: InvariantViolation) => void;
  readonly #holdings = new Map<string, Holding>();
  /** By node: when it told of something that ends clients' connections rightly. */
  readonly #excusedAt = new Map<string, number>();
  /** How often each was seen. */
  readonly seen: Record<string, number> = {
    'sessions kept over a fail-over': 0,
    'transactions open through a fail-over': 0,
    'holders that a lapse relieved': 0,
    ...Object.fromEntries(ruleSightings.map((name) => [name, 0])),
  };

  constructor(report: (violation: InvariantViolation) => void) {
    this.#report = report;
  }

  /** The node's network, watched. */
  network(node: WatchedNode, network: Network, port: number): Network {
    return watchedNetwork(network, port, () => new WatchedLine(this, node));
  }

  rules(rules: StreamRules): StreamRules {
    return new WatchedRules(rules, {
      seen: this.seen,
      broken: (invariant, detail) => this.broken(invariant, detail),
      masterships: () => this.commands.masterships,
    });
  }

  log(raft: RaftNode): RaftNode {
    return this.commands.watch(raft);
  }

  /** Something that a node's log has told: `tale` is a story's name for it. */
  heard(node: WatchedNode, tale: string): void {
    const excuses = [
      'snapshots installed',
      'clients let go without a master',
      'clients let go by a node that gets no further',
      'clients of removed nodes let go',
    ];
    if (!excuses.includes(tale)) return;
    this.#excusedAt.set(node.name, node.nowMs());
  }

  /** Counts, beside what was counted here, what the log has shown. */
  get counts(): Readonly<Record<string, number>> {
    const { lapses, refusals, repeats } = this.commands;
    return {
      ...this.seen,
      'leases that ran out': lapses,
      'proposals refused': refusals,
      'proposals committed twice, and applied once': repeats,
    };
  }

  isExcused(node: WatchedNode): boolean {
    return node.nowMs() - (this.#excusedAt.get(node.name) ?? -Infinity) < besideMs;
  }

  broken(invariant: string, detail: string): void {
    this.#report(new InvariantViolation(invariant, detail));
  }

  /** A node is writing the message to a client. */
  given(holding: Holding): void {
    const { message } = holding;
    const other = this.#holdings.get(message);
    if (other !== undefined && other.line !== holding.line && this.#binds(other)) {
      const [at, to] = [other.line.node.name, holding.line.node.name];
      if (other.acknowledged)
        this.broken(
          'what a client acknowledged goes to nobody else',
          `${message}, acknowledged at ${at}, is given to a client at ${to}`,
        );
      else
        this.broken(
          'no message is held by two clients unless a lease ran out',
          `${message}, held at ${at}, is given to a client at ${to}`,
        );
    }
    this.#holdings.set(message, holding);
  }

  /** Its client has given it back, or is gone. */
  free(holding: Holding): void {
    if (this.#holdings.get(holding.message) === holding) this.#holdings.delete(holding.message);
  }

  #binds({ line, applied }: Holding): boolean {
    if (line.node.process.state === 'dead' || line.isOver) return false;
    if (this.commands.lapsedAt(line.node.name) <= applied) return true;
    this.seen['holders that a lapse relieved']!++;
    return false;
  }
}

/** One client at one node, from its node's side. */
class WatchedLine implements ClientLine {
  readonly node: WatchedNode;
  readonly #watch: SessionWatch;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #byAck = new Map<string, Holding>();
  /** Where each open transaction began. */
  readonly #transactions = new Map<string, number>();
  #state: 'new' | 'connected' | 'leaving' | 'over' = 'new';
  #isPaused = false;
  #heardAtMs: number;
  /** The master under which it was last seen to be served. */
  #servedUnder = 0;

  constructor(watch: SessionWatch, node: WatchedNode) {
    this.#watch = watch;
    this.node = node;
    this.#heardAtMs = node.nowMs();
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  heard(): void {
    this.#heardAtMs = this.node.nowMs();
  }

  paused(paused: boolean): void {
    this.#isPaused = paused;
    this.#heardAtMs = this.node.nowMs();
  }

  came(frame: Frame): void {
    const { command } = frame;
    const transaction = frame.header('transaction');
    if (command === 'SUBSCRIBE')
      this.#subscriptions.set(frame.header('id') ?? '', { ack: frame.header('ack') ?? 'auto', held: new Set() });
    else if (command === 'UNSUBSCRIBE')
      for (const holding of this.#subscriptions.get(frame.header('id') ?? '')?.held ?? []) this.#free(holding);
    else if (command === 'ACK' || command === 'NACK')
      this.#answered(frame.header('id') ?? '', command === 'ACK', transaction !== undefined);
    else if (command === 'BEGIN') this.#transactions.set(transaction ?? '', this.#watch.commands.openedAt);
    else if (command === 'COMMIT') this.#committed(transaction ?? '');
    else if (command === 'DISCONNECT') this.#state = 'leaving';
  }

  wrote(frame: Frame): void {
    if (frame.command === 'CONNECTED') {
      this.#state = 'connected';
      this.#servedUnder = this.#watch.commands.openedAt;
    }
    // It ends the connection; what the client is told is judged elsewhere.
    if (frame.command === 'ERROR') this.#state = 'leaving';
    if (frame.command === 'MESSAGE') this.#deliver(frame);
    if (frame.command === 'MESSAGE' || frame.command === 'RECEIPT') this.#served();
  }

  ended(): void {
    if (this.#state !== 'connected' || this.node.process.state === 'dead') return;
    const silentMs = this.#isPaused ? 0 : this.node.nowMs() - this.#heardAtMs;
    if (silentMs >= silenceMs || this.#watch.isExcused(this.node)) return;
    this.#watch.broken(
      'clients of a living node stay connected',
      `${this.node.name} ended the connection of a client that it heard of ${Math.round(silentMs)} ms ago`,
    );
  }

  closed(): void {
    this.#state = 'over';
    for (const { held } of this.#subscriptions.values()) for (const holding of held) this.#watch.free(holding);
    this.#subscriptions.clear();
    this.#byAck.clear();
  }

  #deliver(frame: Frame): void {
    const id = frame.header('message-id') ?? '';
    const position = Number(id);
    const subscription = this.#subscriptions.get(frame.header('subscription') ?? '');
    if (!Number.isSafeInteger(position) || subscription === undefined) return;
    const { commands } = this.#watch;
    const applied = this.node.applied();
    if (position > applied || position > commands.committed)
      this.#watch.broken(
        'what is delivered is committed at its node',
        `${this.node.name} delivers message ${position}, having applied ${applied} of ${commands.committed} entries`,
      );
    if (commands.isVoid(position))
      this.#watch.broken(
        'a proposal takes effect once, in order, and in its own epoch',
        `${this.node.name} delivers message ${position}, whose proposal has no effect`,
      );
    const holding: Holding = {
      line: this,
      subscription,
      message: `${frame.header('destination')} ${id}`,
      applied,
      acknowledged: subscription.ack === 'auto',
    };
    this.#watch.given(holding);
    subscription.held.add(holding);
    const ack = frame.header('ack');
    if (ack !== undefined) this.#byAck.set(ack, holding);
  }

  #answered(ack: string, isAck: boolean, inTransaction: boolean): void {
    const holding = this.#byAck.get(ack);
    if (holding === undefined) return;
    this.#byAck.delete(ack);
    if (isAck && !inTransaction) holding.acknowledged = true;
    if (isAck) return;
    const { subscription } = holding;
    // A NACK is cumulative in that mode, as an ACK is (STOMP 1.2, SUBSCRIBE).
    const given = subscription.ack === 'client' ? [...subscription.held] : [holding];
    for (const one of given) this.#free(one);
  }

  #free(holding: Holding): void {
    holding.subscription.held.delete(holding);
    this.#watch.free(holding);
  }

  #committed(transaction: string): void {
    const begun = this.#transactions.get(transaction);
    this.#transactions.delete(transaction);
    if (begun !== undefined && begun < this.#watch.commands.openedAt)
      this.#watch.seen['transactions open through a fail-over']!++;
  }

  #served(): void {
    const { openedAt } = this.#watch.commands;
    if (this.#servedUnder < openedAt && this.node.applied() >= openedAt)
      this.#watch.seen['sessions kept over a fail-over']!++;
    this.#servedUnder = Math.max(this.#servedUnder, openedAt);
  }
}
