import type { Log } from '@lockstep/kernel';
import type { TrustedSnapshot } from '../compaction/compaction.ts';
import { isWanted } from '../compaction/compaction.ts';
import type { Throttle } from '../compaction/throttle.ts';
import type { CorruptionError, RecordDamage, RecordFiles } from '../storage-types.ts';
import type { Pace } from '../storage/records/merge-records.ts';

export interface ScrubberPorts {
  readonly log: Log;
  readonly files: RecordFiles;
  /** See `Storage.checkLog`. */
  readonly checkLog: (pace: Pace) => Promise<readonly RecordDamage[]>;
  /** See `Storage.checkSnapshot`. */
  readonly checkSnapshot: (pace: Pace) => Promise<CorruptionError | null>;
  readonly throttle: Throttle;
  readonly trusted: () => TrustedSnapshot;
  /** Intact copies of these records are to be had from elsewhere. Resolves when all that can be done has been. */
  readonly repair: (positions: readonly number[]) => Promise<void>;
}

export interface ScrubberOptions {
  readonly bytesPerSecond: number;
}

/** So many in one line of the log: who wants more asks `lockstep verify`. */
const namedMax = 5;

/**
 * Reads again what was written long ago, since a disk tells of its damage only when it is asked: so that it is found while other members
 * still have the record. Goes round the snapshot, the finished segments of the log and the files of the record store for ever.
 */
export class Scrubber {
  readonly #ports: ScrubberPorts;
  readonly #options: ScrubberOptions;
  #rounds = 0;

  constructor(options: ScrubberOptions, ports: ScrubberPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** How often it has been round. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Once round all files that there are now. Rejects with StoppedError, or with what makes the disk unusable. */
  async round(): Promise<void> {
    const { files, checkLog, checkSnapshot, trusted, log } = this.#ports;
    const damage = await checkSnapshot(this.#pace);
    if (damage !== null) {
      const { file, offset, detail } = damage;
      log.warn(
        `the scrubber found ${file} damaged at byte ${offset}: ${detail}; another snapshot is taken in its place`,
      );
    }
    await this.#tell(await checkLog(this.#pace));
    for (const { id } of files.files) {
      const snapshot = trusted();
      await this.#tell(await files.check(id, (position) => isWanted(snapshot, position), this.#pace));
    }
    this.#rounds += 1;
  }

  readonly #pace: Pace = (bytes) => this.#ports.throttle.pace(bytes, this.#options.bytesPerSecond);

  /** `damages`: of one place. */
  async #tell(damages: readonly RecordDamage[]): Promise<void> {
    const [first] = damages;
    if (first === undefined) return;
    const positions = damages.map(({ position }) => position);
    const more = positions.length > namedMax ? ', …' : '';
    this.#ports.log.warn(`the scrubber found ${first.file} damaged at byte ${first.offset}: ${first.detail}`, {
      records: positions.length,
      entries: `${positions.slice(0, namedMax).join(', ')}${more}`,
    });
    await this.#ports.repair(positions);
  }
}
