import type { JournalPosition } from '@lockstep/kernel';
import { entryKind } from '../node/types.ts';
import type { Entry } from '../node/types.ts';
import type { Storage } from './storage-types.ts';
import type { CommittedCommand, StateMachine } from './types.ts';

export interface ApplierPorts {
  /** From memory; null when some of them are there no more. */
  readonly tail: (from: number, to: number) => readonly Entry[] | null;
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly entryPayload: (entry: Entry) => Uint8Array;
  /** Everything up to `index` has been applied. */
  readonly applied: (index: number) => void;
  /** There is more to do: call `step` again at the end of some turn. */
  readonly again: () => void;
  readonly failed: (error: unknown) => void;
}

/** Bounds on one turn, so that a node that catches up still answers. */
const entriesMax = 4096;
const readBytesMax = 1024 * 1024;

/** Takes committed entries to the state machine, in order, one call a turn. */
export class Applier {
  readonly #ports: ApplierPorts;
  #appliedIndex: number;
  #read: readonly Entry[] | null = null;
  #reading = false;
  #held = false;
  /** A read that was begun before a snapshot was installed is of no use. */
  #era = 0;

  constructor(appliedIndex: number, ports: ApplierPorts) {
    this.#appliedIndex = appliedIndex;
    this.#ports = ports;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  step(commitIndex: number): void {
    if (this.#held || this.#reading || commitIndex <= this.#appliedIndex) return;
    const from = this.#appliedIndex + 1;
    const to = Math.min(commitIndex, this.#appliedIndex + entriesMax);
    const entries = this.#read ?? this.#ports.tail(from, to);
    this.#read = null;
    if (entries === null) {
      this.#reading = true;
      void this.#fetch(from, to, this.#era);
      return;
    }
    this.#apply(entries);
    if (this.#appliedIndex < commitIndex) this.#ports.again();
  }

  /** A snapshot is being installed: the state machine is not to be touched. */
  hold(): void {
    this.#held = true;
    this.#era += 1;
    this.#read = null;
    this.#reading = false;
  }

  /** The state machine now stands at `index`. */
  resumeAt(index: number): void {
    this.#held = false;
    this.#appliedIndex = index;
  }

  #apply(entries: readonly Entry[]): void {
    const commands: CommittedCommand[] = [];
    let last = this.#appliedIndex;
    for (const entry of entries) {
      last = entry.index;
      if (entry.kind !== entryKind.command) continue;
      commands.push({ position: entry.index as JournalPosition, payload: this.#ports.entryPayload(entry) });
    }
    if (commands.length > 0) this.#ports.machine.apply(commands);
    this.#appliedIndex = last;
    this.#ports.applied(last);
  }

  async #fetch(from: number, to: number, era: number): Promise<void> {
    try {
      const entries = await this.#ports.storage.read(from, to, readBytesMax);
      if (era !== this.#era) return;
      this.#reading = false;
      if (entries.length === 0) throw new Error(`the journal has lost the committed entry ${from}`);
      this.#read = entries;
      this.#ports.again();
    } catch (error) {
      this.#ports.failed(error);
    }
  }
}
