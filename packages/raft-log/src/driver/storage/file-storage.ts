import { assert, DiskError } from '@lockstep/kernel';
import type { Disk, Timer } from '@lockstep/kernel';
import type { DurableWrite, Entry, HardState, RecoveredLog } from '../../node/index.ts';
import type { Identity, SnapshotInfo, SnapshotReader, Storage, StorageOptions } from '../storage-types.ts';
import type { HardStateFile } from './hard-state-file.ts';
import { writeIdentity } from './identity-file.ts';
import type { Journal } from './journal.ts';
import type { FileReceiver } from './snapshot-files.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { Unwritten } from './unwritten.ts';
import { WriteQueue } from './write-queue.ts';
import type { QueuedWrite } from './write-queue.ts';

const syncIntervalMs = 1000;

/** What was found in the data directory. */
export interface StorageParts {
  readonly identity: Identity | null;
  readonly hardState: HardStateFile;
  readonly snapshots: SnapshotStore;
  readonly journal: Journal;
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
  #identity: Identity | null;
  #bytesSinceSnapshot: number;
  /** Grows when entries are replaced: what a read took in before may be of the past. */
  #replacements = 0;
  /** Of the snapshot that is about to take the journal's place. */
  #installing: number | null = null;
  #syncTimer: Timer | null = null;
  #failure: Error | null = null;
  #failureListener: ((error: Error) => void) | null = null;
  #closed = false;

  constructor(options: StorageOptions, { identity, hardState, snapshots, journal }: StorageParts) {
    this.#options = options;
    this.#disk = options.disk;
    this.#identity = identity;
    this.#hardState = hardState;
    this.#snapshots = snapshots;
    this.#journal = journal;
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
      configurations: [],
    };
    this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
  }

  get identity(): Identity | null {
    return this.#identity;
  }

  get bytesSinceSnapshot(): number {
    return this.#bytesSinceSnapshot;
  }

  get snapshot(): SnapshotInfo | null {
    return this.#snapshots.info;
  }

  async writeIdentity(identity: Identity): Promise<void> {
    await this.#queue.runTask(() => writeIdentity(this.#disk, identity));
    this.#identity = identity;
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
      const more = queued === null ? await this.#journal.read(index, lastWritten, bytesMax - bytes) : [queued];
      if (more.length === 0) break;
      for (const entry of more) {
        bytes += entry.record.length;
        if (bytes > bytesMax && entries.length > 0) break;
        entries.push(entry);
      }
      index += more.length;
    }
    return entries;
  }

  #countBytesSinceSnapshot(): number {
    const above = this.#snapshots.info?.index ?? 0;
    const last = this.#unwritten.empty ? Infinity : this.#unwritten.firstIndex - 1;
    return this.#journal.index.recordBytes(above, last) + this.#unwritten.bytesAbove(above);
  }

  async saveSnapshot(index: number, term: number, chunks: Iterable<Uint8Array>): Promise<void> {
    try {
      const ready = await this.#snapshots.prepare(index, term, chunks);
      await this.#queue.runTask(async () => {
        // One that a leader sent may have overtaken it.
        if (index <= (this.snapshot?.index ?? 0)) return this.#snapshots.discard(ready);
        await this.#snapshots.adopt(ready);
        this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
      });
      if (this.#closed) return;
      await this.#journal.dropThrough(index, this.#options.retainBytes ?? this.#options.segmentBytes);
    } catch (error) {
      // A full disk stops no snapshot that anybody counts on: the one before and the journal are still there.
      if (!(error instanceof DiskError && error.code === 'ENOSPC')) this.#fail(error);
      throw error;
    }
  }

  openSnapshot(): Promise<SnapshotReader | null> {
    return this.#snapshots.openReader();
  }

  receiveSnapshot(index: number, term: number, bytes: number): Promise<FileReceiver> {
    return this.#snapshots.receive(index, term, bytes);
  }

  async installSnapshot(receiver: FileReceiver, hardState: HardState | null): Promise<void> {
    const { index, term } = receiver;
    // What is written from here on follows the snapshot, however long it takes to get there.
    this.#installing = index;
    this.#unwritten.clear();
    this.#replacements++;
    await this.#queue.runTask(async () => {
      if (hardState !== null) await this.#hardState.write(hardState);
      // From here on the snapshot counts: recovery finds a journal that does not fit it void.
      await this.#snapshots.adopt(receiver.ready());
      await this.#journal.resetAt(index, term);
      this.#installing = null;
      this.#bytesSinceSnapshot = this.#countBytesSinceSnapshot();
    });
  }

  loadSnapshot(onChunk: (chunk: Uint8Array) => void): Promise<void> {
    return this.#snapshots.load(onChunk);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#failure === null) {
      await this.#queue.runTask(async () => {
        await this.#journal.close();
        await this.#hardState.close();
      });
    }
    this.#syncTimer?.cancel();
  }
}
