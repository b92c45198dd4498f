import { assert, DiskError } from '@lockstep/kernel';
import type { Disk, Timer } from '@lockstep/kernel';
import type { ConfigurationAt, DurableWrite, Entry, HardState, RecoveredLog } from '../../node/index.ts';
import type { LivePositions } from '../live-set.ts';
import { CorruptionError } from '../storage-types.ts';
import type {
  Identity,
  KeptRecords,
  LiveRead,
  RecordDamage,
  RecordRead,
  SnapshotInfo,
  SnapshotReader,
  Storage,
  StorageOptions,
} from '../storage-types.ts';
import type { HardStateFile } from './hard-state-file.ts';
import { identityFollowing, writeIdentity } from './identity-file.ts';
import type { Journal } from './journal.ts';
import { ChunkCache } from './records/chunk-cache.ts';
import { readLive } from './records/read-live.ts';
import { RecordReader } from './records/record-reader.ts';
import type { RecordStore } from './records/record-store.ts';
import type { FileReceiver } from './snapshot-files.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { Unwritten } from './unwritten.ts';
import { WriteQueue } from './write-queue.ts';
import type { QueuedWrite } from './write-queue.ts';
import type { Pace } from './records/merge-records.ts';

const syncIntervalMs = 1000;
const defaultCacheBytes = 64 * 1024 * 1024;

/** What was found in the data directory. */
export interface StorageParts {
  readonly identity: Identity | null;
  readonly hardState: HardStateFile;
  readonly snapshots: SnapshotStore;
  readonly journal: Journal;
  /** Of the configuration entries in the journal, oldest first. */
  readonly configurations: readonly ConfigurationAt[];
  readonly records: RecordStore;
  readonly damages: readonly CorruptionError[];
}

export class FileStorage implements Storage {
  readonly recovered: RecoveredLog;
  readonly #options: StorageOptions;
  readonly #disk: Disk;
  readonly #hardState: HardStateFile;
  readonly #snapshots: SnapshotStore;
  readonly #journal: Journal;
  readonly #unwritten = new Unwritten();
  readonly #queue: WriteQueue;
  readonly records: RecordStore;
  readonly damages: readonly CorruptionError[];
  readonly #reader: RecordReader;
  #identity: Identity | null;
  #bytesSinceSnapshot: number;
  /** Grows when entries are replaced: what a read took in before may be of the past. */
  #replacements = 0;
  /** Of the snapshot that is about to take the journal's place. */
  #installing: number | null = null;
  #syncTimer: Timer | null = null;
  /** What moves whole segments takes turns. */
  #moving: Promise<void> = Promise.resolve();
  #heldIndex: () => number | null = () => null;
  #failure: Error | null = null;
  #failureListener: ((error: Error) => void) | null = null;
  #closed = false;

