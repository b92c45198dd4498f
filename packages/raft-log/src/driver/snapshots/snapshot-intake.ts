import { DiskError } from '@lockstep/kernel';
import type { Clock, Log, NodeId } from '@lockstep/kernel';
import type { LiveSet } from '../live-set.ts';
import type { Records, RecordsWant, SnapshotMessage, SnapshotOffer, SnapshotPiece } from '../peers/messages.ts';
import type { RecordAccess } from '../records/record-access.ts';
import type { SnapshotReceiver, Storage } from '../storage-types.ts';
import type { SnapshotRestore, StateMachine } from '../types.ts';
import { LiveIntake } from './live-intake.ts';
import type { LiveOutcome } from './live-intake.ts';
import { readArrived } from './read-arrived.ts';

/** A snapshot that is here whole, and checked, and so are the records that its state refers to. */
export interface ArrivedSnapshot {
  readonly receiver: SnapshotReceiver;
  readonly from: NodeId;
  /** Of the leader that offered it. */
  readonly term: number;
  /** Has taken in the state; only `finish` is left to be called. */
  readonly restore: SnapshotRestore;
  readonly live: LiveSet;
  /** The live records are all here for the state at this index and above; a few may be missing until then. */
  readonly completeAt: number;
  /** Live records that could not be had. Ascending. */
  readonly lacking: readonly number[];
}

export interface SnapshotIntakePorts {
  readonly storage: Pick<Storage, 'receiveSnapshot'>;
  readonly store: RecordAccess;
  readonly machine: Pick<StateMachine, 'restore'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly send: (to: NodeId, message: SnapshotMessage | RecordsWant) => void;
  /** Other members that hold records and can be reached. */
  readonly others: () => readonly NodeId[];
  /** Witnesses that can be reached. */
  readonly witnesses: () => readonly NodeId[];
  /** So many live records are not here: these members are asked for them. */
  readonly fetching: (missing: number, sources: readonly NodeId[]) => void;
  /** The receiver is the callee's from now on; `concluded` is due when it is done with. */
  readonly arrived: (snapshot: ArrivedSnapshot) => void;
  readonly failed: (error: unknown) => void;
}

/** A snapshot on its way. */
interface Incoming {
  from: NodeId;
  offer: SnapshotOffer;
  readonly receiver: SnapshotReceiver;
  /** Null while the file is arriving. */
  records: LiveIntake | null;
}

/**
 * Takes in a snapshot: first its file, piece by piece, then the live records that this node lacks. Until both are here nothing of this node's own state is
 * touched, so it stays the voter that it was. A transfer that broke goes on where it stood when the same member offers the same
 * snapshot again; when another snapshot is offered in its place, the records that have come count all the same.
 */
export class SnapshotIntake {
  readonly #ports: SnapshotIntakePorts;
  #incoming: Incoming | null = null;
  /** Something is being written or installed: messages that come meanwhile are repeats, or will be repeated. */
  #busy = false;
  #stopped = false;

  constructor(ports: SnapshotIntakePorts) {
    this.#ports = ports;
  }

