import type { Log, NodeId } from '@lockstep/kernel';
import type { SnapshotMessage, SnapshotOffer, SnapshotPiece } from '../peers/messages.ts';
import type { SnapshotReceiver, Storage } from '../storage-types.ts';

/** A snapshot that is here whole, and checked. */
export interface ArrivedSnapshot {
  readonly receiver: SnapshotReceiver;
  readonly from: NodeId;
  /** Of the leader that offered it. */
  readonly term: number;
}

export interface SnapshotIntakePorts {
  readonly storage: Storage;
  readonly log: Log;
  readonly send: (to: NodeId, message: SnapshotMessage) => void;
  /** The receiver is the callee's from now on; `concluded` is due when it is done with. */
  readonly arrived: (snapshot: ArrivedSnapshot) => void;
  readonly failed: (error: unknown) => void;
}

interface Incoming {
  readonly from: NodeId;
  readonly offer: SnapshotOffer;
  readonly receiver: SnapshotReceiver;
}

/**
 * Takes in a snapshot piece by piece, one at a time. A transfer that broke goes on where it stood when the same member offers the
 * same snapshot again; any other offer takes its place.
 */
export class SnapshotIntake {
  readonly #ports: SnapshotIntakePorts;
  #incoming: Incoming | null = null;
  /** Something is being written: messages that come meanwhile are repeats, or will be repeated. */
  #busy = false;

  constructor(ports: SnapshotIntakePorts) {
    this.#ports = ports;
  }

  receive(message: SnapshotMessage, from: NodeId): void {
    if (this.#busy) return;
    if (message.type === 'snapshotOffer') void this.#guarded(() => this.#begin(message, from));
    else if (message.type === 'snapshotPiece') void this.#guarded(() => this.#take(message, from));
  }

  /** The arrived snapshot is installed, or was not wanted. */
  concluded(snapshot: ArrivedSnapshot): void {
    this.#busy = false;
    this.#ports.send(snapshot.from, { type: 'snapshotDone', index: snapshot.receiver.index, installed: true });
  }

  async #guarded(work: () => Promise<'arrived' | 'done'>): Promise<void> {
    this.#busy = true;
    try {
      // A whole snapshot keeps everything else away until it is concluded.
      if ((await work()) === 'done') this.#busy = false;
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  async #begin(offer: SnapshotOffer, from: NodeId): Promise<'done'> {
    const current = this.#incoming;
    const same =
      current !== null &&
      current.from === from &&
      current.offer.index === offer.index &&
      current.offer.snapshotTerm === offer.snapshotTerm;
    let receiver = current?.receiver;
    if (receiver === undefined || !same) {
      await receiver?.discard();
      receiver = await this.#ports.storage.receiveSnapshot(offer.index, offer.snapshotTerm, offer.bytes);
      this.#ports.log.info(
        `too far behind for the log: receiving a snapshot of ${offer.bytes} bytes (up to entry ${offer.index}) from node ${from}`,
      );
    }
    this.#incoming = { from, offer, receiver };
    this.#ports.send(from, { type: 'snapshotWant', index: offer.index, offset: receiver.offset });
    return 'done';
  }

  async #take(piece: SnapshotPiece, from: NodeId): Promise<'arrived' | 'done'> {
    const incoming = this.#incoming;
    if (incoming === null || incoming.from !== from || incoming.offer.index !== piece.index) return 'done';
    const { receiver, offer } = incoming;
    if (piece.offset !== receiver.offset) return 'done';
    if (piece.bytes.length > 0) {
      await receiver.write(piece.bytes);
      this.#ports.send(from, { type: 'snapshotWant', index: piece.index, offset: receiver.offset });
      return 'done';
    }
    this.#incoming = null;
    const damage = await receiver.finish(() => {});
    if (damage !== null) {
      this.#ports.log.warn(`the snapshot from node ${from} is damaged, it is asked for again: ${damage}`);
      await receiver.discard();
      this.#ports.send(from, { type: 'snapshotDone', index: piece.index, installed: false });
      return 'done';
    }
    this.#ports.arrived({ receiver, from, term: offer.term });
    return 'arrived';
  }
}
