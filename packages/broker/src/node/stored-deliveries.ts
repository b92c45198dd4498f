import { toDelivery } from '@lockstep/core';
import type { StoredDelivery } from '@lockstep/core';
import type { JournalPosition, Log } from '@lockstep/kernel';
import type { PayloadRead } from '@lockstep/raft-log';
import type { SessionEffect, SessionOutbox, WaitingEffect } from './session-outbox.ts';

/** Where the records of stored messages are. */
export interface RecordSource {
  /** From memory, at once; null: not there. */
  payload(position: JournalPosition): Uint8Array | null;
  readPayloads(positions: readonly JournalPosition[]): Promise<readonly PayloadRead[]>;
}

export interface StoredDeliveriesPorts {
  readonly records: RecordSource;
  readonly log: Log;
  /** See `Broker.give`. */
  readonly give: (delivery: StoredDelivery) => boolean;
  /** See `Broker.undeliverable`. */
  readonly undeliverable: (delivery: StoredDelivery) => boolean;
  /** The outbox's endpoint has been given something. */
  readonly given: (outbox: SessionOutbox) => void;
  /** There is something to do: call `advance` at the end of a turn. */
  readonly wake: () => void;
}

export interface StoredDeliveriesOptions {
  /** Stored messages of all sessions, read and not yet taken by their clients, or being read, bytes: above it a session gets more only below its share. */
  readonly heldBytesMax: number;
  /** Those of them that are being read, likewise: what is read stands before the log's own writes at the disk. */
  readonly askedBytesMax: number;
  /** So much every session may have of its own. More than what a connection takes without a word (`Connection.write`). */
  readonly sessionShareBytes: number;
}

export const defaultStoredDeliveriesOptions: StoredDeliveriesOptions = {
  heldBytesMax: 64 * 1024 * 1024,
  askedBytesMax: 8 * 1024 * 1024,
  sessionShareBytes: 256 * 1024,
};

/** Of one call to `readPayloads`: what comes first is not to wait for all that comes later. */
const readBytesMax = 512 * 1024;

const whyUnreadable = {
  lost: 'its record is damaged here, and on every member that could be asked',
  gone: 'the log has let go of its record',
} as const;

/** Records asked for together, and who waits for each. */
class Batch {
  readonly positions: JournalPosition[] = [];
  readonly waiting: WaitingEffect[] = [];
  readonly outboxes = new Set<SessionOutbox>();
  bytes = 0;
}

/**
 * Gives sessions their effects, stored messages with their bodies: at once where the record is in memory. What has to be read is gathered
 * through a turn and read together; meanwhile only the sessions concerned wait, each with all that comes behind.
 */
export class StoredDeliveries {
  readonly #ports: StoredDeliveriesPorts;
  readonly #options: StoredDeliveriesOptions;
  /** Of all sessions. */
  #heldBytes = 0;
  #askedBytes = 0;
  /** They may have something that can be given or asked for. */
  #active = new Set<SessionOutbox>();
  /** They have something to ask for, and no room. */
  readonly #starved = new Set<SessionOutbox>();
  #batch = new Batch();