  receive(message: SnapshotMessage, from: NodeId): void {
    if (message.type === 'snapshotOffer') this.#offered(message, from);
    else if (message.type === 'snapshotPiece' && !this.#busy) void this.#guarded(() => this.#take(message, from));
  }

  receiveRecords(records: Records, from: NodeId): void {
    this.#incoming?.records?.receive(records, from);
  }

  /** That member can be reached again: what was asked of it may be lost. */
  reachable(peer: NodeId): void {
    this.#incoming?.records?.reachable(peer);
  }

  tick(): void {
    const incoming = this.#incoming;
    incoming?.records?.tick();
    // Another leader could help with its log.
    if (incoming === null || this.#busy || incoming.receiver.index > this.#ports.store.appliedIndex) return;
    void this.#guarded(async () => {
      await this.#abandon();
      return 'done';
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#incoming?.records?.stop();
  }

  /** The arrived snapshot is installed, or was not wanted. */
  concluded(snapshot: ArrivedSnapshot): void {
    this.#busy = false;
    this.#incoming = null;
    this.#ports.send(snapshot.from, { type: 'snapshotDone', index: snapshot.receiver.index, installed: true });
  }

  #offered(offer: SnapshotOffer, from: NodeId): void {
    const current = this.#incoming;
    const same = current !== null && isSame(current, offer, from);
    if (this.#busy) {
      // Whoever offers must know that somebody is at work, or it gives up.
      if (same) this.#ports.send(from, { type: 'snapshotWorking', index: offer.index });
    } else if (offer.index <= this.#ports.store.appliedIndex) {
      // It is installed, or what it holds has come as entries.
      this.#ports.send(from, { type: 'snapshotDone', index: offer.index, installed: true });
    } else if (!same) {
      void this.#guarded(() => this.#begin(offer, from));
    } else if (current.records === null) {
      current.offer = offer;
      this.#ports.send(from, { type: 'snapshotWant', index: offer.index, offset: current.receiver.offset });
    } else {
      current.offer = offer;
      this.#ports.send(from, { type: 'snapshotWorking', index: offer.index });
      current.records.reachable(from);
    }
  }

  async #guarded(work: () => Promise<'arrived' | 'done'>): Promise<void> {
    if (this.#stopped) return;
    this.#busy = true;
    try {
      // A whole snapshot keeps everything else away until it is concluded.
      if ((await work()) === 'done') this.#busy = false;
    } catch (error) {
      if (error instanceof DiskError && error.code === 'ENOSPC') await this.#noRoom();
      else this.#ports.failed(error);
    }
  }

  async #begin(offer: SnapshotOffer, from: NodeId): Promise<'done'> {
    const current = this.#incoming;
    if (current !== null && current.offer.term > offer.term) return 'done';
    await this.#abandon();
    const receiver = await this.#ports.storage.receiveSnapshot(offer.index, offer.snapshotTerm, offer.bytes);
    const there = receiver.offset > 0 ? `, of which ${receiver.offset} are here already` : '';
    this.#ports.log.info(
      `too far behind for the log: receiving a snapshot of ${offer.bytes} bytes (up to entry ${offer.index}) from node ${from}${there}`,
    );
    this.#incoming = { from, offer, receiver, records: null };
    this.#ports.send(from, { type: 'snapshotWant', index: offer.index, offset: receiver.offset });
    return 'done';
  }

  async #abandon(): Promise<void> {
    const current = this.#incoming;
    this.#incoming = null;
    current?.records?.stop();
    await current?.receiver.discard();
  }

  async #take(piece: SnapshotPiece, from: NodeId): Promise<'arrived' | 'done'> {
    const incoming = this.#incoming;
    if (incoming === null || incoming.from !== from || incoming.offer.index !== piece.index) return 'done';
    const { receiver } = incoming;
    if (piece.offset !== receiver.offset || incoming.records !== null) return 'done';
    if (piece.bytes.length > 0) {
      await receiver.write(piece.bytes);
      this.#ports.send(from, { type: 'snapshotWant', index: piece.index, offset: receiver.offset });
      return 'done';
    }
    const state = await readArrived(receiver, this.#ports);
    if (typeof state === 'string') {
      this.#ports.log.warn(`the snapshot from node ${from} is damaged, it is asked for again: ${state}`);
      await this.#abandon();
      this.#ports.send(from, { type: 'snapshotDone', index: piece.index, installed: false });
      return 'done';
    }
    const { restore, live } = state;
    incoming.records = new LiveIntake(live, this.#ports);
    this.#ports.send(from, { type: 'snapshotWorking', index: piece.index });
    void incoming.records.run(from).then(
      (outcome) => this.#arrived(incoming, restore, live, outcome),
      (error: unknown) => this.#guarded(() => Promise.reject(error)),
    );
    return 'done';
  }

  #arrived(incoming: Incoming, restore: SnapshotRestore, live: LiveSet, outcome: LiveOutcome): void {
    if (this.#stopped || this.#incoming !== incoming) return;
    this.#busy = true;
    const { receiver, from, offer } = incoming;
    this.#ports.arrived({ receiver, from, term: offer.term, restore, live, ...outcome });
  }

  /** The leader tries again, some time later. */
  async #noRoom(): Promise<void> {
    const current = this.#incoming;
    this.#ports.log.warn('no room on the disk for the snapshot that the leader sends');
    try {
      await this.#abandon();
      this.#busy = false;
      if (current === null) return;
      this.#ports.send(current.from, { type: 'snapshotDone', index: current.offer.index, installed: false });
    } catch (error) {
      this.#ports.failed(error);
    }
  }
}

function isSame({ from, offer }: Incoming, other: SnapshotOffer, otherFrom: NodeId): boolean {
  return (
    from === otherFrom &&
    offer.index === other.index &&
    offer.snapshotTerm === other.snapshotTerm &&
    offer.bytes === other.bytes
  );
}
