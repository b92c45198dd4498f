import type { Clock, Disk, Log, NodeId } from '@lockstep/kernel';
import type { DurableWrite, Entry, HardState, RecoveredLog } from '../node/types.ts';

/** Who this data directory belongs to. Written once, when the cluster is founded or joined. */
export interface Identity {
  readonly formatVersion: 1;
  readonly broker: string;
  readonly node: NodeId;
  readonly clusterId: string;
  /** New whenever a node starts with an empty disk. */
  readonly incarnation: string;
  readonly members: readonly NodeId[];
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
}

/**
 * Damage that a crash cannot explain. The node must not start: what it acknowledged may be gone.
 * `message` names file and offset and says what to do.
 */
export class CorruptionError extends Error {
  override readonly name = 'CorruptionError';
  readonly file: string;
  readonly offset: number;
  constructor(file: string, offset: number, detail: string) {
    super(
      `${file} is damaged at byte ${offset}: ${detail}. This is not what a crash leaves behind, so the node does not start: ` +
        `entries that it acknowledged may be gone. With the other members up, move this data directory away and start the node empty; it fetches everything from them.`,
    );
    this.file = file;
    this.offset = offset;
  }
}

/**
 * Journal, hard state and snapshots of one node, in its data directory. The driver is the only user.
 * A failed write or sync leaves the storage unusable: the process must end (the page cache can no longer be trusted).
 */
export interface Storage {
  readonly identity: Identity | null;
  readonly recovered: RecoveredLog;
  writeIdentity(identity: Identity): Promise<void>;
  /**
   * Queues a write. `done` is called, in call order, when it and all before it are on disk. While one fsync is in flight later writes
   * gather, and the next takes them all. A callback rather than a promise: this is the hot path.
   */
  write(write: DurableWrite, done: () => void): void;
  /** Called once when a write has failed; no `done` is called after it. */
  onFailure(listener: (error: Error) => void): void;
  /** Entries `from` … up to `to`, at most about `bytesMax` of records but at least one; empty when `from` is no longer there. Sees what was queued by `write`. */
  read(from: number, to: number, bytesMax: number): Promise<readonly Entry[]>;
  /** Record bytes in the journal above the newest snapshot. */
  readonly bytesSinceSnapshot: number;
  /** Writes a snapshot under a temporary name, syncs and renames it; then drops the one before and the segments that it makes needless. Chunks are pulled with pauses between. */
  saveSnapshot(index: number, term: number, chunks: Iterable<Uint8Array>): Promise<void>;
  readonly snapshot: SnapshotInfo | null;
  /** The newest snapshot's file, to be sent to a follower; null when there is none. */
  openSnapshot(): Promise<SnapshotReader | null>;
  /**
   * A snapshot file of `bytes` bytes arriving from a leader, one at a time. What an earlier transfer of the same one has left, in this life of the node or the
   * one before, is taken up; of another it is removed.
   */
  receiveSnapshot(index: number, term: number, bytes: number): Promise<SnapshotReceiver>;
  /** Makes a received snapshot the newest and the journal empty behind it, atomically as far as a crash can see. `hardState` likewise. */
  installSnapshot(receiver: SnapshotReceiver, hardState: HardState | null): Promise<void>;
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
  write(chunk: Uint8Array): Promise<void>;
  /**
   * All is there: checks every checksum, hands out the state machine's chunks, and syncs. Resolves with what is wrong when the bytes are not a whole
   * snapshot (what was handed out is void then), else with null.
   */
  finish(onChunk: (chunk: Uint8Array) => void): Promise<string | null>;
  discard(): Promise<void>;
}
