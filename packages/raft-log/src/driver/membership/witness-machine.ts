import type { JournalPosition } from '@lockstep/kernel';
import type { CommittedCommand, Leadership, LiveRecords, SnapshotRestore, StateMachine } from '../types.ts';

const nothing: SnapshotRestore = { write() {}, finish() {} };

/** The state machine, which is left alone while this node is a witness: it is shown no command, and its snapshots are empty. */
export class UnlessWitness implements StateMachine {
  readonly #machine: StateMachine;
  readonly #isWitness: () => boolean;

  constructor(machine: StateMachine, isWitness: () => boolean) {
    this.#machine = machine;
    this.#isWitness = isWitness;
  }

  apply(commands: readonly CommittedCommand[], records: LiveRecords): void {
    if (!this.#isWitness()) this.#machine.apply(commands, records);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#isWitness() ? [] : this.#machine.snapshot();
  }

  restore(refersTo: (position: JournalPosition) => void): SnapshotRestore {
    return this.#isWitness() ? nothing : this.#machine.restore(refersTo);
  }

  leadershipChanged(leadership: Leadership): void {
    this.#machine.leadershipChanged(leadership);
  }
}
