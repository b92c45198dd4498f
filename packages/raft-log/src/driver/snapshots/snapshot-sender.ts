import type { Clock, NodeId } from '@lockstep/kernel';
import type { SnapshotMessage, SnapshotWant } from '../peers/messages.ts';
import type { SnapshotInfo, Storage } from '../storage-types.ts';

export interface SnapshotSenderPorts {
  readonly clock: Clock;
  readonly storage: Storage;
  readonly send: (to: NodeId, message: SnapshotMessage) => void;
  /** The transfer is over. */
  readonly sent: (peer: NodeId, index: number, delivered: boolean) => void;
  readonly failed: (error: unknown) => void;
}

interface Transfer {
  readonly snapshot: SnapshotInfo;
  readonly term: number;
  /** When the receiver last asked for something, or it was last offered. */
  movedAtMs: number;
  offers: number;
}

const pieceBytesMax = 256 * 1024;
/** After that much silence of the receiver it is offered again; it knows where it stood. */
const offerAgainMs = 2000;
const offersMax = 5;

/** Sends snapshots to followers that are too far behind for the log. The receiver asks for piece after piece, so it sets the pace. */
export class SnapshotSender {
  readonly #ports: SnapshotSenderPorts;
  readonly #transfers: Map<NodeId, Transfer> = new Map();

  constructor(ports: SnapshotSenderPorts) {
    this.#ports = ports;
  }

  /** While a transfer runs its snapshot must stay. */
  get busy(): boolean {
    return this.#transfers.size > 0;
  }

  /** Offers the newest snapshot; `term` is the leader's. One at a time for each peer: a new one takes the place of the old. */
  begin(peer: NodeId, term: number): void {
    const { snapshot } = this.#ports.storage;
    if (snapshot === null) {
      this.#ports.sent(peer, 0, false);
      return;
    }
    const transfer = { snapshot, term, movedAtMs: this.#ports.clock.monotonicMs(), offers: 0 };
    this.#transfers.set(peer, transfer);
    this.#offer(peer, transfer);
  }

  /** The peer can be reached again: what was on its way may be lost. */
  reachable(peer: NodeId): void {
    const transfer = this.#transfers.get(peer);
    if (transfer !== undefined) this.#offer(peer, transfer);
  }

  receive(message: SnapshotMessage, from: NodeId): void {
    const transfer = this.#transfers.get(from);
    if (transfer === undefined || transfer.snapshot.index !== message.index) return;
    if (message.type === 'snapshotWant') {
      transfer.movedAtMs = this.#ports.clock.monotonicMs();
      transfer.offers = 0;
      void this.#answer(from, transfer, message);
    } else if (message.type === 'snapshotDone') {
      this.#finish(from, transfer, message.installed);
    }
  }

  tick(): void {
    const now = this.#ports.clock.monotonicMs();
    for (const [peer, transfer] of this.#transfers) {
      if (now - transfer.movedAtMs < offerAgainMs) continue;
      if (transfer.offers >= offersMax) this.#finish(peer, transfer, false);
      else this.#offer(peer, transfer);
    }
  }

  /** This node leads no more, or in another term. */
  stop(): void {
    this.#transfers.clear();
  }

  #offer(peer: NodeId, transfer: Transfer): void {
    const { index, term: snapshotTerm, bytes } = transfer.snapshot;
    transfer.offers += 1;
    transfer.movedAtMs = this.#ports.clock.monotonicMs();
    this.#ports.send(peer, { type: 'snapshotOffer', term: transfer.term, index, snapshotTerm, bytes });
  }

  async #answer(peer: NodeId, transfer: Transfer, want: SnapshotWant): Promise<void> {
    try {
      const bytes = await this.#ports.storage.readSnapshot(want.index, want.offset, pieceBytesMax);
      if (this.#transfers.get(peer) !== transfer) return;
      if (bytes === null) this.#finish(peer, transfer, false);
      else this.#ports.send(peer, { type: 'snapshotPiece', index: want.index, offset: want.offset, bytes });
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  #finish(peer: NodeId, transfer: Transfer, delivered: boolean): void {
    this.#transfers.delete(peer);
    this.#ports.sent(peer, transfer.snapshot.index, delivered);
  }
}
