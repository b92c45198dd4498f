import type { Clock, JournalPosition, Log } from '@lockstep/kernel';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import { DiskLimits } from './disk-limits/disk-limits.ts';
import type { ReservedDisk } from './disk-limits/reserved-disk.ts';
import type { ReplicatedLogSettings } from './replicated-log-options.ts';
import type { Storage } from './storage-types.ts';
import { StoreUpkeep } from './store-upkeep.ts';

export interface DiskKeeperPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: ReservedDisk;
  readonly storage: Storage;
  /** See `ReplicatedLog.readPayloads`. */
  readonly readPayloads: (positions: readonly JournalPosition[]) => Promise<unknown>;
  readonly failed: (error: unknown) => void;
}

/** What is done about the disk in the background: how full it is, compaction, the scrubber. */
export class DiskKeeper {
  readonly limits: DiskLimits;
  readonly #settings: ReplicatedLogSettings;
  readonly #ports: DiskKeeperPorts;
  #upkeep: StoreUpkeep | null = null;

  constructor(settings: ReplicatedLogSettings, ports: DiskKeeperPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.limits = new DiskLimits(settings, { ...ports, ownBytes: () => ports.storage.diskBytes });
  }

  /** The log is in use from now on. */
  tend(trusted: () => TrustedSnapshot): void {
    this.#upkeep = new StoreUpkeep(this.#settings, { ...this.#ports, files: this.#ports.storage.records, trusted });
    this.#upkeep.start();
  }

  /** There is a newer snapshot on the disk. */
  kick(): void {
    this.#upkeep?.kick();
  }

  /** Room on the disk is short. */
  get hurry(): boolean {
    return this.limits.state.pressure === 'hard';
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    await Promise.all([this.limits.stop(), this.#upkeep?.stop()]);
  }
}
