import { decodeText, encodeText, silentLog } from '@lockstep/kernel';
import type { Clock, Disk, DiskFile } from '@lockstep/kernel';
import { SimDisk } from '@lockstep/testkit';
import type { SimDevice, SimRandom } from '@lockstep/testkit';

import { Compaction } from '../../../src/driver/compaction/compaction.ts';
import type { TrustedSnapshot } from '../../../src/driver/compaction/compaction.ts';
import { Throttle } from '../../../src/driver/compaction/throttle.ts';
import { LiveSet } from '../../../src/driver/live-set.ts';
import { entryPayload } from '../../../src/driver/storage/index.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import { entry, open, written } from '../storage/harness.ts';

/** What one entry does to the state: nothing of it is known but from the entry. */
export interface Step {
  readonly keep: boolean;
  readonly drop: readonly number[];
  /** Makes the record longer. */
  readonly filler: number;
}

/** Time stands still, and every timer is due. */
const hastyClock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  setTimer: (_delayMs, callback) => {
    let cancelled = false;
    queueMicrotask(() => {
      if (!cancelled) callback();
    });
    return { cancel: () => void (cancelled = true) };
  },
  atTurnEnd: (callback) => queueMicrotask(callback),
};

/** Calls `before` ahead of each operation that changes something. */
function watched(disk: Disk, before: () => void): Disk {
  const files = (file: DiskFile): DiskFile => ({
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write: (chunks, position) => (before(), file.write(chunks, position)),
    truncate: (length) => (before(), file.truncate(length)),
    sync: () => (before(), file.sync()),
    close: () => file.close(),
  });
  return {
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    open: async (path, mode) => {
      if (mode === 'create') before();
      return files(await disk.open(path, mode));
    },
    rename: (from, to) => (before(), disk.rename(from, to)),
    remove: (path) => (before(), disk.remove(path)),
    syncDirectory: (directory) => (before(), disk.syncDirectory(directory)),
    space: () => disk.space(),
  };
}

export interface StoreBenchOptions {
  readonly segmentBytes: number;
  readonly retainBytes: number;
}

/** A storage with a state machine that needs some of its records, and compaction, one step at a time. */
export class StoreBench {
  readonly storage: Storage;
  readonly sim: SimDisk;
  readonly compaction: Compaction;
  live: LiveSet;
  trusted: TrustedSnapshot;
  last: number;
  readonly #steps: Map<number, Step>;

  private constructor(
    sim: SimDisk,
    storage: Storage,
    options: StoreBenchOptions,
    steps: Map<number, Step>,
    found: { readonly live: LiveSet; readonly trusted: TrustedSnapshot },
  ) {
    this.sim = sim;
    this.storage = storage;
    this.#steps = steps;
    this.live = found.live;
    this.trusted = found.trusted;
    this.last = storage.recovered.lastIndex;
    this.compaction = new Compaction(
      { segmentBytes: options.segmentBytes, bytesPerSecond: 1 },
      {
        clock: hastyClock,
        log: silentLog,
        files: storage.records,
        throttle: new Throttle(hastyClock),
        trusted: () => this.trusted,
        repair: (positions) => Promise.reject(new Error(`damaged: ${positions.join(', ')}`)),
      },
    );
  }

  /** `steps`: all that was ever written, by index: what is found is compared with it. */
  static async open(
    device: SimDevice,
    options: StoreBenchOptions,
    steps: Map<number, Step> = new Map(),
    before: () => void = () => {},
  ): Promise<StoreBench> {
    const sim = new SimDisk(device);
    const storage = await open(watched(sim, before), options);
    const live = new LiveSet();
    // Not frozen from the other: what is compared with must not rest on what is checked.
    const inSnapshot = new LiveSet();
    if (storage.snapshot !== null) {
      let text = '';
      await storage.loadSnapshot((chunk) => (text += decodeText(chunk)));
      for (const position of JSON.parse(text) as number[]) {
        live.retain(position);
        inSnapshot.retain(position);
      }
    }
    const trusted = { index: storage.snapshot?.index ?? 0, live: inSnapshot };
    const bench = new StoreBench(sim, storage, options, steps, { live, trusted });
    for (let index = trusted.index + 1; index <= bench.last; index++) bench.#apply(index, steps.get(index)!);
    return bench;
  }

  async append(steps: readonly Step[]): Promise<void> {
    const entries = steps.map((step) => {
      this.last += 1;
      this.#steps.set(this.last, step);
      this.#apply(this.last, step);
      return entry(this.last, 1, encodeStep(step));
    });
    await written(this.storage, { entries });
  }

  #apply(index: number, { keep, drop }: Step): void {
    if (keep) this.live.retain(index);
    for (const position of drop) this.live.release(position);
  }

  async snapshot(): Promise<void> {
    const frozen = this.live.freeze();
    const index = this.last;
    await this.storage.saveSnapshot(index, 1, [encodeText(JSON.stringify([...positionsOf(frozen)]))], frozen);
    this.trusted = { index, live: frozen };
  }

  /** Until there is nothing to do; says how many steps it was. */
  async compact(): Promise<number> {
    let steps = 0;
    while (await this.compaction.step()) steps += 1;
    return steps;
  }

  /** What is wrong with what the storage holds; null when nothing is. */
  async fault(): Promise<string | null> {
    const { index } = this.trusted;
    const wanted = new Set(positionsOf(this.live));
    for (const position of positionsOf(this.trusted.live)) wanted.add(position);
    for (let position = index + 1; position <= this.last; position++) wanted.add(position);
    const positions = [...wanted];
    const reads = await this.storage.readRecords(positions);
    for (const [i, read] of reads.entries()) {
      const position = positions[i]!;
      if (typeof read === 'string' || !('record' in read)) return `record ${position} is not there`;
      if (decodeText(entryPayload(read)) !== decodeText(encodeStep(this.#steps.get(position)!)))
        return `record ${position} is another`;
    }
    const log = await this.storage.read(index + 1, this.last, Infinity);
    return log.length === this.last - index ? null : `the log above ${index} has ${log.length} entries`;
  }

  /** Bytes of the records that the state refers to now. */
  get liveBytes(): number {
    let bytes = 0;
    for (const position of positionsOf(this.live)) bytes += encodeStep(this.#steps.get(position)!).length + 32;
    return bytes;
  }
}

function encodeStep(step: Step): Uint8Array {
  return encodeText(`${JSON.stringify(step)}${'.'.repeat(step.filler)}`);
}

export function* positionsOf(live: { next(position: number): number | null }): Generator<number> {
  for (let at = live.next(0); at !== null; at = live.next(at + 1)) yield at;
}

/** Some of the live positions. */
export function someOf(live: LiveSet, share: number, random: SimRandom): number[] {
  return [...positionsOf(live)].filter(() => random.chance(share));
}
