import type { NodeId } from '@lockstep/kernel';
import type { RaftBatch, RaftMessage, ReadConfirmed, ReadRequest } from './types.ts';

/** What the next batch will carry, gathered as inputs are taken. */
export class Outbox {
  #sendNow: RaftMessage[] = [];
  #sendAfterPersist: RaftMessage[] = [];
  #reads: ReadRequest[] = [];
  #snapshots: NodeId[] = [];
  #readsConfirmed: ReadConfirmed[] = [];

  /** For what promises nothing about this member's disk. */
  sendNow(message: RaftMessage): void {
    this.#sendNow.push(message);
  }

  /** For what rests on this member's term, vote or entries being on disk. */
  sendAfterPersist(message: RaftMessage): void {
    this.#sendAfterPersist.push(message);
  }

  read(request: ReadRequest): void {
    this.#reads.push(request);
  }

  sendSnapshot(peer: NodeId): void {
    this.#snapshots.push(peer);
  }

  /** `index` null: refused. */
  confirmRead(context: number, index: number | null): void {
    this.#readsConfirmed.push({ context, index });
  }

  get isEmpty(): boolean {
    return (
      this.#sendNow.length === 0 &&
      this.#sendAfterPersist.length === 0 &&
      this.#reads.length === 0 &&
      this.#snapshots.length === 0 &&
      this.#readsConfirmed.length === 0
    );
  }

  /** Hands over all of it and begins anew. */
  take(): Pick<RaftBatch, 'sendNow' | 'sendAfterPersist' | 'reads' | 'sendSnapshots' | 'readsConfirmed'> {
    const taken = {
      sendNow: this.#sendNow,
      sendAfterPersist: this.#sendAfterPersist,
      reads: this.#reads,
      sendSnapshots: this.#snapshots,
      readsConfirmed: this.#readsConfirmed,
    };
    this.#sendNow = [];
    this.#sendAfterPersist = [];
    this.#reads = [];
    this.#snapshots = [];
    this.#readsConfirmed = [];
    return taken;
  }
}