  constructor(options: StorageOptions, parts: StorageParts) {
    const { identity, hardState, snapshots, journal, configurations, records } = parts;
    this.#options = options;
    this.#disk = options.disk;
    this.#identity = identity;
    this.#hardState = hardState;
    this.#snapshots = snapshots;
    this.#journal = journal;
    this.records = records;
    this.damages = parts.damages;
    const cache = new ChunkCache(options.cacheBytes ?? defaultCacheBytes);
    this.#reader = new RecordReader(this.#unwritten, journal.index, records.bag, cache);
    this.#queue = new WriteQueue(
      (group) => this.#writeGroup(group),
      (error) => this.#fail(error),
    );
    const { index } = journal;
    this.recovered = {
      hardState: hardState.state,
      snapshotIndex: snapshots.info?.index ?? 0,
      snapshotTerm: snapshots.info?.term ?? 0,
      firstIndex: index.firstIndex,
      lastIndex: index.lastIndex,
      terms: index.terms(),
      configurations: configurationsFrom(snapshots.info?.configuration ?? null, configurations),
    };
    this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
  }

  get identity(): Identity | null {
    return this.#identity;
  }

  get bytesSinceSnapshot(): number {
    return this.#bytesSinceSnapshot;
  }

  get diskBytes(): number {
    const log = this.#journal.index.segments.reduce((sum, { end }) => sum + end, 0);
    const store = this.records.files.reduce((sum, { bytes }) => sum + bytes, 0);
    return log + store + (this.snapshot?.bytes ?? 0);
  }

  get snapshot(): SnapshotInfo | null {
    return this.#snapshots.info;
  }

  writeIdentity(identity: Identity): Promise<void> {
    return this.#queue.runTask(() => this.#writeIdentity(identity));
  }

  async #writeIdentity(identity: Identity): Promise<void> {
    await writeIdentity(this.#disk, identity);
    this.#identity = identity;
  }

  followMembers(configuration: ConfigurationAt): Promise<void> {
    return this.#queue.runTask(() => this.#followMembers(configuration));
  }

  async #followMembers(configuration: ConfigurationAt): Promise<void> {
    const next = this.#identity === null ? null : identityFollowing(this.#identity, configuration);
    if (next === null) return;
    // It must not know more than the log: what a start takes for the founding configuration comes from here.
    await this.#journal.sync();
    await this.#writeIdentity(next);
  }

  onFailure(listener: (error: Error) => void): void {
    this.#failureListener = listener;
    if (this.#failure !== null) listener(this.#failure);
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error instanceof Error ? error : new Error('the storage failed', { cause: error });
    this.#syncTimer?.cancel();
    this.#failureListener?.(this.#failure);
  }

  get #lastIndex(): number {
    if (!this.#unwritten.empty) return this.#unwritten.lastIndex;
    return this.#installing ?? this.#journal.index.lastIndex;
  }

  write(write: DurableWrite, done: () => void): void {
    assert(!this.#closed, 'nothing is written to a closed storage');
    if (this.#failure !== null) return;
    const first = write.entries[0];
    if (first !== undefined) {
      assert(first.index <= this.#lastIndex + 1, 'the log has no holes');
      const replaces = first.index <= this.#lastIndex;
      this.#unwritten.add(write.entries);
      if (replaces) {
        this.#replacements++;
        this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
      } else {
        for (const entry of write.entries) this.#bytesSinceSnapshot += entry.record.length;
      }
    }
    this.#queue.addWrite({ write, done });
  }

  async #writeGroup(group: readonly QueuedWrite[]): Promise<void> {
    let hardState: HardState | null = null;
    let entries: readonly Entry[] = group[0]!.write.entries;
    if (group.length > 1) entries = group.flatMap(({ write }) => write.entries);
    for (const { write } of group) hardState = write.hardState ?? hardState;
    // First the term: an entry of a term that the node does not remember must not be found after a crash.
    if (hardState !== null) await this.#hardState.write(hardState);
    if (entries.length > 0) {
      await this.#journal.append(entries);
      await this.#syncAsTold();
      this.#unwritten.written(entries);
    }
    for (const { done } of group) done();
  }

  async #syncAsTold(): Promise<void> {
    const { fsync, clock } = this.#options;
    if (fsync === 'always') await this.#journal.sync();
    if (fsync !== 'interval' || this.#syncTimer !== null) return;
    this.#syncTimer = clock.setTimer(syncIntervalMs, () => {
      this.#syncTimer = null;
      // The queue itself reports a failure.
      this.#queue.runTask(() => this.#journal.sync()).catch(() => {});
    });
  }

  async read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]> {
    for (;;) {
      const replacements = this.#replacements;
      const entries = await this.#readOnce(from, to, bytesMax);
      if (replacements === this.#replacements) return entries;
    }
  }

  async #readOnce(from: number, to: number, bytesMax: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    let bytes = 0;
    const last = Math.min(to, this.#lastIndex);
    for (let index = from; index <= last && (bytes < bytesMax || entries.length === 0);) {
      const queued = this.#unwritten.get(index);
      const lastWritten = this.#unwritten.empty ? last : Math.min(last, this.#unwritten.firstIndex - 1);
      const more = queued === null ? await this.#readJournal(index, lastWritten, bytesMax - bytes) : [queued];
      if (more instanceof CorruptionError && entries.length === 0) throw more;
      if (more instanceof CorruptionError || more.length === 0) break;
      for (const entry of more) {
        bytes += entry.record.length;
        if (bytes > bytesMax && entries.length > 0) break;
        entries.push(entry);
      }
      index += more.length;
    }
    return entries;
  }

  async #readJournal(from: number, to: number, bytesMax: number): Promise<Entry[] | CorruptionError> {
    try {
      return await this.#journal.read(from, to, bytesMax);
    } catch (error) {
      if (error instanceof CorruptionError) return error;
      throw error;
    }
  }

  #countBytesSinceSnapshot(): number {
    const above = this.#snapshots.info?.index ?? 0;
    const last = this.#unwritten.empty ? Infinity : this.#unwritten.firstIndex - 1;
    return this.#journal.index.recordBytes(above, last) + this.#unwritten.bytesAbove(above);
  }

  readRecords(positions: readonly number[]): Promise<readonly RecordRead[]> {
    return this.#reader.read(positions, true);
  }

  reread(position: number): Promise<boolean> {
    return this.#reader.reread(position);
  }

  async checkLog(pace: Pace): Promise<readonly RecordDamage[]> {
    const damages: RecordDamage[] = [];
    for (const segment of this.#journal.index.segments.slice(0, -1)) {
      damages.push(...(await this.#reader.check(segment, pace)));
    }
    return damages;
  }

  checkSnapshot(pace: Pace): Promise<CorruptionError | null> {
    return this.#snapshots.check(pace);
  }

  get snapshotDamaged(): boolean {
    return this.#snapshots.isDamaged;
  }

  cachedRecord(position: number): Entry | null {
    return this.#reader.cached(position);
  }

  holds(position: number, committedIndex: number): boolean {
    if (position <= committedIndex && this.#unwritten.get(position) !== null) return true;
    return this.#reader.locate(position, position <= committedIndex) !== null;
  }

  readLive(live: LivePositions, from: number, to: number, bytesMax: number): Promise<LiveRead> {
    return readLive(this.#reader, live, { from, to, bytesMax });
  }

  addRecords(entries: readonly Entry[]): Promise<void> {
    return this.#addToStore(() => this.records.add(entries));
  }

  addStretches(stretches: readonly Uint8Array[]): Promise<void> {
    return this.#addToStore(() => this.records.addStretches(stretches));
  }

  async #addToStore(add: () => Promise<void>): Promise<void> {
    try {
      await add();
    } catch (error) {
      // Nothing counts on them yet.
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) this.#fail(error);
      throw error;
    }
  }

  async saveSnapshot(
    index: number,
    term: number,
    chunks: Iterable<Uint8Array>,
    live: LivePositions,
    configuration: ConfigurationAt | null = null,
  ): Promise<void> {
    try {
      const ready = await this.#snapshots.prepare(index, term, configuration, chunks);
      await this.#queue.runTask(async () => {
        // One that a leader sent may have overtaken it; only for a damaged one of the same state it is a substitute.
        const newest = this.snapshot?.index ?? 0;
        if (index < newest || (index === newest && !this.snapshotDamaged)) return this.#snapshots.discard(ready);
        // The bodies are in the journal alone: the snapshot must not outlive them.
        await this.#journal.sync();
        // The entry that says it may leave the log from here on.
        if (configuration !== null) await this.#followMembers(configuration);
        await this.#snapshots.adopt(ready);
        this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
      });
      await this.#alone(() => this.#retire(index, live));
    } catch (error) {
      // A full disk stops no snapshot that anybody counts on: the one before and the journal are still there.
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) this.#fail(error);
      throw error;
    }
  }

  async #retire(index: number, live: LivePositions): Promise<void> {
    if (this.#closed || this.snapshot?.index !== index) return;
    const retainBytes = this.#options.retainBytes ?? this.#options.segmentBytes;
    try {
      const through = Math.min(index, this.#heldIndex() ?? index);
      const stop = await this.#journal.retireThrough(through, retainBytes, live, this.records);
      if (stop === null) return;
      this.#options.log.error(
        `${stop.path} can't leave the log: the records of entries ${stop.damaged.join(', ')} in it are damaged`,
      );
    } catch (error) {
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) throw error;
      // They stay in the log until the next snapshot.
      this.#options.log.warn('no room on the disk to move old segments out of the log', { snapshotIndex: index });
    }
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#moving.then(work);
    this.#moving = done.catch(() => {});
    return done;
  }

  holdLog(heldIndex: () => number | null): void {
    this.#heldIndex = heldIndex;
  }

  openSnapshot(): Promise<SnapshotReader | null> {
    return this.#snapshots.openReader();
  }

  receiveSnapshot(index: number, term: number, bytes: number): Promise<FileReceiver> {
    return this.#snapshots.receive(index, term, bytes);
  }

  makeShape(index: number, term: number, configuration: ConfigurationAt): Promise<FileReceiver> {
    return this.#snapshots.makeShape(index, term, configuration);
  }

  async installSnapshot(receiver: FileReceiver, hardState: HardState | null, kept: KeptRecords): Promise<void> {
    const { index, term } = receiver;
    // What is written from here on follows the snapshot, however long it takes to get there.
    this.#installing = index;
    this.#unwritten.clear();
    this.#replacements++;
    const moved = this.#moving;
    const installed = this.#queue.runTask(async () => {
      await moved;
      if (hardState !== null) await this.#hardState.write(hardState);
      await this.#keepRecords(kept);
      // From here on the snapshot counts: recovery finds a journal that does not fit it void.
      await this.#snapshots.adopt(receiver.ready());
      await this.#journal.resetAt(index, term);
      if (receiver.configuration !== null) await this.#followMembers(receiver.configuration);
      this.#installing = null;
      this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
    });
    this.#moving = installed.catch(() => {});
    await installed;
  }

  /** The log is about to go: its committed records that live on move to the record store. */
  async #keepRecords({ committedIndex, live }: KeptRecords): Promise<void> {
    const sources = this.#journal.index.segments
      .filter(({ count }) => count > 0)
      .map((segment) => ({ source: segment, table: segment.table() }));
    const { bag } = this.records;
    await this.records.copy(
      sources,
      (position) => position <= committedIndex && live.has(position) && bag.find(position) === null,
    );
  }

  loadSnapshot(onChunk: (chunk: Uint8Array) => void): Promise<void> {
    return this.#snapshots.load(onChunk);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#moving;
    if (this.#failure === null) {
      await this.#queue.runTask(async () => {
        await this.#journal.close();
        await this.#hardState.close();
        await this.records.close();
      });
    }
    this.#syncTimer?.cancel();
  }
}

/** The snapshot's first; those of the log that it stands for already are in it. */
function configurationsFrom(
  snapshot: ConfigurationAt | null,
  inLog: readonly ConfigurationAt[],
): readonly ConfigurationAt[] {
  return snapshot === null ? inLog : [snapshot, ...inLog.filter(({ index }) => index > snapshot.index)];
}
