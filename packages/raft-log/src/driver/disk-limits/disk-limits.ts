import type { Clock, Log, Timer } from '@lockstep/kernel';
import { StoppedError, Throttle } from '../compaction/throttle.ts';
import type { ReservedDisk } from './reserved-disk.ts';

/** `soft`: producers are slowed. `hard`: no message is taken any more. Settlements and all else go on in any case. */
export type DiskPressure = 'none' | 'soft' | 'hard';

export interface DiskState {
  readonly pressure: DiskPressure;
  /** Which limit was passed, for people; null when there is no pressure. */
  readonly reason: string | null;
}

export interface DiskLimitsOptions {
  /** What the node's own files may take; null: 80 % (soft) and 90 % (hard) of the file system may be taken, by whoever. */
  readonly softLimitBytes: number | null;
  readonly hardLimitBytes: number | null;
}

export interface DiskLimitsPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: ReservedDisk;
  /** What the node's own files take, the reserve not counted. */
  readonly ownBytes: () => number;
  readonly failed: (error: unknown) => void;
}

const checkMs = 1000;
/** A limit that was passed counts until this much less is taken, so that it does not come and go with every message. */
const relief = 0.98;
const share = { soft: 0.8, hard: 0.9 } as const;
/** With more than so many times the reserve free nobody needs one. */
const plenty = 64;
/** Laid down again only when this many times the reserve is free: else it would itself fill the disk. */
const enough = 2;
const layBytesPerSecond = 64 * 1024 * 1024;

const none: DiskState = { pressure: 'none', reason: null };

/** Looks at the disk every second: says when it fills up, and sees to it that some room is kept back. */
export class DiskLimits {
  readonly #options: DiskLimitsOptions;
  readonly #ports: DiskLimitsPorts;
  #state: DiskState = none;
  readonly #throttle: Throttle;
  readonly #listeners: ((state: DiskState) => void)[] = [];
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: DiskLimitsOptions, ports: DiskLimitsPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#throttle = new Throttle(ports.clock);
    ports.disk.onGivenUp(() => this.#tell({ pressure: 'hard', reason: 'the disk is full' }));
  }

  get state(): DiskState {
    return this.#state;
  }

  /** Called after the pressure has changed. */
  onChange(listener: (state: DiskState) => void): void {
    this.#listeners.push(listener);
  }

  /** Looks at the disk, and from then on every second. */
  start(): void {
    this.#looking = this.#look().then(() => {
      if (!this.#stopped) this.#timer = this.#ports.clock.setTimer(checkMs, () => this.start());
    });
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#throttle.stop();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { disk, failed } = this.#ports;
    try {
      const { totalBytes, freeBytes } = await disk.space();
      if (this.#stopped) return;
      const scarce = freeBytes < disk.bytes * plenty;
      if (scarce && !disk.held && freeBytes >= disk.bytes * enough) await this.#lay();
      if (this.#stopped) return;
      if (scarce && !disk.held) this.#tell({ pressure: 'hard', reason: 'the disk is full' });
      else this.#tell(this.#judge(totalBytes, freeBytes));
    } catch (error) {
      if (!(error instanceof StoppedError)) failed(error);
    }
  }

  async #lay(): Promise<void> {
    const { disk, log } = this.#ports;
    if (await disk.lay((bytes) => this.#throttle.pace(bytes, layBytesPerSecond)))
      log.info('room is kept back on the disk', { reserveBytes: disk.bytes });
  }

  #judge(totalBytes: number, freeBytes: number): DiskState {
    const hard = this.#passed('hard', totalBytes, freeBytes);
    if (hard !== null) return { pressure: 'hard', reason: hard };
    const soft = this.#passed('soft', totalBytes, freeBytes);
    return soft === null ? none : { pressure: 'soft', reason: soft };
  }

  /** Which limit was, or null. */
  #passed(which: 'soft' | 'hard', totalBytes: number, freeBytes: number): string | null {
    const own = which === 'soft' ? this.#options.softLimitBytes : this.#options.hardLimitBytes;
    const already = this.#state.pressure === 'hard' || this.#state.pressure === which;
    if (own !== null) {
      const limit = already ? own * relief : own;
      return this.#ports.ownBytes() > limit ? `the journal has passed journal.${which}LimitBytes (${own})` : null;
    }
    if (totalBytes === Infinity) return null;
    const limit = already ? share[which] * relief : share[which];
    const taken = 1 - freeBytes / totalBytes;
    return taken > limit ? `the disk is more than ${share[which] * 100} % full` : null;
  }

  #tell(state: DiskState): void {
    const before = this.#state;
    if (state.pressure === before.pressure) return;
    this.#state = state;
    const { log } = this.#ports;
    if (state.pressure === 'none') log.info('there is room on the disk again: SENDs are taken as ever');
    else if (state.pressure === 'soft') log.warn(`${state.reason}: producers are slowed`);
    else log.error(`${state.reason}: SENDs are refused until there is room again; consumers go on`);
    for (const listener of this.#listeners) listener(state);
  }
}
