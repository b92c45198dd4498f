import type { Entry } from '../../node/types.ts';

/** A stretch of the record store as it goes to another member. */
export interface LiveStretch {
  /** Where the stretch ends: nothing at or above it was looked at. Beyond `from`, always. */
  readonly next: number;
  /** The live records in it of which there is an intact copy, ascending, as they stand in the journal. */
  readonly bytes: Uint8Array;
  /** The live ones of which there is none. Ascending. */
  readonly lacking: readonly number[];
}

/** What the exchange of records between members needs of the storage and of the state machine. */
export interface RecordStore {
  /** The state machine stands here. */
  readonly appliedIndex: number;
  /**
   * Live records at the positions `from` … `to` (`to` not included), about `bytesMax` of them but at least one. `to` is at most one beyond
   * `appliedIndex`.
   */
  readLive(from: number, to: number, bytesMax: number): Promise<LiveStretch>;
  /** Is there a copy of that committed record below the log, not known to be damaged? */
  holds(position: number): boolean;
  /** Adds committed records, ascending, in one file. They are on disk when it resolves; `records` may be let go of then. */
  addRecords(records: readonly Entry[]): Promise<void>;
}
