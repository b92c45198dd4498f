import { membersOf } from '../node/index.ts';
import type { ConfigurationAt, HardState } from '../node/index.ts';
import { CorruptionError } from '../driver/storage-types.ts';
import type { Identity } from '../driver/storage-types.ts';
import { FoundConfigurations } from '../driver/storage/found-configurations.ts';
import { readHardState } from '../driver/storage/hard-state-file.ts';
import { readIdentity } from '../driver/storage/identity-file.ts';
import { NewerFormatError } from '../driver/storage/newer-format-error.ts';
import { recordHeaderBytes } from '../driver/storage/record.ts';
import { scanSnapshot } from '../driver/storage/snapshot-format.ts';
import { snapshotDirectory } from '../driver/storage/snapshot-store.ts';
import { LogRows } from './log-rows.ts';
import { RecordTable } from './record-table.ts';
import { damageAt, listSegments, surveySegment } from './survey-journal.ts';
import type { FoundDamage, SegmentFile } from './survey-journal.ts';
import { listRecordFiles, surveyRecordFile } from './survey-records.ts';
import type { StoredFile } from './survey-records.ts';
import type { Damage, OnProgress, ReadableDisk } from './types.ts';

export interface SurveyedSnapshot {
  readonly path: string;
  readonly index: number;
  readonly term: number;
  /** Every checksum in it matches. */
  readonly intact: boolean;
  readonly configuration: ConfigurationAt | null;
}

/** What stands in a data directory. */
export interface Survey {
  readonly identity: Identity | null;
  /** All members, learners too, as this node last knew them. */
  readonly members: readonly string[];
  /** No other member has what this node has. */
  readonly alone: boolean;
  readonly hardState: HardState | null;
  /** The newest, if there is one. */
  readonly snapshot: SurveyedSnapshot | null;
  /** What stands below the log. */
  readonly stored: readonly StoredFile[];
  readonly damages: readonly Damage[];
  /** How many files were looked at, and how long they are together. */
  readonly files: number;
  readonly bytes: number;
  readonly records: RecordTable;
  /** The files that the rows of `records` name, by number. */
  readonly paths: readonly string[];
  readonly segments: readonly SegmentFile[];
  /** Where the last write of each ends. */
  readonly ends: readonly number[];
  /** The log above the snapshot. */
  readonly log: LogRows;
}

/**
 * Looks at every byte of the files in a data directory, and changes nothing. Damage is reported, never thrown.
 * @throws DiskError when a file can't be read at all; NewerFormatError for a journal of a newer program.
 */
export async function surveyData(disk: ReadableDisk, onProgress: OnProgress): Promise<Survey> {
  const found: FoundDamage[] = [];
  const identity = await orDamage(() => readIdentity(disk), 'identity', found);
  const hardState = await orDamage(() => readHardState(disk), 'votes', found);
  const segments = await listSegments(disk, found);
  const snapshotPath = await newestSnapshot(disk);
  const recordFiles = await listRecordFiles(disk);
  const sizes = await sizesOf(disk, [
    ...segments.map(({ path }) => path),
    ...recordFiles,
    ...(snapshotPath === null ? [] : [snapshotPath]),
  ]);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (hardState === null && segments.length > 0 && found.every(({ damage }) => damage.kind !== 'votes')) {
    found.push(damageAt('hard-state', 0, 0, 'votes', 'the file is not there, and with it the last vote'));
  }
  let done = 0;
  const table = new RecordTable();
  const configurations = new FoundConfigurations();
  const ends: number[] = [];
  let logFrom = 0;
  for (const [i, segment] of segments.entries()) {
    // As at a start: what stands before it is a remnant of what an installed snapshot has replaced.
    if (segment.header?.reset === true) logFrom = table.count;
    const next = segments[i + 1] ?? null;
    const { size, end } = await surveySegment(disk, segment, next, i, { table, configurations }, found);
    ends.push(end);
    done += size;
    onProgress(done, total);
  }
  const stored: StoredFile[] = [];
  for (const [i, path] of recordFiles.entries()) {
    stored.push(await surveyRecordFile(disk, path, found));
    done += sizes[segments.length + i]!;
    onProgress(done, total);
  }
  const snapshot = snapshotPath === null ? null : await surveySnapshot(disk, snapshotPath, found);
  onProgress(total, total);
  const log = new LogRows(table, snapshot?.index ?? 0, logFrom, voidings(found, table));
  reportHoles(log, snapshot, segments, found);
  const members = knownMembers(identity, snapshot, configurations);
  return {
    identity,
    members,
    alone: identity === null ? members.length <= 1 : members.length === 1 && members[0] === identity.node,
    hardState,
    snapshot,
    stored,
    damages: found.map((one) => withEntries(one, table, log)),
    files: sizes.length + (identity === null ? 0 : 1) + (hardState === null ? 0 : 1),
    bytes: total,
    records: table,
    paths: segments.map(({ path }) => path),
    segments,
    ends,
    log,
  };
}

