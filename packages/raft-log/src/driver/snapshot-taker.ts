import { DiskError } from '@lockstep/kernel';
import type { Clock, Log } from '@lockstep/kernel';
import type { ConfigurationAt } from '../node/index.ts';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import type { LiveSet } from './live-set.ts';
import type { Storage } from './storage-types.ts';
import type { StateMachine } from './types.ts';

export interface SnapshotTakerPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: Storage;
  readonly machine: StateMachine;
  /** Room on the disk is short. */
  readonly hurry: () => boolean;
  /** One is on disk. */
  readonly taken: () => void;
  /** What `trusted` says is another. */
  readonly trustedChanged: () => void;
  readonly failed: (error: unknown) => void;
}

export interface SnapshotTakerOptions {
  readonly snapshotBytes: number;
}

/** Where the state machine stands, and what it refers to. */
export interface MachineState {
  readonly appliedIndex: number;
  readonly term: number | null;
  /** This disk holds the log up to here. */
  readonly persistedIndex: number;
  readonly live: LiveSet;
  readonly configuration: ConfigurationAt | null;
}

/** After a snapshot for which the disk had no room. */
const retryMs = 60_000;
/** Where room is short, a snapshot is due so many times as often: it is what lets files go. */
const hurryFactor = 16;

/** What a witness need not keep, and may have gathered. */
const releasedBytesMax = 1024 * 1024;

/** Takes snapshots of the state when they are due, and knows which records the newest on disk refers to. */
export class SnapshotTaker {
  readonly #ports: SnapshotTakerPorts;
  readonly #options: SnapshotTakerOptions;
  #trusted: TrustedSnapshot;
  #taking = false;
  #suspecting = false;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** `trusted`: the newest on disk. */
  constructor(options: SnapshotTakerOptions, ports: SnapshotTakerPorts, trusted: TrustedSnapshot) {
    this.#options = options;
    this.#ports = ports;
    this.#trusted = trusted;
  }

  /** The newest snapshot known to be on disk, with the records that its state refers to. */
  get trusted(): TrustedSnapshot {
    return this.#trusted;
  }

  /** One is being written. */
  get taking(): boolean {
    return this.#taking;
  }

  /** One that came from a leader is in place. */
  installed(snapshot: TrustedSnapshot): void {
    this.#trusted = snapshot;
    this.#ports.trustedChanged();
  }

  /** Takes one if the log has grown enough since the last, or the last one's file is damaged: the state in memory is not. */
  consider(state: () => MachineState): void {
    if (this.#isDue(this.#due)) this.#take(state());
  }

  /** Somebody to whom the newest one was sent has not got it: it may be damaged. Then another is due. */
  suspect(): void {
    if (!this.#suspecting) void this.#check();
  }

  /** On a witness: the log need not be kept up to where `state` stands, which is empty. Takes its shape if that is worth it. */
  release(state: MachineState): void {
    if (this.#isDue(Math.min(releasedBytesMax, this.#options.snapshotBytes))) this.#take(state);
  }

  async #check(): Promise<void> {
    const { storage, log, failed } = this.#ports;
    this.#suspecting = true;
    try {
      // Not held back: to send it has taken as much reading.
      const damage = await storage.checkSnapshot(() => Promise.resolve());
      if (damage !== null) {
        const { file, offset, detail } = damage;
        log.warn(`${file} is damaged at byte ${offset}: ${detail}; another snapshot is taken in its place`);
      }
    } catch (error) {
      failed(error);
    }
    this.#suspecting = false;
  }

  #isDue(bytes: number): boolean {
    const { storage, clock } = this.#ports;
    const wanted = storage.bytesSinceSnapshot > bytes || storage.snapshotDamaged;
    return !this.#taking && wanted && clock.monotonicMs() >= this.#notBeforeMs;
  }

  #take(now: MachineState): void {
    const { storage } = this.#ports;
    const { appliedIndex, term, persistedIndex } = now;
    // What a majority has may not be on this disk yet; a snapshot must not run ahead of the journal.
    const newest = storage.snapshot?.index ?? 0;
    if (appliedIndex < newest || persistedIndex < appliedIndex || term === null) return;
    if (appliedIndex === newest && !storage.snapshotDamaged) return;
    this.#taking = true;
    void this.#save(now, term);
  }

  get #due(): number {
    const { snapshotBytes } = this.#options;
    const due = this.#ports.hurry() ? snapshotBytes / hurryFactor : snapshotBytes;
    // One of a deep queue is not written again and again.
    return Math.max(due, this.#ports.storage.snapshot?.bytes ?? 0);
  }

  async #save({ appliedIndex: index, live, configuration }: MachineState, term: number): Promise<void> {
    const { storage, machine, clock, log } = this.#ports;
    try {
      // Both as of now: later commands change neither.
      const frozen = live.freeze();
      await storage.saveSnapshot(index, term, machine.snapshot(), frozen, configuration);
      this.#taking = false;
      // One that a leader sent may have overtaken it.
      if (storage.snapshot?.index === index) {
        this.#trusted = { index, live: frozen };
        this.#ports.trustedChanged();
      }
      this.#ports.taken();
    } catch (error) {
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) {
        this.#ports.failed(error);
        return;
      }
      // The one before still stands, and so does the journal above it.
      this.#taking = false;
      this.#notBeforeMs = clock.monotonicMs() + retryMs;
      log.warn(`no room on the disk for a snapshot of the state at entry ${index}: the journal goes on growing`);
    }
  }
}
