import type { Broker, BrokerEffect, Request } from '@lockstep/core';
import type { Clock, Connection, Log, NodeId, SessionId, Timer } from '@lockstep/kernel';
import type { CommittedCommand, Leadership, LiveRecords } from '@lockstep/raft-log';
import type { BrokerPort, SessionEndpoint } from '@lockstep/stomp-server';

import type { ChannelLimits } from './channel/channel.ts';
import type { MasterWait } from './explain/types.ts';
import { MasterEnd } from './master-end.ts';
import type { MasterLog } from './master-end.ts';
import { MasterLink } from './master-link.ts';
import { SessionOutbox } from './session-outbox.ts';
import { StoredDeliveries } from './stored-deliveries.ts';
import type { RecordSource, StoredDeliveriesOptions } from './stored-deliveries.ts';
import { Standstill } from './standstill.ts';

/** The replicated log, as the sessions' side needs it. */
export interface HostLog extends RecordSource, MasterLog {
  /** See `ReplicatedLog.dialChannel`. */
  dialChannel(to: NodeId): Promise<Connection>;
}

/** Nobody calls when a majority is heard again or a slow disk has caught up: as long as somebody waits for it, it is looked at so often. */
const lookAgainMs = 20;

export interface SessionHostOptions {
  readonly node: NodeId;
  /** Names this process. */
  readonly run: string;
  readonly clock: Clock;
  readonly broker: Broker;
  readonly log: HostLog;
  /** Where it tells what an operator must know. */
  readonly story: Log;
  /** What the SENDs of one node may have outstanding, bytes: beyond it no more is read from its clients. */
  readonly windowBytes: number;
  readonly channelLimits: ChannelLimits;
  readonly leaseMs: number;
  readonly leaseOver: (silentMs: number, leaseMs: number) => boolean;
  /** How long clients are kept without a master, or by a node that gets no further. */
  readonly masterWaitMs: number;
  readonly deliveries?: StoredDeliveriesOptions;
}

/**
 * Brings the node's sessions, its broker, the master and the replicated log together, one turn of the event loop at a time: requests, applied
 * commands and what the master says gather effects; at the turn's end the broker proposes and dispatches where it is the master, what
 * this node and the others have to say to each other is passed on, every effect goes to its session (messages with their bodies, which the log
 * has), and every session and every channel that had something writes once.
 */
export class SessionHost implements BrokerPort {
  readonly #options: SessionHostOptions;
  readonly #broker: Broker;
  readonly #outboxes = new Map<SessionId, SessionOutbox>();
  readonly #deliveries: StoredDeliveries;
  readonly #master: MasterEnd;
  readonly #link: MasterLink;
  readonly #standstill: Standstill;
  #effects: BrokerEffect[] = [];
  #spareEffects: BrokerEffect[] = [];
  readonly #touched = new Set<SessionOutbox>();
  #turnScheduled = false;
  #lookingAgain = false;
  #stopping = false;
  /** Runs while there is no way to a master. */
  #patience: Timer | null = null;
  /** There has been no way to a master since, by the monotonic clock; null: there is one. */
  #masterlessSinceMs: number | null = null;
  /** Connections that stopped reading because the host did not accept. */
  readonly #waitingToRead = new Set<SessionEndpoint>();
  readonly #waitingForQuiet: (() => void)[] = [];