/** By the newest configuration, or as the cluster was founded; none: it joined others that are not known here yet. */
function knownMembers(
  identity: Identity | null,
  snapshot: SurveyedSnapshot | null,
  configurations: FoundConfigurations,
): readonly string[] {
  const newest = configurations.list.at(-1) ?? snapshot?.configuration ?? null;
  return newest !== null ? membersOf(newest.configuration) : (identity?.members ?? []);
}

async function orDamage<T>(
  read: () => Promise<T | null>,
  kind: 'identity' | 'votes',
  found: FoundDamage[],
): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof NewerFormatError) found.push(damageAt(error.file, 0, 0, 'newer', error.message));
    else if (error instanceof CorruptionError) found.push(damageAt(error.file, error.offset, 0, kind, error.detail));
    else throw error;
    return null;
  }
}

async function newestSnapshot(disk: ReadableDisk): Promise<string | null> {
  const names = (await disk.list(snapshotDirectory)).filter((name) => /^\d{16}-\d+\.snap$/.test(name)).sort();
  const newest = names.at(-1);
  return newest === undefined ? null : `${snapshotDirectory}/${newest}`;
}

async function sizesOf(disk: ReadableDisk, paths: readonly string[]): Promise<number[]> {
  const sizes: number[] = [];
  for (const path of paths) {
    const file = await disk.open(path, 'read');
    sizes.push(await file.size());
    await file.close();
  }
  return sizes;
}

async function surveySnapshot(disk: ReadableDisk, path: string, found: FoundDamage[]): Promise<SurveyedSnapshot> {
  const named = /(\d{16})-(\d+)\.snap$/.exec(path)!;
  const [index, term] = [Number(named[1]), Number(named[2])];
  const file = await disk.open(path, 'read');
  try {
    const scan = await scanSnapshot(file, path, () => {});
    if ('detail' in scan) {
      found.push(damageAt(path, scan.offset, 0, 'snapshot', scan.detail));
    } else if (scan.index !== index || scan.term !== term) {
      found.push(
        damageAt(path, 0, 0, 'snapshot', `by its header it is that of entry ${scan.index}, term ${scan.term}`),
      );
    } else return { path, index, term, intact: true, configuration: scan.configuration };
  } catch (error) {
    if (!(error instanceof NewerFormatError)) throw error;
    found.push(damageAt(path, 0, 0, 'newer', error.message));
  } finally {
    await file.close();
  }
  return { path, index, term, intact: false, configuration: null };
}

/** Entries that no damage explains: a file is gone. */
function reportHoles(
  log: LogRows,
  snapshot: SurveyedSnapshot | null,
  segments: readonly SegmentFile[],
  found: FoundDamage[],
): void {
  const explained = found.some(({ damage }) => damage.kind === 'record' || damage.kind === 'segment');
  const first = segments[0]?.path ?? 'journal';
  if (segments.length === 0 && snapshot !== null) {
    found.push(damageAt('journal', 0, 0, 'missing', 'all its segments are missing'));
  }
  if (explained) return;
  for (const { from, to } of log.holes()) {
    const { damage } = damageAt(first, 0, 0, 'missing', `entries ${from} to ${to} are in no file`);
    found.push({ damage: { ...damage, entries: { from, to } }, row: null, single: false });
  }
}

/**
 * Entries are replaced from behind a damaged record on: the first of those that replace them may have been that record, and then what had its
 * index before must not come back.
 */
function voidings(found: readonly FoundDamage[], table: RecordTable): ReadonlyMap<number, number> {
  const voided = new Map<number, number>();
  for (const { damage, row, single } of found) {
    if (row === null || damage.kind !== 'record' || row === 0 || row >= table.count) continue;
    if (table.index(row) > table.index(row - 1)) continue;
    const records = single ? 1 : Math.max(1, Math.floor(damage.bytes / recordHeaderBytes));
    voided.set(row, Math.max(1, (voided.get(row) ?? table.index(row)) - records));
  }
  return voided;
}

/** Which entries it held, as far as the intact ones around it tell. */
function withEntries({ damage, row, single }: FoundDamage, table: RecordTable, log: LogRows): Damage {
  if (row === null || damage.kind !== 'record' || row === 0) return damage;
  const from = table.index(row - 1) + 1;
  if (row === table.count) return single ? { ...damage, entries: { from, to: from } } : damage;
  const to = table.index(row) - 1;
  if (from <= to) return { ...damage, entries: { from, to } };
  const lost = to >= log.firstIndex && log.row(to) === null;
  return lost ? { ...damage, entries: { from: to, to } } : damage;
}

/** The state in the newest snapshot, chunk by chunk. It was found intact. */
export async function readSnapshotChunks(
  disk: ReadableDisk,
  { path }: SurveyedSnapshot,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  const file = await disk.open(path, 'read');
  try {
    const scan = await scanSnapshot(file, path, onChunk);
    if ('detail' in scan) throw new CorruptionError(path, scan.offset, scan.detail);
  } finally {
    await file.close();
  }
}
