import { DiskError } from '@lockstep/kernel';
import type { Clock, Log } from '@lockstep/kernel';
import type { LivePositions } from '../live-set.ts';
import type { RecordFiles } from '../storage-types.ts';
import { planRewrite, sumOf, wantedBytes } from './plan-rewrite.ts';
import type { FileUse } from './plan-rewrite.ts';
import type { Throttle } from './throttle.ts';

/** A snapshot that is on disk, and the records that its state refers to. */
export interface TrustedSnapshot {
  readonly index: number;
  readonly live: LivePositions;
}

export interface CompactionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly files: RecordFiles;
  readonly throttle: Throttle;
  /** The newest on disk. Only what is dead in that one may go: a start begins with it. */
  readonly trusted: () => TrustedSnapshot;
  /** Intact copies of these live records are to be had from elsewhere. Resolves when all that can be done has been. */
  readonly repair: (positions: readonly number[]) => Promise<void>;
}

export interface CompactionOptions {
  readonly segmentBytes: number;
  /** What it reads in a second as long as there is no hurry. */
  readonly bytesPerSecond: number;
}

/** What a store file takes beside its records: header and trailer, and its table for each record. */
const fileOverheadBytes = 64;
const recordOverheadBytes = 8;
/** A file that could not be rewritten is let be for so long. */
const retryMs = 60_000;

interface Counted {
  readonly liveCount: number;
  readonly liveBytes: number;
}

/**
 * Reclaims what dead records take in the record store, oldest or not: files that are mostly dead are replaced by fewer that hold the
 * rest. One step at a time, in the background.
 */
export class Compaction {
  readonly #options: CompactionOptions;
  readonly #ports: CompactionPorts;
  /** By file. What is dead stays dead, so that an equal count means the same records. */
  #counted = new Map<number, Counted>();
  #letBe = new Map<number, number>();

  constructor(options: CompactionOptions, ports: CompactionPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Rewrites or removes some files. False: there was nothing to do. Rejects with StoppedError, or with what makes the disk unusable. */
  async step(): Promise<boolean> {
    const trusted = this.#ports.trusted();
    const uses = await this.#count(trusted);
    const plan = planRewrite(uses, this.#options.segmentBytes);
    if (plan === null) return false;
    const { files, log, throttle } = this.#ports;
    const rate = this.#rate(uses);
    try {
      const wanted = (position: number): boolean => isWanted(trusted, position);
      const { damaged, kept, bytes } = await files.rewrite(plan.ids, wanted, (done) => throttle.pace(done, rate));
      if (damaged.length > 0) {
        this.#leave(plan.ids);
        await this.#ports.repair(damaged);
        return true;
      }
      log.debug('compacted', { why: plan.why, files: plan.ids.length, kept, bytes });
      return true;
    } catch (error) {
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) throw error;
      this.#leave(plan.ids);
      log.warn('no room on the disk to compact the journal: it is tried again in a minute', { files: plan.ids.length });
      return true;
    }
  }

  #leave(ids: readonly number[]): void {
    const until = this.#ports.clock.monotonicMs() + retryMs;
    for (const id of ids) this.#letBe.set(id, until);
  }

  /** One file a turn: a look at a large table takes some milliseconds. */
  async #count(trusted: TrustedSnapshot): Promise<readonly FileUse[]> {
    const { files, throttle, clock } = this.#ports;
    const now = clock.monotonicMs();
    const counted = new Map<number, Counted>();
    const letBe = new Map<number, number>();
    const uses: FileUse[] = [];
    for (const { id, firstPosition, lastPosition, bytes, damagedCount } of files.files) {
      const above = Math.max(0, lastPosition - Math.max(trusted.index, firstPosition - 1));
      const liveCount = trusted.live.countBetween(firstPosition, Math.min(lastPosition, trusted.index)) + above;
      let known = this.#counted.get(id);
      if (known?.liveCount !== liveCount) {
        known = { liveCount, liveBytes: this.#liveBytes(trusted, id) };
        await throttle.sleep(0);
      }
      counted.set(id, known);
      const until = this.#letBe.get(id) ?? 0;
      if (until > now) letBe.set(id, until);
      else uses.push({ id, firstPosition, lastPosition, bytes, liveBytes: known.liveBytes, damaged: damagedCount > 0 });
    }
    this.#counted = counted;
    this.#letBe = letBe;
    return uses;
  }

  #liveBytes(trusted: TrustedSnapshot, id: number): number {
    let count = 0;
    const recordBytes = this.#ports.files.recordBytes(id, (position) => {
      const wanted = isWanted(trusted, position);
      if (wanted) count += 1;
      return wanted;
    });
    return count === 0 ? 0 : recordBytes + count * recordOverheadBytes + fileOverheadBytes;
  }

  /** The farther beyond what is wanted, the faster; without bound when the promise of twice the live bytes is about to be broken. */
  #rate(uses: readonly FileUse[]): number {
    const wanted = wantedBytes(uses, this.#options.segmentBytes);
    const margin = sumOf(uses, 'liveBytes') / 4 + this.#options.segmentBytes / 2;
    const pressure = Math.max(0, (sumOf(uses, 'bytes') - wanted) / margin);
    return pressure >= 1 ? Infinity : this.#options.bytesPerSecond / (1 - pressure);
  }
}

/** What is above the snapshot is needed, whatever is thought of it now: a start applies it again. */
export function isWanted({ index, live }: TrustedSnapshot, position: number): boolean {
  return position > index || live.has(position);
}
