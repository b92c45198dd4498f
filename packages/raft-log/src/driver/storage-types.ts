import type { Clock, Disk, Log, NodeId } from '@lockstep/kernel';
import type { ConfigurationAt } from '../node/index.ts';
import type { DurableWrite, Entry, HardState, RecoveredLog } from '../node/types.ts';
import type { LivePositions } from './live-set.ts';
import type { RecordFileInfo } from './storage/records/record-file.ts';
import type { Pace } from './storage/records/merge-records.ts';
import type { RewriteResult } from './storage/records/record-store.ts';

/** Who this data directory belongs to. Written when the cluster is founded or joined, and again when its members become others. */
export interface Identity {
  /** 2: it says more than a program of level 1 would heed. */
  readonly formatVersion: 1 | 2;
  readonly broker: string;
  readonly node: NodeId;
  readonly clusterId: string;
  /** New whenever a node starts with an empty disk. */
  readonly incarnation: string;
  /**
   * The members by the newest configuration that this node knows to be committed; before there is one, who founded the cluster, or nobody when this node joined one
   * whose log says who its members are.
   */
  readonly members: readonly NodeId[];
  /** The entry of that configuration; left out: who the members are is as at the founding. */
  readonly membersAt?: number;
  /** Those of the members that have no state machine; and this node, if it has none, be it a member or not. */
  readonly witnesses?: readonly NodeId[];
  /** `founding`: all is prepared, but no member has yet said that everybody is; no vote yet. */
  readonly state: 'founding' | 'founded';
}

export interface StorageOptions {
  readonly disk: Disk;
  readonly log: Log;
  /** For `fsync: interval` alone. */
  readonly clock: Clock;
  /** A segment file is about this long; an entry that is longer gets one of its own. */
  readonly segmentBytes: number;
  /**
   * `interval` (a second) and `never` give up the receipt's promise; documented. Votes, snapshots and finished segments are synced
   * all the same.
   */
  readonly fsync: 'always' | 'interval' | 'never';
  /** At least that much of the journal's end stays, snapshot or not, for followers a little behind. Default: one segment. */
  readonly retainBytes?: number;
  /**
   * False: there are other members, which can give back what is damaged here. Then damage makes this node `abstaining`, first of all and for as long
   * as it takes to have everything again, and is cut off. True: nobody can, and it is a `CorruptionError`. Left out: the newest
   * configuration that is found intact says it, or the identity.
   */
  readonly alone?: boolean;
  /** Bound on what is kept in memory of records that were read back. Default 64 MiB. */
  readonly cacheBytes?: number;
}

/** Where a record can no longer be read on this disk. */
export interface RecordDamage {
  readonly position: number;
  readonly file: string;
  readonly offset: number;
  /** What is wrong, in words that fit behind a colon. */
  readonly detail: string;
}

/** `missing`: no file holds it. A damage: one does, and no intact copy is left. The entry's record is a view of memory that never changes. */
export type RecordRead = Entry | RecordDamage | 'missing';

export interface LiveRead {
  /** Whole records, ascending, one behind the other (`parseRecords`). */
  readonly bytes: Uint8Array;
  /** The first position that was not looked at; one behind the end of the range when all was. */
  readonly next: number;
  /** Live positions before `next` of which this disk has no intact record. */
  readonly missing: readonly number[];
}

/** What of the log outlives the installation of a snapshot. */
export interface KeptRecords {
  /** The log's entries up to here are known to be committed. */
  readonly committedIndex: number;
  /** What the snapshot's state refers to. */
  readonly live: LivePositions;
}

/** For a log of which no record is needed once it is applied. */
export const nothingLives: LivePositions = { size: 0, has: () => false, countBetween: () => 0, next: () => null };

