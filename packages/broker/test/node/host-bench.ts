import { Broker, defaultBrokerOptions } from '@lockstep/core';
import type { Effect } from '@lockstep/core';
import type { JournalPosition, LogFields, NodeId, SessionId } from '@lockstep/kernel';
import { silentLog } from '@lockstep/kernel';
import type { CommittedCommand, PayloadRead, ProposeRefusal } from '@lockstep/raft-log';
import type { SessionEndpoint } from '@lockstep/stomp-server';
import { SimWorld } from '@lockstep/testkit';

import { SessionHost } from '../../src/node/session-host.ts';
import { defaultStoredDeliveriesOptions } from '../../src/node/stored-deliveries.ts';
import type { StoredDeliveriesOptions } from '../../src/node/stored-deliveries.ts';

/** A session's connection that notes what it is given. */
export class Endpoint implements SessionEndpoint {
  readonly effects: Effect[] = [];
  flushes = 0;
  resumes = 0;
  abandoned = 0;
  /** The client takes nothing. */
  stalled = false;
  unsentBytes = 0;
  readonly client = '127.0.0.1:5000';
  /** Called with each effect. */
  onEffect: (effect: Effect) => void = () => {};
  readonly #numberOf: (position: number) => number;

  constructor(numberOf: (position: number) => number) {
    this.#numberOf = numberOf;
  }

  effect(effect: Effect): void {
    this.effects.push(effect);
    if (this.stalled && effect.type === 'deliver') this.unsentBytes += effect.message.body.length;
    this.onEffect(effect);
  }
  flush(): void {
    this.flushes++;
  }
  resume(): void {
    this.resumes++;
  }
  accessChanged(): void {}
  abandon(): void {
    this.abandoned++;
  }

  /** `r1` for the reply to 1, `d2` for a delivery of message 2. */
  get seen(): string[] {
    return this.effects.map((effect) => {
      if (effect.type === 'reply') return `r${effect.token}`;
      return effect.type === 'deliver' ? `d${this.#numberOf(effect.tag)}` : effect.type;
    });
  }
}

/** A read of records that is under way. */
export interface PendingRead {
  readonly messages: readonly number[];
  /** With what was applied there, but for those that are named. */
  answer(instead?: Readonly<Record<number, 'gone' | 'lost'>>): void;
}

/** A host whose log commits, and reads, when the test says so. Messages are numbered from 2 on in the order in which they were committed. */
export class HostBench {
  readonly world: SimWorld = new SimWorld(1);
  readonly host: SessionHost;
  readonly broker: Broker = new Broker({ ...defaultBrokerOptions, node: 'a', run: 'r' });
  readonly proposed: CommittedCommand[] = [];
  leading: boolean = true;
  persistedIndex: number = Infinity;
  refusing: boolean = false;
  /** Which messages are in memory. */
  inMemory: (message: number) => boolean = () => true;
  readonly reads: PendingRead[] = [];
  readonly errors: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  readonly warnings: string[] = [];
  readonly live: Set<number> = new Set();
  readonly #records = new Map<number, Uint8Array>();
  /** Positions of messages, by their numbers less two. */
  readonly #messages: number[] = [];
  #position = 0;

