import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { entryKind } from '../node/types.ts';
import type { Entry } from '../node/types.ts';
import type { LiveSet } from './live-set.ts';
import type { Storage } from './storage-types.ts';
import type { CommittedCommand, LiveRecords, StateMachine } from './types.ts';

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
  /** Handed to the machine with every call. */
  readonly #records: LiveRecords;
  #live: LiveSet;
  #appliedIndex: number;
  #read: readonly Entry[] | null = null;
  #reading = false;
  #held = false;
  /** A read that was begun before a snapshot was installed is of no use. */
  #era = 0;

  /** `live`: the records that the state at `appliedIndex` refers to. */
  constructor(appliedIndex: number, live: LiveSet, ports: ApplierPorts) {
    this.#appliedIndex = appliedIndex;
    this.#live = live;
    this.#ports = ports;
    this.#records = {
      retain: (position) => {
        // Else it may be gone already: what is dead in a snapshot is dropped. (No text is made where nothing is wrong: once for each message.)
        if (position <= this.#appliedIndex) assert(false, `command ${position} was applied before, and not retained`);
        this.#live.retain(position);
      },
      release: (position) => this.#live.release(position),
    };
  }

  /** The records that the state at `appliedIndex` refers to. */
  get live(): LiveSet {
    return this.#live;
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

  /** The state machine now stands at `index`, and refers to these records. */
  resumeAt(index: number, live: LiveSet): void {
    this.#held = false;
    this.#appliedIndex = index;
    this.#live = live;
  }

  #apply(entries: readonly Entry[]): void {
    const commands: CommittedCommand[] = [];
    let last = this.#appliedIndex;
    for (const entry of entries) {
      last = entry.index;
      if (entry.kind !== entryKind.command) continue;
      commands.push({ position: entry.index as JournalPosition, payload: this.#ports.entryPayload(entry) });
    }
    if (commands.length > 0) this.#ports.machine.apply(commands, this.#records);
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
