import type { Clock, JournalPosition, Log } from '@lockstep/kernel';
import { Compaction } from './compaction/compaction.ts';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import { StoppedError, Throttle } from './compaction/throttle.ts';
import { Scrubber } from './scrubber/scrubber.ts';
import type { CorruptionError, RecordDamage, RecordFiles } from './storage-types.ts';
import type { Pace } from './storage/records/merge-records.ts';

export interface StoreUpkeepPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly files: RecordFiles;
  /** See `Storage.checkLog`. */
  readonly checkLog: (pace: Pace) => Promise<readonly RecordDamage[]>;
  /** See `Storage.checkSnapshot`. */
  readonly checkSnapshot: (pace: Pace) => Promise<CorruptionError | null>;
  /** The newest snapshot on disk. */
  readonly trusted: () => TrustedSnapshot;
  /** See `ReplicatedLog.readPayloads`: it sees to the repair of what is damaged. */
  readonly readPayloads: (positions: readonly JournalPosition[]) => Promise<unknown>;
  readonly failed: (error: unknown) => void;
}

export interface StoreUpkeepOptions {
  readonly segmentBytes: number;
  readonly compactionBytesPerSecond: number;
  readonly scrubBytesPerSecond: number;
  /** From the end of one round of the scrubber to the next. */
  readonly scrubPauseMs: number;
}

/** Without a new snapshot there is little reason to look; but what was let be is to be tried again. */
const lookAgainMs = 60_000;

/** Keeps the record store small and sound, in the background: compaction, and the scrubber. */
export class StoreUpkeep {
  readonly #ports: StoreUpkeepPorts;
  readonly #options: StoreUpkeepOptions;
  readonly #compactionThrottle: Throttle;
  readonly #scrubThrottle: Throttle;
  readonly #compaction: Compaction;
  readonly #scrubber: Scrubber;
  readonly #naps: Throttle;
  #kicked = true;
  #giveUp: () => void = () => {};
  #done: Promise<unknown> = Promise.resolve();

  constructor(options: StoreUpkeepOptions, ports: StoreUpkeepPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#compactionThrottle = new Throttle(ports.clock);
    this.#scrubThrottle = new Throttle(ports.clock);
    this.#naps = new Throttle(ports.clock);
    const stopped = new Promise<void>((_, reject) => (this.#giveUp = () => reject(new StoppedError())));
    // Nobody may be waiting.
    stopped.catch(() => {});
    const repair = async (positions: readonly number[]): Promise<void> => {
      // Other members may never answer.
      await Promise.race([ports.readPayloads(positions as readonly JournalPosition[]), stopped]);
      // The damaged file is to be replaced.
      this.kick();
    };
    this.#compaction = new Compaction(
      { segmentBytes: options.segmentBytes, bytesPerSecond: options.compactionBytesPerSecond },
      { ...ports, throttle: this.#compactionThrottle, repair },
    );
    this.#scrubber = new Scrubber(
      { bytesPerSecond: options.scrubBytesPerSecond },
      { ...ports, throttle: this.#scrubThrottle, repair },
    );
  }

  start(): void {
    const compacts = this.#options.compactionBytesPerSecond > 0;
    this.#done = Promise.all([
      this.#run(() => (compacts ? this.#compact() : Promise.resolve())),
      this.#run(() => this.#scrub()),
    ]);
  }

  /** There is a new snapshot, or more to be reclaimed otherwise. */
  kick(): void {
    this.#kicked = true;
    this.#naps.wake();
  }

  /** Resolves when nothing is under way any more. What was begun is left as a crash would leave it. */
  async stop(): Promise<void> {
    this.#compactionThrottle.stop();
    this.#scrubThrottle.stop();
    this.#naps.stop();
    this.#giveUp();
    await this.#done;
  }

  async #run(forEver: () => Promise<void>): Promise<void> {
    try {
      await forEver();
    } catch (error) {
      if (!(error instanceof StoppedError)) this.#ports.failed(error);
    }
  }

  async #compact(): Promise<void> {
    for (;;) {
      this.#kicked = false;
      while (await this.#compaction.step());
      if (!this.#kicked) await this.#naps.sleep(lookAgainMs);
    }
  }

  async #scrub(): Promise<void> {
    for (;;) {
      await this.#scrubThrottle.sleep(this.#options.scrubPauseMs);
      await this.#scrubber.round();
    }
  }
}
