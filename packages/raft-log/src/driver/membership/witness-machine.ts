import type { Leadership, SnapshotRestore, StateMachine } from '../types.ts';

const nothing: SnapshotRestore = { write() {}, finish() {} };

/** What a witness has in the state machine's place: the real one is shown no command, and only told who leads. */
export class StatelessMachine implements StateMachine {
  readonly #machine: StateMachine;

  constructor(machine: StateMachine) {
    this.#machine = machine;
  }

  apply(): void {}

  snapshot(): Iterable<Uint8Array> {
    return [];
  }

  restore(): SnapshotRestore {
    return nothing;
  }

  leadershipChanged(leadership: Leadership): void {
    this.#machine.leadershipChanged(leadership);
  }
}
