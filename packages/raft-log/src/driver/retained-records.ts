import type { Clock, JournalPosition, Log } from '@lockstep/kernel';
import type { Entry } from '../node/index.ts';
import type { LivePositions } from './live-set.ts';
import { PayloadReader, reportLost } from './payload-reader.ts';
import type { PayloadRead, RepairOutcome } from './payload-reader.ts';
import { MissingRecords } from './records/missing-records.ts';
import type { RecordDamage, Storage } from './storage-types.ts';
import { entryPayload } from './storage/index.ts';

export interface RetainedRecordsPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: Pick<Storage, 'cachedRecord' | 'readRecords' | 'holds'>;
  /** Those that the state refers to now. */
  readonly live: () => LivePositions;
  /** The log has been applied up to here. */
  readonly appliedIndex: () => number;
  /** What the node has in memory. */
  readonly inMemory: (position: number) => Entry | null;
  /** See `RecordRepair.repair`; null: this node is not a member of a cluster yet. */
  readonly repair: (damages: readonly RecordDamage[]) => Promise<readonly RepairOutcome[]> | null;
  readonly failed: (error: unknown) => void;
}

/** The commands that the machine retained: gives them back to it, and sees to it that each is on this disk. */
export class RetainedRecords {
  readonly #ports: RetainedRecordsPorts;
  readonly #reader: PayloadReader;
  readonly #missing: MissingRecords;

  constructor(ports: RetainedRecordsPorts) {
    this.#ports = ports;
    const { storage } = ports;
    const repair = (damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> => this.#repair(damages);
    this.#reader = new PayloadReader({
      ...ports,
      inMemory: (position) => ports.inMemory(position) ?? storage.cachedRecord(position),
      readRecords: (positions) => storage.readRecords(positions),
      repair,
      entryPayload,
    });
    this.#missing = new MissingRecords({
      ...ports,
      holds: (position) => storage.holds(position, ports.appliedIndex()),
      repair,
    });
  }

  /** See `ReplicatedLog.payload`. */
  payload(position: JournalPosition): Uint8Array | null {
    return this.#reader.payload(position);
  }

  /** See `ReplicatedLog.readPayloads`. */
  readPayloads(positions: readonly JournalPosition[]): Promise<readonly PayloadRead[]> {
    return this.#reader.readPayloads(positions);
  }

  /** Looks for those that are missing, until all are here. */
  complete(): void {
    void this.#missing.run();
  }

  stop(): void {
    this.#missing.stop();
  }

  async #repair(damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> {
    const { repair, log } = this.#ports;
    return (await repair(damages)) ?? reportLost(log, damages, 'this node is not a member of a cluster yet');
  }
}