/** The record store as compaction and scrubbing see it: files of committed records below the log, which may overlap. */
export interface RecordFiles {
  /** By first position. */
  readonly files: readonly RecordFileInfo[];
  /** How many bytes of a file its records at these positions take, with what lies between them and the next. Reads nothing. */
  recordBytes(id: number, wanted: (position: number) => boolean): number;
  /**
   * Puts store files with the wanted records of these files in their place; with none wanted the files just go. `pace` is called after every
   * quarter of a mebibyte or so that was read. Not two at a time that have a file in common. A crash at any moment leaves the old files, the new
   * ones, or both, which is harmless. When a wanted record has no intact copy anywhere here, nothing is changed but that it is marked.
   */
  rewrite(ids: readonly number[], wanted: (position: number) => boolean, pace: Pace): Promise<RewriteResult>;
  /** Reads the wanted records of a file from the disk. Those that are damaged are marked so, and returned. */
  check(id: number, wanted: (position: number) => boolean, pace: Pace): Promise<readonly RecordDamage[]>;
}

/**
 * Damage that a crash cannot explain. The node must not start: what it acknowledged may be gone.
 * `message` names file and offset and says what to do.
 */
export class CorruptionError extends Error {
  override readonly name = 'CorruptionError';
  readonly file: string;
  readonly offset: number;
  /** What does not fit, without the rest. */
  readonly detail: string;
  constructor(file: string, offset: number, detail: string) {
    super(
      `${file} is damaged at byte ${offset}: ${detail}. This is not what a crash leaves behind, so the node does not start: ` +
        `entries that it acknowledged may be gone. If there are other members, move this data directory away and start the node empty: it fetches everything ` +
        `from them. If it is alone, "lockstep verify" says what is lost, and "lockstep repair" saves the rest.`,
    );
    this.file = file;
    this.offset = offset;
    this.detail = detail;
  }
}

/**
 * Journal, hard state and snapshots of one node, in its data directory. The driver is the only user.
 * A failed write or sync leaves the storage unusable: the process must end (the page cache can no longer be trusted).
 */
