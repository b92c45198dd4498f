import type { Broker, BrokerEffect, Proposer, Request } from '@lockstep/core';
import type { Clock, JournalPosition, Log, SessionId } from '@lockstep/kernel';
import type { CommittedCommand, LiveRecords, ProposeRefusal } from '@lockstep/raft-log';
import type { BrokerPort, SessionEndpoint } from '@lockstep/stomp-server';

import { SessionOutbox } from './session-outbox.ts';
import { StoredDeliveries } from './stored-deliveries.ts';
import type { RecordSource, StoredDeliveriesOptions } from './stored-deliveries.ts';

/** The replicated log, as the sessions' side needs it. */
export interface HostLog extends RecordSource {
  propose(commands: readonly Uint8Array[]): JournalPosition | ProposeRefusal;
  /** This node leads, and has heard a majority lately. */
  leading(): boolean;
  /** This node's own disk holds the log up to here. */
  persistedIndex(): number;
}

/** Nobody calls when a majority is heard again or a slow disk has caught up: as long as somebody waits for it, it is looked at so often. */
const lookAgainMs = 20;

export interface SessionHostOptions {
  readonly clock: Clock;
  readonly broker: Broker;
  readonly log: HostLog;
  /** Where it tells what an operator must know. */
  readonly story: Log;
  /** Proposed and not yet both applied and on this node's disk, bytes: beyond it no more is read from clients. */
  readonly underWayBytesMax: number;
  readonly deliveries?: StoredDeliveriesOptions;
}

/**
 * Brings the master's sessions, its broker and the replicated log together, one turn of the event loop at a time: requests and applied
 * commands gather effects; at the turn's end the broker proposes and dispatches, every effect goes to its session (messages with their
 * bodies, which the log has), and every session that had one writes once.
 */
export class SessionHost implements BrokerPort, Proposer {
  readonly #clock: Clock;
  readonly #broker: Broker;
  readonly #log: HostLog;
  readonly #outboxes = new Map<SessionId, SessionOutbox>();
  readonly #deliveries: StoredDeliveries;
  #underWayBytesMax: number;
  #effects: BrokerEffect[] = [];
  #spareEffects: BrokerEffect[] = [];
  readonly #touched = new Set<SessionOutbox>();
  #turnScheduled = false;
  #lookingAgain = false;
  #held = false;
  /**
   * What was proposed and is not yet both applied and on this node's own disk, oldest first: it stays bounded. (A majority can
   * commit without the master's disk, which may hang while memory fills.)
   */
  #underWay: { position: number; bytes: number }[] = [];
  #underWayHead = 0;
  #underWayBytes = 0;
  /** Connections that stopped reading because the host did not accept. */
  readonly #waitingToRead = new Set<SessionEndpoint>();