  constructor(options: SessionHostOptions) {
    this.#options = options;
    const { node, run, clock, broker, log, story, channelLimits, deliveries } = options;
    this.#broker = broker;
    const wake = (): void => this.#scheduleTurn();
    this.#master = new MasterEnd({ ...options, limits: channelLimits, wake });
    this.#link = new MasterLink({
      ...{ node, run, clock, story, limits: channelLimits },
      dial: (master) => log.dialChannel(master),
      opened: () => this.#opened(),
      lost: () => this.#lost(),
      message: (message) => {
        broker.fromMaster(message, this.#effects);
        wake();
      },
    });
    this.#deliveries = new StoredDeliveries(
      {
        records: log,
        log: story,
        give: (delivery) => broker.give(delivery),
        undeliverable: (delivery) => broker.undeliverable(delivery),
        given: (outbox) => this.#touched.add(outbox),
        wake,
      },
      deliveries,
    );
    this.#standstill = new Standstill({
      ...{ clock, waitMs: options.masterWaitMs },
      waiting: () => broker.waitsForApply,
      applied: () => broker.applied,
      began: () => this.#giveUp('this node is behind the master, and has applied nothing'),
    });
    this.#waitForMaster();
  }

  attach(session: SessionId, endpoint: SessionEndpoint): void {
    this.#outboxes.set(session, new SessionOutbox(session, endpoint));
  }

  /** The client has taken some of what was sent to it: there may be room for more. */
  taken(session: SessionId): void {
    const outbox = this.#outboxes.get(session);
    if (outbox !== undefined) this.#deliveries.sent(outbox);
  }

  submit(request: Request): void {
    this.#broker.handle(request, this.#effects);
    if (request.type === 'endSession') this.#detach(request.session);
    this.#scheduleTurn();
  }

  get accepting(): boolean {
    return !this.#stopping && !this.standsStill && this.#broker.accepting;
  }

  get heldUpBy(): string {
    if (this.#stopping) return 'this node is stopping';
    return this.standsStill ? 'this node is behind the master, and gets no further' : this.#broker.heldUpBy;
  }

  /** It has a way to the master, and nothing has been applied for too long: clients had better go elsewhere. */
  get standsStill(): boolean {
    return this.#standstill.stands;
  }

  callWhenAccepting(endpoint: SessionEndpoint): void {
    this.#waitingToRead.add(endpoint);
    this.#scheduleTurn();
  }

  /** How long there has been no way to a master; null: there is one. */
  get masterless(): Omit<MasterWait, 'clients'> | null {
    if (this.#link.isOpen || this.#masterlessSinceMs === null) return null;
    const { clock, masterWaitMs } = this.#options;
    const forMs = Math.round(clock.monotonicMs() - this.#masterlessSinceMs);
    return { forMs, closedInMs: this.#patience === null ? null : Math.max(0, masterWaitMs - forMs) };
  }

  /** Where the session's client is, and what it has not taken, bytes; null: there is no such session. */
  client(session: SessionId): { readonly address: string; readonly unsentBytes: number } | null {
    const endpoint = this.#outboxes.get(session)?.endpoint;
    return endpoint === undefined ? null : { address: endpoint.client, unsentBytes: endpoint.unsentBytes };
  }

  /** As the master: see `Leases.leftMs`. */
  leaseLeftMs(node: string): number | null {
    return this.#master.leaseLeftMs(node);
  }

  /** See `MasterEnd.hold`. */
  hold(held: boolean): void {
    this.#master.hold(held);
  }

  /** As the master: what one node's SENDs may have outstanding. */
  limitWindow(bytes: number): void {
    this.#master.limitWindow(bytes);
  }

  /** Another node has opened a channel to this one. */
  acceptChannel(connection: Connection, from: NodeId): void {
    this.#master.accept(connection, from);
  }

  /** See `ReplicatedLog.dead`. */
  died(node: NodeId): void {
    this.#master.died(node);
  }

  /** Applies committed commands, in order; what follows for this node's sessions goes out at the turn's end. */
  apply(commands: readonly CommittedCommand[], records: LiveRecords): void {
    for (const { position, payload } of commands) {
      this.#broker.apply(position, payload, records, this.#effects);
    }
    this.#standstill.moved();
    this.#scheduleTurn();
  }

  /** The replicated state has become another, from a snapshot. */
  restored(effects: readonly BrokerEffect[]): void {
    for (const effect of effects) this.#effects.push(effect);
    this.#standstill.moved();
    this.#scheduleTurn();
  }

  leadershipChanged(leadership: Pick<Leadership, 'leading' | 'leader'>): void {
    if (!leadership.leading) this.#master.resign();
    else if (!this.#broker.master) this.#master.lead();
    this.#link.leadershipChanged(leadership);
    this.#scheduleTurn();
  }

  /** Reads nothing more from clients. What they had asked for is answered. */
  stopReading(): void {
    this.#stopping = true;
  }

  /** Resolves when all that clients had asked for is answered, or after `boundMs`. */
  answered(boundMs: number): Promise<void> {
    return this.#quiet(boundMs);
  }

  /** Closes all sessions. Resolves when what they held is back in its queues, or after `boundMs`. */
  async closeSessions(boundMs: number): Promise<void> {
    this.letGo();
    await this.#quiet(boundMs);
  }

  /** Lets go of all, of clients and of the master. */
  close(): void {
    this.letGo();
    this.#patience?.cancel();
    this.#standstill.beginAnew();
    this.#link.close();
    this.#master.resign();
  }

  #opened(): void {
    this.#patience?.cancel();
    this.#patience = null;
    this.#standstill.beginAnew();
    this.#masterlessSinceMs = null;
    this.#broker.attach(this.#effects);
    this.#scheduleTurn();
  }

  #lost(): void {
    const { node } = this.#options;
    this.#broker.detach(this.#effects);
    this.#standstill.beginAnew();
    this.#master.detached(node);
    this.#waitForMaster();
    this.#scheduleTurn();
  }

  #waitForMaster(): void {
    const { clock, masterWaitMs } = this.#options;
    this.#masterlessSinceMs ??= clock.monotonicMs();
    this.#patience ??= clock.setTimer(masterWaitMs, () => {
      this.#patience = null;
      this.#giveUp('no master');
    });
  }

  /** What users may do has changed. */
  accessChanged(): void {
    for (const { endpoint } of [...this.#outboxes.values()]) endpoint.accessChanged();
  }

  #giveUp(why: string): void {
    const { masterWaitMs, story } = this.#options;
    if (this.#outboxes.size === 0) return;
    story.warn(`${why} for ${masterWaitMs} ms: closed the client connections`, { clients: this.#outboxes.size });
    this.letGo();
  }

  /** Closes all sessions: without an ERROR, and what they held goes back. */
  letGo(): void {
    if (this.#outboxes.size === 0) return;
    for (const { session, endpoint } of [...this.#outboxes.values()]) {
      this.#broker.handle({ type: 'endSession', session, how: 'clean' }, this.#effects);
      this.#detach(session);
      endpoint.abandon();
    }
    this.#scheduleTurn();
  }

  #detach(session: SessionId): void {
    const outbox = this.#outboxes.get(session);
    if (outbox === undefined) return;
    this.#outboxes.delete(session);
    this.#deliveries.drop(outbox);
  }

  #quiet(boundMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(boundMs, resolve);
      this.#waitingForQuiet.push(() => {
        timer.cancel();
        resolve();
      });
      this.#scheduleTurn();
    });
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#options.clock.atTurnEnd(() => this.#turn());
  }

  #turn(): void {
    this.#turnScheduled = false;
    // Another master's opening has been applied: this node is master no more, whatever Raft has told it so far.
    if (this.#master.isDeposed) this.leadershipChanged({ leading: false, leader: null });
    const isMaster = this.#broker.master;
    const leading = isMaster && this.#options.log.leading();
    const lookAgain = isMaster && this.#master.settle(leading);
    // A session that gets effects may make requests (it settles what it has written): go on until all is quiet.
    do {
      this.#broker.flush(this.#effects, leading);
      while (this.#exchange()) this.#broker.flush(this.#effects, leading);
      this.#route();
      this.#deliveries.advance();
    } while (this.#effects.length > 0);
    for (const outbox of this.#touched) {
      outbox.endpoint.flush();
      this.#deliveries.sent(outbox);
    }
    this.#touched.clear();
    this.#link.flush();
    this.#master.flush();
    this.#standstill.look();
    if (this.#waitingToRead.size > 0) this.#resumeReaders();
    if (this.#broker.outstanding === 0) for (const settled of this.#waitingForQuiet.splice(0)) settled();
    if (lookAgain) this.#lookAgainLater();
  }

  /** What this node and the master, and the master and the nodes, have to say to each other. True: the two ends here may have more. */
  #exchange(): boolean {
    const { node } = this.#options;
    let moved = false;
    const toMaster = this.#broker.takeNodeMessages();
    if (!this.#link.isHere) this.#link.send(toMaster);
    else {
      for (const message of toMaster) {
        moved = true;
        if (this.#master.take(node, message)) continue;
        this.#link.reset();
        break;
      }
    }
    for (const [to, messages] of this.#broker.takeMasterMessages()) {
      if (to !== node) this.#master.send(to, messages);
      else if (this.#link.isHere) {
        moved = true;
        for (const message of messages) this.#broker.fromMaster(message, this.#effects);
      }
    }
    return moved;
  }

  #lookAgainLater(): void {
    if (this.#lookingAgain) return;
    this.#lookingAgain = true;
    this.#options.clock.setTimer(lookAgainMs, () => {
      this.#lookingAgain = false;
      this.#scheduleTurn();
    });
  }

  #resumeReaders(): void {
    if (!this.accepting) return;
    const waiting = [...this.#waitingToRead];
    this.#waitingToRead.clear();
    for (const endpoint of waiting) {
      if (this.accepting) endpoint.resume();
      else this.#waitingToRead.add(endpoint);
    }
  }

  #route(): void {
    const effects = this.#effects;
    this.#effects = this.#spareEffects;
    for (const effect of effects) {
      const outbox = this.#outboxes.get(effect.session);
      // The session ended while the effect was on its way.
      if (outbox === undefined) continue;
      if (effect.type === 'closeSession' || effect.type === 'abandonSession') {
        // The session is over, and says nothing more: what it was to be given before has gone back to its queue.
        this.#detach(effect.session);
        if (effect.type === 'abandonSession') outbox.endpoint.abandon();
        else {
          outbox.endpoint.effect(effect);
          this.#touched.add(outbox);
        }
      } else this.#deliveries.give(outbox, effect);
    }
    effects.length = 0;
    this.#spareEffects = effects;
  }
}
