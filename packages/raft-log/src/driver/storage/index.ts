/**
 * One node's durable state in its data directory: journal, live records below it, term and vote, snapshots, identity. Whatever `done` was called for is
 * found again after any crash; damage that a crash does not explain is named, never passed over, and costs a member its vote until the others have
 * given back what is missing. The formats are described in `docs/internals/journal.md`.
 */
export { NewerFormatError } from './newer-format-error.ts';
export { openStorage } from './open-storage.ts';
export {
  cutRecords,
  entryPayload,
  makeConfigurationEntry,
  makeEntry,
  parseRecords,
  parseRecordsOrNull,
  recordHeaderBytes,
  walkRecords,
} from './record.ts';
