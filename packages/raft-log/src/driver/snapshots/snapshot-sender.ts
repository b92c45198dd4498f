import type { Clock, NodeId } from '@lockstep/kernel';
import type { SnapshotMessage, SnapshotWant } from '../peers/messages.ts';
import type { SnapshotReader, Storage } from '../storage-types.ts';

export interface SnapshotSenderPorts {
  readonly clock: Clock;
  readonly storage: Pick<Storage, 'snapshot' | 'openSnapshot'>;
  readonly send: (to: NodeId, message: SnapshotMessage) => void;
  /** The transfer is over. */
  readonly sent: (peer: NodeId, index: number, delivered: boolean) => void;
  readonly failed: (error: unknown) => void;
}

interface Transfer {
  readonly term: number;
  /** The newest snapshot when it began. */
  readonly begunAt: number;
  /** Null until the snapshot's file is open. It stays readable when a newer snapshot takes its place. */
  reader: SnapshotReader | null;
  /** When the receiver last asked for something, or it was last offered. */
  movedAtMs: number;
  offers: number;
}

/** At most this much at once, whatever the receiver asks for. */
const pieceBytesMax = 1024 * 1024;
/** After that much silence of the receiver it is offered again; it knows where it stood. */
const offerAgainMs = 2000;
const offersMax = 5;

/**
 * Sends snapshots to followers that are too far behind for the log. The receiver asks for piece after piece, and then for records, so it sets the pace. While it
 * goes on, the log above the snapshot must stay (`heldIndex`): it is what the receiver needs next. Newer snapshots may be taken meanwhile.
 */
export class SnapshotSender {
  readonly #ports: SnapshotSenderPorts;
  readonly #transfers: Map<NodeId, Transfer> = new Map();

  constructor(ports: SnapshotSenderPorts) {
    this.#ports = ports;
  }

  /** Entries above this one are still needed; null when no transfer is under way. */
  get heldIndex(): number | null {
    let held: number | null = null;
    for (const { reader, begunAt } of this.#transfers.values()) {
      held = Math.min(held ?? Infinity, reader?.info.index ?? begunAt);
    }
    return held;
  }

  /** Offers the newest snapshot; `term` is the leader's. One at a time for each peer: a new one takes the place of the old. */
  begin(peer: NodeId, term: number): void {
    void this.#begin(peer, term);
  }

  /** The peer can be reached again: what was on its way may be lost. */
  reachable(peer: NodeId): void {
    const transfer = this.#transfers.get(peer);
    if (transfer !== undefined) this.#offer(peer, transfer);
  }

  receive(message: SnapshotMessage, from: NodeId): void {
    const transfer = this.#transfers.get(from);
    if (transfer === undefined || transfer.reader?.info.index !== message.index) return;
    this.moved(from);
    if (message.type === 'snapshotWant') void this.#answer(from, transfer, transfer.reader, message);
    else if (message.type === 'snapshotDone') this.#finish(from, transfer, message.installed);
  }

  /** The peer asks for something: it is still at it. */
  moved(peer: NodeId): void {
    const transfer = this.#transfers.get(peer);
    if (transfer === undefined) return;
    transfer.movedAtMs = this.#ports.clock.monotonicMs();
    transfer.offers = 0;
  }

  tick(): void {
    const now = this.#ports.clock.monotonicMs();
    for (const [peer, transfer] of this.#transfers) {
      if (transfer.reader === null || now - transfer.movedAtMs < offerAgainMs) continue;
      if (transfer.offers >= offersMax) this.#finish(peer, transfer, false);
      else this.#offer(peer, transfer);
    }
  }

  /** This node leads no more, or in another term. */
  stop(): void {
    for (const { reader } of this.#transfers.values()) this.#close(reader);
    this.#transfers.clear();
  }

  async #begin(peer: NodeId, term: number): Promise<void> {
    const { clock, storage } = this.#ports;
    const begunAt = storage.snapshot?.index ?? 0;
    const transfer: Transfer = { term, begunAt, reader: null, movedAtMs: clock.monotonicMs(), offers: 0 };
    this.#close(this.#transfers.get(peer)?.reader ?? null);
    this.#transfers.set(peer, transfer);
    try {
      const reader = await storage.openSnapshot();
      if (this.#transfers.get(peer) !== transfer) {
        this.#close(reader);
      } else if (reader === null) {
        this.#transfers.delete(peer);
        this.#ports.sent(peer, 0, false);
      } else {
        transfer.reader = reader;
        this.#offer(peer, transfer);
      }
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  #offer(peer: NodeId, transfer: Transfer): void {
    if (transfer.reader === null) return;
    const { index, term: snapshotTerm, bytes } = transfer.reader.info;
    transfer.offers += 1;
    transfer.movedAtMs = this.#ports.clock.monotonicMs();
    this.#ports.send(peer, { type: 'snapshotOffer', term: transfer.term, index, snapshotTerm, bytes });
  }

  async #answer(peer: NodeId, transfer: Transfer, reader: SnapshotReader, want: SnapshotWant): Promise<void> {
    try {
      const bytes = await reader.read(want.offset, pieceBytesMax);
      if (this.#transfers.get(peer) !== transfer) return;
      this.#ports.send(peer, { type: 'snapshotPiece', index: want.index, offset: want.offset, bytes });
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  #finish(peer: NodeId, transfer: Transfer, delivered: boolean): void {
    this.#transfers.delete(peer);
    this.#close(transfer.reader);
    this.#ports.sent(peer, transfer.reader?.info.index ?? 0, delivered);
  }

  #close(reader: SnapshotReader | null): void {
    // It was read only: nothing hangs on how that goes.
    reader?.close().catch(() => {});
  }
}
