import type { Entry } from '../../node/types.ts';

/** A stretch of positions as it goes to another member. */
export interface LiveStretch {
  /** Nothing at or above this position was looked at. Beyond `from`, always. */
  readonly next: number;
  /** The live records of which there is an intact copy, ascending, as they stand in the journal. */
  readonly bytes: Uint8Array;
  /** The live ones of which there is none; without a state, all of which there is none. Ascending. */
  readonly lacking: readonly number[];
}

/** What the exchange of records between members needs of the storage and of the state machine. */
export interface RecordAccess {
  /** The state machine stands here. */
  readonly appliedIndex: number;
  /** Does the state refer to the record? */
  isLive(position: number): boolean;
  /** Live records at the positions `from` … `to` (`to` not included, at most one beyond `appliedIndex`), about `bytesMax` of them but at least one. */
  readLive(from: number, to: number, bytesMax: number): Promise<LiveStretch>;
  /** Is there a copy on this disk, not known to be damaged, of which it is certain that it was committed? */
  holds(position: number): boolean;
  /** See `Storage.reread`. */
  reread(position: number): Promise<boolean>;
  /** Adds committed records, ascending. They are on disk when it resolves. */
  addRecords(records: readonly Entry[]): Promise<void>;
  /** As `addRecords`: whole records that lie one behind the other; ascending, within a stretch and from one to the next. */
  addStretches(stretches: readonly Uint8Array[]): Promise<void>;
}
