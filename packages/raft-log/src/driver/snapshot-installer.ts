import { assert } from '@lockstep/kernel';
import type { JournalPosition, Log } from '@lockstep/kernel';
import type { HardState, Installation, RaftInput } from '../node/index.ts';
import type { Applier } from './applier.ts';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import { LiveSet } from './live-set.ts';
import type { ArrivedSnapshot } from './snapshots/snapshot-intake.ts';
import { nothingLives } from './storage-types.ts';
import type { Storage } from './storage-types.ts';

export interface SnapshotInstallerPorts {
  readonly log: Log;
  readonly storage: Storage;
  readonly applier: Applier;
  /** This node keeps no state. */
  readonly isWitness: boolean;
  readonly input: (input: RaftInput) => void;
  /** Nothing is to be touched any more. */
  readonly stopped: () => boolean;
  /** State, journal and disk are those of the entry at `index`. Null: a witness, which has no state. */
  readonly installed: (index: number, snapshot: TrustedSnapshot | null) => void;
  /** The snapshot that arrived is in place, or was not wanted. */
  readonly concluded: (snapshot: ArrivedSnapshot, installed: boolean) => void;
  readonly failed: (error: unknown) => void;
}

/** Puts a leader's snapshot in the place of state machine and journal, when the node wants it. */
export class SnapshotInstaller {
  readonly #ports: SnapshotInstallerPorts;
  /** Here, and the node has not had its say. */
  #arrived: ArrivedSnapshot | null = null;
  #shaping = false;

  constructor(ports: SnapshotInstallerPorts) {
    this.#ports = ports;
  }

  /** No batch may be taken: what it writes must follow a shape that the storage does not know of yet, and it may bring the next shape. */
  get shaping(): boolean {
    return this.#shaping;
  }

  /** It is here whole. In this turn the node says whether it wants it. */
  take(snapshot: ArrivedSnapshot): void {
    this.#arrived = snapshot;
    const { receiver, from, term } = snapshot;
    const { index, term: snapshotTerm, configuration } = receiver;
    this.#ports.input({ type: 'snapshotReceived', from, term, index, snapshotTerm, configuration });
  }

  /** The node had its say in this turn: it did not want the snapshot. */
  dismiss(): void {
    const arrived = this.#arrived;
    if (arrived === null) return;
    this.#arrived = null;
    arrived.receiver.discard().then(
      () => this.#ports.concluded(arrived, false),
      (error: unknown) => this.#ports.failed(error),
    );
  }

  /** Resolves when all is on disk and in place; with false when this node was stopped meanwhile. */
  async install(installation: Installation, hardState: HardState | null): Promise<boolean> {
    const { storage, applier, isWitness, log, stopped, installed, concluded } = this.#ports;
    const arrived = this.#arrived;
    this.#arrived = null;
    applier.hold();
    const { index } = installation;
    if (arrived === null) {
      assert(isWitness, `a snapshot that never came (${index}) is to be installed`);
      return this.#installShape(installation, hardState);
    }
    const { receiver, live, restore } = arrived;
    assert(receiver.index === index, `a snapshot that never came (${index}) is to be installed`);
    await storage.installSnapshot(receiver, hardState, { committedIndex: applier.appliedIndex, live });
    if (stopped()) return false;
    restore.finish(index as JournalPosition);
    applier.resumeAt(index, live);
    installed(index, { index, live: live.freeze() });
    log.info(`the snapshot from node ${arrived.from} is in place: the state is that of entry ${index}`);
    concluded(arrived, true);
    return true;
  }

  /** A witness needs no more of a snapshot than its shape. One at a time: no batch is taken before it is in place. */
  async #installShape({ index, term, configuration }: Installation, hardState: HardState | null): Promise<boolean> {
    const { storage, applier, stopped, installed } = this.#ports;
    this.#shaping = true;
    const shape = await storage.makeShape(index, term, configuration);
    if (stopped()) return false;
    await storage.installSnapshot(shape, hardState, { committedIndex: 0, live: nothingLives });
    if (stopped()) return false;
    this.#shaping = false;
    applier.resumeAt(index, new LiveSet());
    installed(index, null);
    return true;
  }
}
