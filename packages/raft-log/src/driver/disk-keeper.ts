import type { Clock, JournalPosition, Log, NodeId } from '@lockstep/kernel';
import type { RaftStatus } from '../node/types.ts';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import { DiskLimits } from './disk-limits/disk-limits.ts';
import type { DiskState } from './disk-limits/disk-limits.ts';
import type { ReservedDisk } from './disk-limits/reserved-disk.ts';
import { SlowDisk } from './disk-limits/slow-disk.ts';
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
  /** What is done about a slow disk unless somebody else does it. */
  readonly handOver: (to: NodeId) => void;
  readonly failed: (error: unknown) => void;
}

/** What whoever uses the log may know of the disk. */
export interface DiskReport {
  readonly state: DiskState;
  /** Called after the pressure has changed. */
  onChange(listener: (state: DiskState) => void): void;
  /** Called instead of `transferLeadership(to)` when this member leads and its disk is too slow for that. */
  onSlow(handler: (to: NodeId) => void): void;
}

/** What is done about the disk beside using it: how full and how slow it is, compaction, the scrubber. */
export class DiskKeeper implements DiskReport {
  readonly limits: DiskLimits;
  readonly #settings: ReplicatedLogSettings;
  readonly #ports: DiskKeeperPorts;
  readonly #slowDisk: SlowDisk;
  #handOver: (to: NodeId) => void;
  #upkeep: StoreUpkeep | null = null;

  constructor(settings: ReplicatedLogSettings, ports: DiskKeeperPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.limits = new DiskLimits(settings, { ...ports, ownBytes: () => ports.storage.diskBytes });
    this.#slowDisk = new SlowDisk(settings.slowDiskMs ?? settings.electionMs / 2, {
      log: ports.log,
      handOver: (to) => this.#handOver(to),
    });
    this.#handOver = ports.handOver;
  }

  get state(): DiskState {
    return this.limits.state;
  }

  onChange(listener: (state: DiskState) => void): void {
    this.limits.onChange(listener);
  }

  onSlow(handler: (to: NodeId) => void): void {
    this.#handOver = handler;
  }

  tick(status: RaftStatus | null): void {
    if (status !== null) this.#slowDisk.tick(status, this.#ports.clock.monotonicMs());
  }

  /** The log is in use from now on. */
  tend(trusted: () => TrustedSnapshot): void {
    const { storage } = this.#ports;
    this.#upkeep = new StoreUpkeep(this.#settings, {
      ...this.#ports,
      files: storage.records,
      checkLog: (pace) => storage.checkLog(pace),
      checkSnapshot: (pace) => storage.checkSnapshot(pace),
      trusted,
    });
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
