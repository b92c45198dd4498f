import type { Entry } from '../../node/types.ts';
import type { Applier } from '../applier.ts';
import type { Storage } from '../storage-types.ts';
import type { LiveStretch, RecordAccess } from './record-access.ts';

/** This node's records: on its disk, and live as far as it has applied the log. */
export class StoredRecords implements RecordAccess {
  protected readonly storage: Storage;
  readonly #applier: Pick<Applier, 'appliedIndex' | 'live'>;

  constructor(storage: Storage, applier: Pick<Applier, 'appliedIndex' | 'live'>) {
    this.storage = storage;
    this.#applier = applier;
  }

  get appliedIndex(): number {
    return this.#applier.appliedIndex;
  }

  isLive(position: number): boolean {
    return this.#applier.live.has(position);
  }

  /** Of what is in the log, that which has been applied was committed for sure. */
  holds(position: number): boolean {
    return this.storage.holds(position, this.#applier.appliedIndex);
  }

  async readLive(from: number, to: number, bytesMax: number): Promise<LiveStretch> {
    const { bytes, next, missing } = await this.storage.readLive(this.#applier.live, from, to - 1, bytesMax);
    // What died meanwhile may be gone for that reason.
    return { bytes, next, lacking: missing.filter((position) => this.isLive(position)) };
  }

  reread(position: number): Promise<boolean> {
    return this.storage.reread(position);
  }

  addRecords(records: readonly Entry[]): Promise<void> {
    return this.storage.addRecords(records);
  }

  addStretches(stretches: readonly Uint8Array[]): Promise<void> {
    return this.storage.addStretches(stretches);
  }
}
