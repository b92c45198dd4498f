import { DiskError } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import { SimDevice, SimDisk, SimRandom } from '@lockstep/testkit';

import type { Complaint } from '../../complaint.ts';
import { LiveSet } from '../../../src/driver/live-set.ts';
import { nothingLives } from '../../../src/driver/storage-types.ts';
import type { Storage, StorageOptions } from '../../../src/driver/storage-types.ts';
import {
  CrashModel,
  lastIndexOf,
  lostRecord,
  snapshotOf,
  snapshotTextOf,
  termAt,
  voteFor,
  withEntry,
  withSnapshot,
} from './crash-model.ts';
import type { LogState } from './crash-model.ts';
import { chunksOf, entry, HandClock, open, textOf, transfer, written } from './harness.ts';

/*
 * Random work on a storage whose power fails at a random moment, in the middle of a write or between two. What is found must be a
 * state that the work went through: none older than the last that was reported done (with `fsync: always`), and never an error.
 */

/** How a run differs from the usual. */
export interface CrashRunOptions {
  /** Puts something between the storage and the disk. */
  readonly disk?: (disk: Disk) => Disk;
  /** A sync of the journal fails: the storage has to end, and what was not reported done may be gone. */
  readonly failingSync?: boolean;
}

const noPace = (): Promise<void> => Promise.resolve();

function liveSetOf(live: ReadonlyMap<number, string>): LiveSet {
  const set = new LiveSet();
  for (const position of live.keys()) set.retain(position);
  return set;
}

class Run {
  readonly random: SimRandom;
  readonly options: Partial<StorageOptions>;
  readonly disk: SimDisk;
  readonly model = new CrashModel();
  readonly clock = new HandClock();
  storage!: Storage;
  #term = 1;
  #compacting = false;
  #died: (error: unknown) => void = () => {};
  #onCrash: (disk: SimDisk) => void = () => {};

  readonly #plan: CrashRunOptions;

