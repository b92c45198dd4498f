import { membersOf } from '../../node/index.ts';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import type { Identity, Storage, StorageOptions } from '../storage-types.ts';
import { removeTemporaries } from './files.ts';
import { FileStorage } from './file-storage.ts';
import { HardStateFile } from './hard-state-file.ts';
import { readIdentity } from './identity-file.ts';
import { journalDirectory } from './journal.ts';
import { createJournal, hasSegments, recoverJournal } from './recover-journal.ts';
import { recordsDirectory } from './records/open-records.ts';
import { RecordStore } from './records/record-store.ts';
import { configurationInSnapshot, newestConfiguration } from './newest-configuration.ts';
import { hasSnapshots, SnapshotStore } from './snapshot-store.ts';

const lossAbove = 'What it held comes from the other members; until then this node has no vote';
const lossBelow =
  'What stood there is in the snapshot, and the log behind it is whole, so it costs no vote; what lives of it comes from the other members';

/**
 * Opens a data directory, or makes one of an empty directory, and leaves nothing of an interrupted past behind. What it then reports as
 * recovered is on disk.
 * @throws CorruptionError for damage that no crash explains and nobody can make good, NewerFormatError for files of a newer program, DiskError.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { disk, log } = options;
  await removeTemporaries(disk, '.');
  const identity = await readIdentity(disk);
  const segments = await hasSegments(disk);
  const used = segments || identity !== null || (await hasSnapshots(disk));
  const damages: CorruptionError[] = [];
  let alone = options.alone ?? null;
  const told = async (damage: CorruptionError, cost: string): Promise<void> => {
    // Asked before anything is cut off, and that once.
    alone ??= isAlone(identity, await newestConfiguration(disk));
    if (alone) throw damage;
    damages.push(damage);
    const { file, offset, detail } = damage;
    log.error(`${file} is damaged at byte ${offset}: ${detail}. ${cost}`);
  };
  const tell = (damage: CorruptionError): Promise<void> => told(damage, lossAbove);
  const hardState = await openHardState(options, used, tell);
  const mayLose = async (damage: CorruptionError): Promise<void> => {
    await tell(damage);
    // First of all: it may have acknowledged what is about to be cut off, as one whose disk was lost may have.
    if (hardState.state.standing === 'voter') await hardState.write({ ...hardState.state, standing: 'abstaining' });
  };
  // Who may have others may lose it: so all of it is looked at now. By the founding, or by what the snapshot itself says.
  const said = [null, await configurationInSnapshot(disk)];
  const whole = !(options.alone ?? said.every((configuration) => isAlone(identity, configuration)));
  const snapshots = await SnapshotStore.open(disk, whole, mayLose);
  await disk.makeDirectory(journalDirectory);
  await disk.makeDirectory(recordsDirectory);
  await disk.syncDirectory('.');
  if (!segments && (hardState.state.term > 0 || used)) {
    await mayLose(new CorruptionError(journalDirectory, 0, 'all its segments are missing'));
  }
  const base = { index: snapshots.info?.index ?? 0, term: snapshots.info?.term ?? 0 };
  if (!segments) await createJournal(disk);
  const records = await RecordStore.open(disk, log, options.segmentBytes);
  const mayPass = (damage: CorruptionError): Promise<void> => told(damage, lossBelow);
  const ports = { disk, log, records, mayCut: mayLose, mayPass };
  const { journal, configurations } = await recoverJournal(ports, options.segmentBytes, base);
  // The terms of the log are among those that a hard state that was lost had seen. (It may have been lost at the start before, which a crash then ended.)
  const term = journal.index.termAt(journal.index.lastIndex) ?? 0;
  if (hardState.state.standing === 'abstaining' && hardState.state.term < term) {
    await hardState.write({ term, votedFor: null, standing: 'abstaining' });
  }
  return new FileStorage(options, { identity, hardState, snapshots, journal, configurations, records, damages });
}

/**
 * Nobody else has what this node has. Who founded a cluster by itself and is not known to have been joined counts as alone. The identity counts when
 * it is of a newer configuration than what can still be read elsewhere.
 */
function isAlone(identity: Identity | null, configuration: ConfigurationAt | null): boolean {
  if (identity === null) return true;
  const { node, members, membersAt = 0 } = identity;
  if (configuration !== null && configuration.index >= membersAt)
    return membersOf(configuration.configuration).every((id) => id === node);
  // No founding members at all: it joined others.
  return members.length > 0 && members.every((id) => id === node);
}

/** The hard state is made before the journal, the journal before an identity, a vote or a snapshot. */
async function openHardState(
  { disk }: StorageOptions,
  used: boolean,
  tell: (damage: CorruptionError) => Promise<void>,
): Promise<HardStateFile> {
  try {
    const found = await HardStateFile.open(disk);
    if (found !== null) return found;
    if (!used) return await HardStateFile.create(disk);
    await tell(new CorruptionError('hard-state', 0, 'the file is missing, and with it the last vote'));
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    await tell(error);
  }
  return HardStateFile.create(disk, { term: 0, votedFor: null, standing: 'abstaining' });
}