  constructor({ clock, broker, log, story, underWayBytesMax, deliveries }: SessionHostOptions) {
    this.#clock = clock;
    this.#broker = broker;
    this.#log = log;
    this.#underWayBytesMax = underWayBytesMax;
    this.#deliveries = new StoredDeliveries(
      {
        records: log,
        log: story,
        undeliverable: (delivery) => broker.undeliverable(delivery),
        given: (outbox) => this.#touched.add(outbox),
        wake: () => this.#scheduleTurn(),
      },
      deliveries,
    );
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
    // Without mastership there is nobody to answer; the connections are being let go.
    if (!this.#broker.master) {
      if (request.type === 'endSession') this.#detach(request.session);
      return;
    }
    this.#broker.handle(request, this.#effects);
    if (request.type === 'endSession') this.#detach(request.session);
    this.#scheduleTurn();
  }

  get accepting(): boolean {
    return !this.#held && this.#underWayBytes < this.#underWayBytesMax && this.#log.leading();
  }

  get heldUpBy(): string {
    if (this.#held) return 'mastership is being handed over';
    if (!this.#log.leading()) return 'no majority of the members has been heard';
    return `${this.#underWayBytes} bytes sent before wait for the disk`;
  }

  callWhenAccepting(endpoint: SessionEndpoint): void {
    this.#waitingToRead.add(endpoint);
    this.#lookAgainLater();
  }

  /** Stops taking requests from clients (a hand-over is under way) or goes on. */
  hold(held: boolean): void {
    this.#held = held;
    this.#scheduleTurn();
  }

  /** What may be proposed and not yet applied before no more is read from clients. */
  limitUnderWay(bytesMax: number): void {
    this.#underWayBytesMax = bytesMax;
    this.wake();
  }

  propose(commands: readonly Uint8Array[]): JournalPosition | null {
    const result = this.#log.propose(commands);
    if (typeof result !== 'number') return null;
    let bytes = 0;
    for (const command of commands) bytes += command.byteLength;
    this.#underWay.push({ position: result + commands.length - 1, bytes });
    this.#underWayBytes += bytes;
    return result;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** Applies committed commands, in order; on the master their effects go out at the turn's end. */
  apply(commands: readonly CommittedCommand[], records: LiveRecords): void {
    for (const { position, payload } of commands) {
      this.#broker.apply(position, payload, records, this.#effects);
    }
    this.#settleUnderWay();
    if (this.#broker.master) this.#scheduleTurn();
    else this.#effects.length = 0;
  }

  #settleUnderWay(): void {
    const settled = Math.min(this.#broker.applied, this.#log.persistedIndex());
    while (this.#underWayHead < this.#underWay.length) {
      const oldest = this.#underWay[this.#underWayHead];
      if (oldest === undefined || oldest.position > settled) break;
      this.#underWayBytes -= oldest.bytes;
      this.#underWayHead++;
    }
    if (this.#underWayHead > 4096) {
      this.#underWay = this.#underWay.slice(this.#underWayHead);
      this.#underWayHead = 0;
    }
  }

  becomeMaster(): void {
    this.#broker.becomeMaster(this);
    this.#scheduleTurn();
  }

  /** Mastership is over: nothing that was under way will be answered here, and every connection closes. */
  resign(): void {
    this.#broker.resign();
    this.#effects.length = 0;
    this.#underWay = [];
    this.#underWayHead = 0;
    this.#underWayBytes = 0;
    const outboxes = [...this.#outboxes.values()];
    this.#outboxes.clear();
    this.#waitingToRead.clear();
    for (const outbox of outboxes) {
      this.#deliveries.drop(outbox);
      outbox.endpoint.abandon();
    }
  }

  #detach(session: SessionId): void {
    const outbox = this.#outboxes.get(session);
    if (outbox === undefined) return;
    this.#outboxes.delete(session);
    this.#deliveries.drop(outbox);
  }

  /** The master's majority has been heard again, or there is room again: readers that stopped go on. */
  wake(): void {
    if (this.#waitingToRead.size > 0) this.#scheduleTurn();
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#clock.atTurnEnd(() => this.#turn());
  }

  #turn(): void {
    this.#turnScheduled = false;
    if (!this.#broker.master) return;
    const leading = this.#log.leading();
    // A session that gets effects may make requests (it settles what it has written): go on until all is quiet.
    do {
      this.#broker.flush(this.#effects, leading);
      this.#route();
      // Who does not lead any more, for all it knows, hands nothing out.
      if (leading) this.#deliveries.advance();
    } while (this.#effects.length > 0);
    for (const outbox of this.#touched) {
      outbox.endpoint.flush();
      this.#deliveries.sent(outbox);
    }
    this.#touched.clear();
    if (this.#waitingToRead.size > 0) this.#resumeReaders();
    if (!leading || this.#waitingToRead.size > 0) this.#lookAgainLater();
  }

  #lookAgainLater(): void {
    if (this.#lookingAgain) return;
    this.#lookingAgain = true;
    this.#clock.setTimer(lookAgainMs, () => {
      this.#lookingAgain = false;
      this.#settleUnderWay();
      this.#scheduleTurn();
    });
  }

  #resumeReaders(): void {
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
      if (effect.type !== 'closeSession') {
        this.#deliveries.give(outbox, effect);
        continue;
      }
      // The session is over, and says nothing more: what it was to be given before has gone back to its queue.
      this.#detach(effect.session);
      outbox.endpoint.effect(effect);
      this.#touched.add(outbox);
    }
    effects.length = 0;
    this.#spareEffects = effects;
  }
}
