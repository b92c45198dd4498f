import type { JournalPosition, Log } from '@lockstep/kernel';
import type { Entry } from '../node/types.ts';
import type { LivePositions } from './live-set.ts';
import type { RecordDamage, RecordRead } from './storage-types.ts';

/** `repaired`: an intact copy is on this disk. `gone`: it is not live any more. `lost`: nobody who could be asked has an intact copy. */
export type RepairOutcome = 'repaired' | 'gone' | 'lost';

/** `gone`: the machine released it. `lost`: it is live, but neither this disk nor a member that could be asked has an intact copy. */
export type PayloadRead = Uint8Array | 'gone' | 'lost';

export interface PayloadReaderPorts {
  readonly log: Log;
  /** Those that the state refers to now. */
  readonly live: () => LivePositions;
  /** From memory, at once; null when it is not there. */
  readonly inMemory: (position: number) => Entry | null;
  /** From the disk, in this order, each checked. `missing`: no file holds it. */
  readonly readRecords: (positions: readonly number[]) => Promise<readonly RecordRead[]>;
  /** Gets intact copies from other members onto this disk: one outcome for each, in this order. */
  readonly repair: (damages: readonly RecordDamage[]) => Promise<readonly RepairOutcome[]>;
  readonly entryPayload: (entry: Entry) => Uint8Array;
  /** The disk can't be used any more. */
  readonly failed: (error: unknown) => void;
}

/** Repaired, read, and damaged again so often: then it is given up. */
const attemptsMax = 3;

/** Gives the machine back the commands that it retained: from memory, from the disk, or from another member's disk. */
export class PayloadReader {
  readonly #ports: PayloadReaderPorts;

  constructor(ports: PayloadReaderPorts) {
    this.#ports = ports;
  }

  /** See `ReplicatedLog.payload`. */
  payload(position: JournalPosition): Uint8Array | null {
    const entry = this.#ports.inMemory(position);
    return entry === null ? null : this.#ports.entryPayload(entry);
  }

  /** See `ReplicatedLog.readPayloads`. */
  async readPayloads(positions: readonly JournalPosition[]): Promise<readonly PayloadRead[]> {
    const found: (PayloadRead | null)[] = positions.map((position) => this.payload(position));
    try {
      for (let attempt = 1; ; attempt++) {
        const wanted = positions.flatMap((_, i) => (found[i] === null ? [i] : []));
        if (wanted.length === 0) return found as PayloadRead[];
        await this.#read(positions, wanted, found, attempt === attemptsMax);
      }
    } catch (error) {
      this.#ports.failed(error);
      // The process ends: nobody waits for an answer.
      return new Promise(() => {});
    }
  }

  /** Fills in what can be read, and sees to the repair of what cannot. */
  async #read(
    positions: readonly JournalPosition[],
    wanted: readonly number[],
    found: (PayloadRead | null)[],
    last: boolean,
  ): Promise<void> {
    const { readRecords, repair, entryPayload, log } = this.#ports;
    const records = await readRecords(wanted.map((i) => positions[i]!));
    const damages: RecordDamage[] = [];
    const damaged: number[] = [];
    wanted.forEach((i, at) => {
      const record = records[at]!;
      if (record !== 'missing' && 'record' in record) found[i] = entryPayload(record);
      else if (!this.#ports.live().has(positions[i]!)) found[i] = 'gone';
      else {
        damages.push(record === 'missing' ? missing(positions[i]!) : record);
        damaged.push(i);
      }
    });
    if (damages.length === 0) return;
    const outcomes = last
      ? reportLost(log, damages, 'each copy that was fetched is damaged too')
      : await repair(damages);
    damaged.forEach((i, at) => {
      const outcome = outcomes[at]!;
      if (outcome !== 'repaired') found[i] = outcome;
    });
  }
}

function missing(position: number): RecordDamage {
  return { position, file: 'the record store', offset: 0, detail: 'no file holds the record' };
}

/** For a record that nobody can help with. */
export function reportLost(log: Log, damages: readonly RecordDamage[], why: string): readonly RepairOutcome[] {
  return damages.map(({ position, file, offset, detail }) => {
    log.error(`${file} is damaged at byte ${offset} (the record of entry ${position}): ${detail}; ${why}`);
    return 'lost';
  });
}
