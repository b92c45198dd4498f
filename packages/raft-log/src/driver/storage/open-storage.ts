import { CorruptionError } from '../storage-types.ts';
import type { Storage, StorageOptions } from '../storage-types.ts';
import { removeTemporaries } from './files.ts';
import { FileStorage } from './file-storage.ts';
import { HardStateFile } from './hard-state-file.ts';
import { readIdentity } from './identity-file.ts';
import { journalDirectory } from './journal.ts';
import { createJournal, hasSegments, recoverJournal } from './recover-journal.ts';
import { recordsDirectory } from './records/open-records.ts';
import { RecordStore } from './records/record-store.ts';
import { SnapshotStore } from './snapshot-store.ts';

/**
 * Opens a data directory, or makes one of an empty directory, and leaves nothing of an interrupted past behind. What it then reports as
 * recovered is on disk.
 * @throws CorruptionError for damage that no crash explains, NewerFormatError for files of a newer program, DiskError.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { disk, log } = options;
  await removeTemporaries(disk, '.');
  const identity = await readIdentity(disk);
  const hardState = await HardStateFile.open(disk);
  const snapshots = await SnapshotStore.open(disk);
  await disk.makeDirectory(journalDirectory);
  await disk.makeDirectory(recordsDirectory);
  await disk.syncDirectory('.');
  const segments = await hasSegments(disk);
  // The hard state is made before the journal, the journal before an identity, a vote or a snapshot.
  if (hardState === null && (segments || identity !== null || snapshots.info !== null)) {
    throw new CorruptionError('hard-state', 0, 'the file is missing, and with it the last vote');
  }
  if (!segments && ((hardState?.state.term ?? 0) > 0 || identity !== null || snapshots.info !== null)) {
    throw new CorruptionError(journalDirectory, 0, 'all its segments are missing');
  }
  const openHardState = hardState ?? (await HardStateFile.create(disk));
  const base = { index: snapshots.info?.index ?? 0, term: snapshots.info?.term ?? 0 };
  const { journal, configurations } = segments
    ? await recoverJournal(disk, log, options.segmentBytes, base)
    : await createJournal(disk, options.segmentBytes);
  const records = await RecordStore.open(disk, log, options.segmentBytes);
  return new FileStorage(options, { identity, hardState: openHardState, snapshots, journal, configurations, records });
}