  private constructor(windowBytes = 1000, deliveries: Partial<StoredDeliveriesOptions> = {}) {
    const { clock } = this.world.host('node').start();
    this.host = new SessionHost({
      node: 'a' as NodeId,
      run: 'r',
      clock,
      broker: this.broker,
      log: {
        propose: (commands) => this.#propose(commands),
        leading: () => this.leading,
        persistedIndex: () => this.persistedIndex,
        payload: (position) => (this.inMemory(this.numberOf(position)) ? this.#record(position) : null),
        readPayloads: (positions) => this.#read(positions),
        dialChannel: () => Promise.reject(new Error('there is no other node')),
        isDead: () => false,
        isSilent: () => false,
        keepPosted() {},
      },
      story: {
        ...silentLog,
        error: (message, fields) => this.errors.push({ message, fields }),
        warn: (message) => this.warnings.push(message),
      },
      windowBytes,
      channelLimits: { frameBytesMax: 1e6, unsentBytesMax: 1e6 },
      leaseMs: 10_000,
      leaseOver: (silentMs, leaseMs) => silentMs >= leaseMs,
      masterWaitMs: 30_000,
      deliveries: { ...defaultStoredDeliveriesOptions, ...deliveries },
    });
  }

  /** The master, attached to itself. */
  static async start(windowBytes?: number, deliveries?: Partial<StoredDeliveriesOptions>): Promise<HostBench> {
    const bench = new HostBench(windowBytes, deliveries);
    await bench.lead();
    return bench;
  }

  async lead(): Promise<void> {
    this.host.leadershipChanged({ leading: true, leader: 'a' as NodeId });
    await this.settle();
  }

  /** Another is the master. */
  async follow(): Promise<void> {
    this.host.leadershipChanged({ leading: false, leader: 'b' as NodeId });
    await this.turn();
  }

  /** Commits until nothing more follows from it. */
  async settle(): Promise<void> {
    await this.turn();
    while (this.proposed.length > 0) await this.commit();
  }

  #propose(commands: readonly Uint8Array[]): JournalPosition | ProposeRefusal {
    if (this.refusing) return { reason: 'no-quorum' };
    const first = this.#position + 1;
    for (const command of commands) {
      const payload = command.slice();
      this.#records.set(++this.#position, payload);
      this.proposed.push({ position: this.#position as JournalPosition, payload });
    }
    return first as JournalPosition;
  }

  #record(position: number): Uint8Array {
    if (!this.live.has(position)) throw new Error(`the record of ${position} is not retained`);
    return this.#records.get(position)!;
  }

  #read(positions: readonly JournalPosition[]): Promise<readonly PayloadRead[]> {
    const messages = positions.map((position) => this.numberOf(position));
    return new Promise((resolve) => {
      this.reads.push({
        messages,
        answer: (instead = {}) => {
          resolve(positions.map((position, i) => instead[messages[i]!] ?? this.#records.get(position)!));
        },
      });
    });
  }

  /** Of the message there. */
  numberOf(position: number): number {
    return this.#messages.indexOf(position) + 2;
  }

  async turn(): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + 1);
  }

  async pass(ms: number): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + ms);
  }

  /** As long as the host takes to look again of its own accord. */
  async soon(): Promise<void> {
    await this.world.simulation.runUntil(this.world.simulation.nowMs + 50);
  }

  /** All that has been proposed by the end of this turn. */
  async commit(): Promise<void> {
    await this.turn();
    this.host.apply(this.proposed.splice(0), {
      retain: (position) => {
        this.live.add(position);
        this.#messages.push(position);
      },
      release: (position) => this.live.delete(position),
    });
    await this.turn();
  }

  /** Lets the oldest read that is under way come back. */
  async answer(instead: Readonly<Record<number, 'gone' | 'lost'>> = {}): Promise<void> {
    this.reads.shift()!.answer(instead);
    await this.turn();
  }

  attach(name: string): Endpoint {
    const endpoint = new Endpoint((position) => this.numberOf(position));
    this.host.attach(name as SessionId, endpoint);
    return endpoint;
  }

  send(name: string, token: number, bytes = 10, destination = '/queue/q'): void {
    const message = { envelope: 2, headerBlock: new Uint8Array(0), body: new Uint8Array(bytes), attributes: null };
    this.host.submit({ type: 'send', session: name as SessionId, token, destination, message });
  }

  subscribe(name: string, token: number, prefetchMessages = 1000, destination = '/queue/q', subscription = 1): void {
    const windows = { prefetchMessages, prefetchBytes: 1e9, attributes: null };
    this.host.submit({ type: 'subscribe', session: name as SessionId, token, subscription, destination, ...windows });
  }

  ack(name: string, token: number, messages: readonly number[], subscription = 1): void {
    const tags = messages.map((message) => this.#messages[message - 2]!);
    const settlement = { subscription, outcome: 'ack' as const, tags };
    this.host.submit({ type: 'settle', session: name as SessionId, token, settlement });
  }
}
