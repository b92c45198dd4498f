import type { ConfigurationAt, RaftInput } from '../node/index.ts';
import type { RaftNode } from '../node/raft-node.ts';
import type { Applier } from './applier.ts';
import { LiveSet } from './live-set.ts';
import type { MachineState, SnapshotTaker } from './snapshot-taker.ts';
import type { Storage } from './storage-types.ts';

export interface LogTrimmerPorts {
  readonly node: RaftNode;
  readonly storage: Pick<Storage, 'snapshot'>;
  readonly applier: Pick<Applier, 'appliedIndex' | 'live'>;
  readonly taker: SnapshotTaker;
  /** Entries above this one are still needed by followers that are given a snapshot; null: none are. */
  readonly heldIndex: () => number | null;
  /** This node keeps no state, and of the log no more than it must. */
  readonly isWitness: boolean;
  readonly input: (input: RaftInput) => void;
}

/** Has snapshots taken when they are due, and lets the node forget what of the log they stand for. */
export class LogTrimmer {
  readonly #ports: LogTrimmerPorts;
  /** The newest snapshot that the node knows of. */
  #toldSnapshot: number;
  /** On a witness: entries up to here need not be kept. */
  #released = 0;

  constructor(snapshotIndex: number, ports: LogTrimmerPorts) {
    this.#toldSnapshot = snapshotIndex;
    this.#ports = ports;
  }

  /** On a witness: entries up to `index` need not be kept. */
  release(index: number): void {
    this.#released = Math.max(this.#released, index);
  }

  /** The snapshot of `index` is in place, and the node knows it. */
  installed(index: number): void {
    this.#toldSnapshot = index;
  }

  /** At the end of each turn. */
  consider(): void {
    const { isWitness, taker } = this.#ports;
    if (isWitness) this.#releaseLog();
    else taker.consider(() => this.#stateAt(this.#ports.applier.appliedIndex, this.#ports.applier.live));
  }

  /**
   * Tells the node of the newest snapshot. Of the log it then forgets what the one before stood for, its last entry included: not while that one, or an
   * older one, is on its way to somebody, who will go on right behind it.
   */
  tellSnapshot(): void {
    const { storage, taker, heldIndex, input } = this.#ports;
    const index = storage.snapshot?.index ?? 0;
    const held = heldIndex();
    if (taker.taking || index <= this.#toldSnapshot || (held !== null && this.#toldSnapshot >= held)) return;
    this.#toldSnapshot = index;
    input({ type: 'snapshotTaken', index });
  }

  /** A witness need not keep what it was told: its shape takes its place when it has become much. */
  #releaseLog(): void {
    const { taker, applier } = this.#ports;
    const appliedIndex = Math.min(this.#released, applier.appliedIndex);
    if (appliedIndex > this.#toldSnapshot) taker.release(this.#stateAt(appliedIndex, new LiveSet()));
  }

  /** What a snapshot taken now would be of. */
  #stateAt(appliedIndex: number, live: LiveSet): MachineState {
    const { node } = this.#ports;
    const { persistedIndex } = node;
    return {
      appliedIndex,
      live,
      term: node.termAt(appliedIndex),
      persistedIndex,
      configuration: this.#configurationAt(appliedIndex),
    };
  }

  /** Null: no entry has brought one, so the founding members are still those of every identity file. */
  #configurationAt(index: number): ConfigurationAt | null {
    const found = this.#ports.node.configurationAt(index);
    return found.index === 0 ? null : found;
  }
}
