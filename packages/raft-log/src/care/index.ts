/**
 * Offline care of a data directory: what stands in it, what of that is damaged, and what is left. Damage is reported, not thrown, and nothing is
 * written but by what says so (`rewrite…`). And the storage itself, to be measured.
 */
export { LogRows } from './log-rows.ts';
export { RecordFinder } from './record-finder.ts';
export { RecordReader, suspectPayload } from './record-reader.ts';
export { RecordTable } from './record-table.ts';
export { rewriteRecords } from './rewrite-records.ts';
export { rewriteSegments, rewriteVotes } from './rewrite.ts';
export { becomeSoleMember } from './sole-member.ts';
export { readSnapshotChunks, surveyData } from './survey.ts';
export type { Survey, SurveyedSnapshot } from './survey.ts';
export type { Damage, DamageKind, OnProgress, ReadableDisk } from './types.ts';
export { openStorage } from '../driver/storage/open-storage.ts';
export { entryPayload, makeEntry, recordHeaderBytes } from '../driver/storage/record.ts';
export { entryKind } from '../node/index.ts';
export type { Entry } from '../node/index.ts';