  constructor(random: SimRandom, plan: CrashRunOptions) {
    this.random = random;
    this.#plan = plan;
    this.options = {
      fsync: plan.failingSync === true ? 'always' : random.pick(['always', 'always', 'interval', 'never'] as const),
      clock: this.clock,
      segmentBytes: random.pick([256, 1000, 5000, 100_000]),
      retainBytes: random.pick([0, 3000]),
    };
    const device = new SimDevice(random.fork('device'));
    let operations = 0;
    let crashAt = 1 + random.below(random.pick([60, 600]));
    const failAt = plan.failingSync === true ? random.below(crashAt) : Infinity;
    this.#died = (error) => {
      if (plan.failingSync !== true || !(error instanceof DiskError)) throw error;
      crashAt = 0;
      this.#crash(device);
    };
    this.disk = new SimDisk(device, (_operation, run) => {
      queueMicrotask(() => {
        operations++;
        if (operations === failAt) device.fail({ operation: 'sync', path: 'journal/' });
        if (operations < crashAt) run();
        if (operations === crashAt) this.#crash(device);
      });
    });
  }

  /** Power failure, or the end of the process alone: then what was written stands, in part, though it was not synced. */
  #crash(device: SimDevice): void {
    device.clearFaults();
    const killed = this.random.chance(0.3);
    if (killed) device.abandonWrites(this.random);
    this.#onCrash(new SimDisk(killed ? device : device.crashClone()));
  }

  /** Resolves with the disk as the crash leaves it. */
  async work(): Promise<SimDisk> {
    const crashed = new Promise<SimDisk>((resolve) => (this.#onCrash = resolve));
    const worked = this.#steps().catch((error: unknown) => {
      this.#died(error);
      return crashed;
    });
    return Promise.race([crashed, worked]);
  }

  async #steps(): Promise<SimDisk> {
    this.storage = await open(this.#plan.disk?.(this.disk) ?? this.disk, this.options);
    const writes: Promise<void>[] = [];
    for (let step = 0; step < 300; step++) {
      const chance = this.random.fraction();
      if (chance < 0.8) writes.push(this.#write());
      else if (chance < 0.83) await this.#saveSnapshot();
      else if (chance < 0.85) await this.#install();
      else if (chance < 0.88) void this.#compact();
      else await Promise.all(writes.splice(0));
      if (this.random.chance(0.3)) await Promise.resolve();
      if (this.random.chance(0.1)) this.clock.fire();
    }
    await Promise.all(writes);
    return this.disk.crashClone();
  }

  #write(): Promise<void> {
    const { model, random } = this;
    let hardState = null;
    if (random.chance(0.2)) {
      this.#term += random.below(2);
      hardState = voteFor(random.pick(['a', 'b']), this.#term);
      model.addHardState(hardState);
    }
    const state = model.latest;
    const last = lastIndexOf(state);
    // A leader's log only grows; a new term may replace what no snapshot stands for.
    const back = random.chance(0.15)
      ? random.below(Math.min(15, last - Math.max(state.snapshotIndex, state.start) + 1))
      : 0;
    if (back > 0) this.#term++;
    const count = random.pick([0, 1, 1, 2, 5]);
    const added = Array.from({ length: count }, (_, i) => this.#entry(last + 1 - back + i));
    for (const one of added) {
      const text = new TextDecoder().decode(one.record.subarray(32));
      model.add(withEntry(model.latest, one.index, `${one.index}/${one.term} ${text}`));
    }
    const { position } = model;
    return written(this.storage, { hardState, entries: added }).then(() => {
      // Without a sync anything may be lost, but only from the end.
      if (this.options.fsync === 'always') model.settle(position);
    }, this.#died);
  }

  #entry(index: number): ReturnType<typeof entry> {
    const { random } = this;
    const length = random.pick([0, 3, 40, 600, 600, 2000]);
    // Zeros by nature must not be taken for a torn write, nor the other way round.
    const fill = random.pick([0, 0, 97 + random.below(26)]);
    return entry(index, this.#term, new Uint8Array(length).fill(fill));
  }

  async #saveSnapshot(): Promise<void> {
    const { model } = this;
    const state = model.latest;
    const index = state.snapshotIndex + this.random.below(lastIndexOf(state) - state.snapshotIndex + 1);
    if (index <= Math.max(state.start, state.snapshotIndex)) return;
    const term = termAt(state, index);
    // Some of what lived lives on, and some of what came since lives.
    const live = this.#someOf(model.lives.get(snapshotOf(state)) ?? new Map(), 0.7);
    for (let i = state.snapshotIndex + 1; i <= index; i++) {
      if (this.random.chance(0.3)) live.set(i, state.log[i - state.start - 1]!);
    }
    model.lives.set(`${index}/${term}`, live);
    await this.#replaceSnapshot(index, term, async () => {
      await this.storage.saveSnapshot(index, term, chunksOf(...snapshotTextOf(index).split('|')), liveSetOf(live));
      return withSnapshot(state, index, term);
    });
  }

  async #install(): Promise<void> {
    const { model, random } = this;
    const state = model.latest;
    const term = ++this.#term;
    const index = state.snapshotIndex + 1 + random.below(lastIndexOf(state) - state.snapshotIndex + 5);
    const leader = await open(new SimDisk(new SimDevice(random.fork('leader'))));
    const theirs = Array.from({ length: index }, (_, i) => entry(i + 1, term, ''));
    await written(leader, { entries: theirs });
    await leader.saveSnapshot(index, term, chunksOf(...snapshotTextOf(index).split('|')), nothingLives);
    const receiver = await transfer(leader, this.storage);
    const hardState = voteFor('c', term);
    model.addHardState(hardState);
    // Only what a snapshot stands for is known to be committed; what came since is the leader's, and fetched from it.
    const live = this.#someOf(model.lives.get(snapshotOf(state)) ?? new Map(), 0.7);
    const kept = { committedIndex: state.snapshotIndex, live: liveSetOf(live) };
    const fetched = theirs.filter((one) => one.index > state.snapshotIndex && random.chance(0.3));
    for (const one of fetched) live.set(one.index, textOf(one));
    model.lives.set(`${index}/${term}`, live);
    await this.storage.addRecords(fetched);
    await this.#replaceSnapshot(index, term, async () => {
      await this.storage.installSnapshot(receiver, hardState, kept);
      return { snapshotIndex: index, snapshotTerm: term, start: index, log: [] };
    });
  }

  #someOf(live: ReadonlyMap<number, string>, share: number): Map<number, string> {
    return new Map([...live].filter(() => this.random.chance(share)));
  }

  /** Rewrites some of the record store, beside whatever else goes on. */
  async #compact(): Promise<void> {
    const live = this.model.lives.get(snapshotOf(this.model.latest));
    if (this.#compacting || live === undefined) return;
    this.#compacting = true;
    const { records } = this.storage;
    const newest = this.model.latest.snapshotIndex;
    const ids = records.files.map(({ id }) => id).filter(() => this.random.chance(0.6));
    await records.rewrite(ids, (position) => position > newest || live.has(position), noPace);
    this.#compacting = false;
  }

  /** Meanwhile each state that may be found may be found with that snapshot too. */
  async #replaceSnapshot(index: number, term: number, work: () => Promise<LogState>): Promise<void> {
    const before = [...this.model.logs];
    const first = this.model.position + 1;
    for (const state of before) this.model.add(withSnapshot(state, index, term));
    this.model.add({ snapshotIndex: index, snapshotTerm: term, start: index, log: [] });
    const after = await work();
    this.model.add(after);
    const settled = this.options.fsync === 'always' || after.log.length === 0;
    this.model.settle(settled ? this.model.position : first);
  }
}

