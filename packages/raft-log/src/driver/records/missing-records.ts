import type { Clock } from '@lockstep/kernel';
import type { LivePositions } from '../live-set.ts';
import type { RepairOutcome } from '../payload-reader.ts';
import type { RecordDamage } from '../storage-types.ts';
import { findMissing } from './find-missing.ts';

export interface MissingRecordsPorts {
  readonly clock: Clock;
  /** Those that the state refers to now. */
  readonly live: () => LivePositions;
  readonly holds: (position: number) => boolean;
  readonly repair: (damages: readonly RecordDamage[]) => Promise<readonly RepairOutcome[]>;
}

/** At a time: other members shall have turns for other things. */
const batch = 1000;
/** When some could not be had. */
const againMs = 60_000;

/**
 * Sees to it that every live record is here. At a start some may not be: files of the record store were damaged so that it is not even known what
 * was in them, or they never came, since they were about to be dead when the state was fetched.
 */
export class MissingRecords {
  readonly #ports: MissingRecordsPorts;
  #stopped = false;
  #endPause: (() => void) | null = null;

  constructor(ports: MissingRecordsPorts) {
    this.#ports = ports;
  }

  /** Goes on until all are here. */
  async run(): Promise<void> {
    while (!this.#stopped && !(await this.#round())) {
      if (!this.#stopped) await new Promise<void>((resolve) => this.#pause(resolve));
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#endPause?.();
  }

  /** A timer that nobody waits for any more would keep the process alive. */
  #pause(resolve: () => void): void {
    const timer = this.#ports.clock.setTimer(againMs, resolve);
    this.#endPause = () => {
      timer.cancel();
      resolve();
    };
  }

  async #round(): Promise<boolean> {
    const { clock, live, holds, repair } = this.#ports;
    const missing = await findMissing(live(), holds, clock);
    let lost = 0;
    for (let at = missing.next(1); at !== null && !this.#stopped;) {
      const damages: RecordDamage[] = [];
      for (; at !== null && damages.length < batch; at = missing.next(at + 1)) damages.push(unlisted(at));
      const outcomes = await repair(damages);
      lost += outcomes.filter((outcome) => outcome === 'lost').length;
    }
    return lost === 0;
  }
}

function unlisted(position: number): RecordDamage {
  return { position, file: 'the record store', offset: 0, detail: 'no file holds the record' };
}