export interface Storage {
  readonly identity: Identity | null;
  readonly recovered: RecoveredLog;
  /** What was found damaged at the start and cut off; logged already. */
  readonly damages: readonly CorruptionError[];
  writeIdentity(identity: Identity): Promise<void>;
  /** That configuration is committed: the identity's members are its members from now on, durably when this resolves. Cheap when they are. */
  followMembers(configuration: ConfigurationAt): Promise<void>;
  /**
   * Queues a write. `done` is called, in call order, when it and all before it are on disk. While one fsync is in flight later writes
   * gather, and the next takes them all. A callback rather than a promise: this is the hot path.
   */
  write(write: DurableWrite, done: () => void): void;
  /** Called once when a write has failed; no `done` is called after it. */
  onFailure(listener: (error: Error) => void): void;
  /** Entries `from` … up to `to`, at most about `bytesMax` of records but at least one; empty when `from` is no longer there. Sees what was queued by `write`.
   * No farther than the first that is damaged; rejects with a CorruptionError when that is `from` itself. */
  read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]>;
  /**
   * Committed records by position, in that order, from the log and the record store. Neighbours come with one read and stay in the cache; every
   * checksum is checked. A read that finds damage marks it and takes another copy if there is one. Rejects only when the storage is unusable.
   */
  readRecords(positions: readonly number[]): Promise<readonly RecordRead[]>;
  /**
   * Reads those copies of the record once more that were found damaged. True: one of them is intact after all (a read may fail, or bring other bytes,
   * while what is stored is as it was written), and counts as such from now on.
   */
  reread(position: number): Promise<boolean>;
  /** Reads the finished segments of the log from the disk. Records that are damaged are marked so (`readRecords` takes another copy), and returned. */
  checkLog(pace: Pace): Promise<readonly RecordDamage[]>;
  /** Reads the newest snapshot's file from the disk. Not null: it is damaged, and `snapshotDamaged` until another one takes its place. */
  checkSnapshot(pace: Pace): Promise<CorruptionError | null>;
  /** The newest snapshot's file was found damaged since it was written: one should be taken. Then `saveSnapshot` takes one of the same index too. */
  readonly snapshotDamaged: boolean;
  /** The record if it is in memory: on its way to the disk, or in the cache. */
  cachedRecord(position: number): Entry | null;
  /** An intact copy, as far as is known, is on this disk: in the record store, or in the log if it is not above `committedIndex`. */
  holds(position: number, committedIndex: number): boolean;
  /** The records of the positions in `live` that lie in `from` … `to`, at most about `bytesMax`, but at least one. */
  readLive(live: LivePositions, from: number, to: number, bytesMax: number): Promise<LiveRead>;
  /** Puts committed records into the record store, durably; in any order, and any of them may be there already. Rejects with DiskError `ENOSPC`. */
  addRecords(entries: readonly Entry[]): Promise<void>;
  /**
   * As `addRecords`, of whole records of commands that lie one behind the other, and have been checked. Positions ascend, within a stretch and from one
   * to the next. The bytes must not change any more.
   */
  addStretches(stretches: readonly Uint8Array[]): Promise<void>;
  readonly records: RecordFiles;
  /** What log, record store and snapshot take on the disk, nearly. */
  readonly diskBytes: number;
  /** Record bytes in the journal above the newest snapshot. */
  readonly bytesSinceSnapshot: number;
  /**
   * Writes a snapshot under a temporary name, syncs and renames it; the one before goes. Then the log segments that hold nothing above
   * it, but for a tail, leave the log: with records in `live` (what the snapshot's state refers to; it must not change) they go over to
   * the record store, else they are removed. Chunks are pulled with pauses between. `configuration` is the one in use at `index`
   * (`RaftNode.configurationAt`); null: the log holds none.
   */
  saveSnapshot(
    index: number,
    term: number,
    chunks: Iterable<Uint8Array>,
    live: LivePositions,
    configuration?: ConfigurationAt | null,
  ): Promise<void>;
  /** Entries above the index that this names, when it names one, stay in the log, whatever snapshots are taken. Asked when segments are about to leave it. */
  holdLog(heldIndex: () => number | null): void;
  readonly snapshot: SnapshotInfo | null;
  /** The newest snapshot's file, to be sent to a follower; null when there is none. */
  openSnapshot(): Promise<SnapshotReader | null>;
  /**
   * A snapshot file of `bytes` bytes arriving from a leader, one at a time. What an earlier transfer of the same one has left, in this life of the node or the
   * one before, is taken up; of another it is removed.
   */
  receiveSnapshot(index: number, term: number, bytes: number): Promise<SnapshotReceiver>;
  /** A finished snapshot without any state, to be installed: all that a witness keeps of one. */
  makeShape(index: number, term: number, configuration: ConfigurationAt): Promise<SnapshotReceiver>;
  /**
   * Makes a received snapshot the newest and the journal empty behind it, atomically as far as a crash can see. `hardState` likewise.
   * The record store stays, and gets the log's records in `kept`.
   */
  installSnapshot(receiver: SnapshotReceiver, hardState: HardState | null, kept: KeptRecords): Promise<void>;
  /** The state-machine chunks of the newest snapshot, checked. */
  loadSnapshot(onChunk: (chunk: Uint8Array) => void): Promise<void>;
  /** Waits for what is queued, then closes the files. */
  close(): Promise<void>;
}

export interface SnapshotInfo {
  readonly index: number;
  readonly term: number;
  /** Size of the snapshot's file. */
  readonly bytes: number;
  /** In use at `index`; null: the log held none. */
  readonly configuration: ConfigurationAt | null;
}

/** A snapshot's file. It can be read to its end even when another snapshot takes its place meanwhile. */
export interface SnapshotReader {
  readonly info: SnapshotInfo;
  /** A piece of it as it travels to a follower; empty at its end. */
  read(offset: number, bytesMax: number): Promise<Uint8Array>;
  /** Reads that are under way end first. */
  close(): Promise<void>;
}

export interface SnapshotReceiver {
  readonly index: number;
  readonly term: number;
  /** Bytes received so far: where a broken transfer goes on. */
  readonly offset: number;
  /** As the file says; known once it is whole (`finish`). */
  readonly configuration: ConfigurationAt | null;
  write(chunk: Uint8Array): Promise<void>;
  /**
   * All is there: checks every checksum, hands out the state machine's chunks, and syncs. Resolves with what is wrong when the bytes are not a whole
   * snapshot (what was handed out is void then), else with null.
   */
  finish(onChunk: (chunk: Uint8Array) => void): Promise<string | null>;
  discard(): Promise<void>;
}