const asWritten = 'after a crash all is there that was reported done';
const liveStays = 'no live record is lost';

/** Works on a storage until its power fails, opens it again, and says what is wrong with what it then holds; null: nothing. */
export async function crashAndRecover(seed: number, options: CrashRunOptions = {}): Promise<Complaint | null> {
  const run = new Run(new SimRandom(seed), options);
  const disk = await run.work();
  const storage = await open(disk, run.options);
  const found = await run.model.match(storage);
  if (found === null) return { invariant: asWritten, detail: `found ${JSON.stringify(storage.recovered)}` };
  const live = run.model.lives.get(snapshotOf(found)) ?? new Map<number, string>();
  const lost = await lostRecord(storage, live);
  if (lost !== null) return { invariant: liveStays, detail: `${lost}, found ${JSON.stringify(storage.recovered)}` };
  return goOn(run, disk, storage, found, live);
}

/** What was found once is there for good, even if the power fails at once; and one can go on from it. */
async function goOn(
  run: Run,
  disk: SimDisk,
  storage: Storage,
  found: LogState,
  live: ReadonlyMap<number, string>,
): Promise<Complaint | null> {
  const after = disk.crashClone(0);
  const again = await open(after, run.options);
  const exactly = new CrashModel();
  exactly.logs = [found];
  exactly.hardStates = [{ state: storage.recovered.hardState, at: 0 }];
  const foundAgain = `found ${JSON.stringify(again.recovered)} after a second crash`;
  if ((await exactly.match(again)) === null) return { invariant: 'what was found once stays', detail: foundAgain };
  const lostThen = await lostRecord(again, live);
  if (lostThen !== null) return { invariant: liveStays, detail: `${lostThen} after a second crash` };
  const next = lastIndexOf(found) + 1;
  await written(again, { entries: [entry(next, 99, 'next')] });
  exactly.logs = [withEntry(found, next, `${next}/99 next`)];
  await again.close();
  const last = await open(after.crashClone(0), run.options);
  if ((await exactly.match(last)) !== null) return null;
  return { invariant: asWritten, detail: `found ${JSON.stringify(last.recovered)} after going on` };
}