  constructor(ports: StoredDeliveriesPorts, options: StoredDeliveriesOptions = defaultStoredDeliveriesOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Stored messages on their way from the disk or unsent to clients, bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** `advance` has something to do. */
  get isAwake(): boolean {
    return this.#active.size > 0;
  }

  /** Gives the effect to the outbox's session, or keeps it for it in its place. */
  give(outbox: SessionOutbox, effect: SessionEffect): void {
    if (!outbox.isWaiting) {
      if (effect.type !== 'deliverStored') {
        outbox.endpoint.effect(effect);
        this.#ports.given(outbox);
        return;
      }
      const record = this.#hasRoom(outbox) ? this.#ports.records.payload(effect.position) : null;
      if (record !== null) {
        if (!this.#ports.give(effect)) return;
        this.#hold(outbox, effect.size);
        outbox.endpoint.effect(toDelivery(effect, record));
        this.#ports.given(outbox);
        return;
      }
    }
    outbox.push(effect);
    this.#active.add(outbox);
  }

  /** Gives what can be given, and asks for what can't. */
  advance(): void {
    const active = this.#active;
    if (active.size === 0) return;
    this.#active = new Set();
    for (const outbox of active) this.#advance(outbox);
    this.#read();
    this.#feedStarved();
  }

  /** The client has been sent what it was given, or has taken some of it: there may be room for more. */
  sent(outbox: SessionOutbox): void {
    if (outbox.over) return;
    this.#hold(outbox, outbox.askedBytes + outbox.endpoint.unsentBytes - outbox.heldBytes);
    if (this.#starved.has(outbox) && this.#hasRoom(outbox)) this.#activate(outbox);
    this.#feedStarved();
  }

  /** The session is over: what it was still to be given is forgotten. */
  drop(outbox: SessionOutbox): void {
    if (outbox.over) return;
    outbox.over = true;
    outbox.clear();
    this.#active.delete(outbox);
    this.#starved.delete(outbox);
    this.#asking(outbox, -outbox.askedBytes);
    this.#hold(outbox, -outbox.heldBytes);
    this.#feedStarved();
  }

  #advance(outbox: SessionOutbox): void {
    this.#ask(outbox);
    for (let first = outbox.first; first !== undefined && !outbox.over; first = outbox.first) {
      const { effect, record } = first;
      if (effect.type !== 'deliverStored') outbox.endpoint.effect(effect);
      else if (record === null) return;
      else this.#deliver(outbox, effect, record);
      // Whoever is given something may end its session.
      if (outbox.over) return;
      outbox.shift();
      this.#ports.given(outbox);
    }
  }

  #deliver(outbox: SessionOutbox, effect: StoredDelivery, record: PayloadRead): void {
    this.#asking(outbox, -effect.size);
    if (typeof record !== 'string' && this.#ports.give(effect)) {
      outbox.endpoint.effect(toDelivery(effect, record));
      return;
    }
    this.#hold(outbox, -effect.size);
    if (typeof record !== 'string') return;
    // The consumer may be given another.
    this.#ports.wake();
    if (!this.#ports.undeliverable(effect)) return;
    const { position, destination, session } = effect;
    this.#ports.log.error(
      `message ${position} in ${destination} can't be read: ${whyUnreadable[record]}. It stays in its queue, and is given to nobody until there is a new master`,
      { message: position, destination, session },
    );
  }

  /** Looks in memory for the records of what waits, and notes which have to be read. */
  #ask(outbox: SessionOutbox): void {
    // What comes behind a record that has to be read waits for it anyway, and mostly has to be read as well.
    let reading = false;
    for (let next = outbox.toAsk; next !== undefined; next = outbox.toAsk) {
      const { effect } = next;
      if (effect.type === 'deliverStored') {
        if (!this.#hasRoom(outbox)) {
          this.#starved.add(outbox);
          return;
        }
        this.#asking(outbox, effect.size);
        this.#hold(outbox, effect.size);
        if (!reading) next.record = this.#ports.records.payload(effect.position);
        if (next.record === null) {
          reading = true;
          this.#gather(outbox, next, effect);
        }
      }
      outbox.asked();
    }
    this.#starved.delete(outbox);
  }

  #gather(outbox: SessionOutbox, waiting: WaitingEffect, { position, size }: StoredDelivery): void {
    const batch = this.#batch;
    batch.positions.push(position);
    batch.waiting.push(waiting);
    batch.outboxes.add(outbox);
    batch.bytes += size;
    if (batch.bytes >= readBytesMax) this.#read();
  }

  #read(): void {
    const batch = this.#batch;
    if (batch.positions.length === 0) return;
    this.#batch = new Batch();
    void this.#ports.records.readPayloads(batch.positions).then((records) => this.#arrived(batch, records));
  }

  #arrived({ waiting, outboxes }: Batch, records: readonly PayloadRead[]): void {
    for (const [i, one] of waiting.entries()) one.record = records[i]!;
    for (const outbox of outboxes) if (!outbox.over) this.#activate(outbox);
  }

  #activate(outbox: SessionOutbox): void {
    this.#active.add(outbox);
    this.#ports.wake();
  }

  #feedStarved(): void {
    if (this.#starved.size === 0 || !this.#hasRoomForAny()) return;
    for (const starved of this.#starved) this.#activate(starved);
    this.#starved.clear();
  }

  #hasRoom({ heldBytes }: SessionOutbox): boolean {
    return heldBytes < this.#options.sessionShareBytes || this.#hasRoomForAny();
  }

  #hasRoomForAny(): boolean {
    return this.#heldBytes < this.#options.heldBytesMax && this.#askedBytes < this.#options.askedBytesMax;
  }

  #asking(outbox: SessionOutbox, bytes: number): void {
    outbox.askedBytes += bytes;
    this.#askedBytes += bytes;
  }

  #hold(outbox: SessionOutbox, bytes: number): void {
    outbox.heldBytes += bytes;
    this.#heldBytes += bytes;
  }
}
