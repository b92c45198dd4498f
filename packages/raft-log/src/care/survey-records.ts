import type { Buffer } from 'node:buffer';
import { decodeRecordOf } from '../driver/storage/record.ts';
import { recordsDirectory } from '../driver/storage/records/open-records.ts';
import { scanStoreRecords } from '../driver/storage/records/scan-records.ts';
import { decodeSidecar, sidecarEnding } from '../driver/storage/records/sidecar-format.ts';
import { SlotTableBuilder } from '../driver/storage/records/slot-table.ts';
import type { SlotTable } from '../driver/storage/records/slot-table.ts';
import { parseStoreName, readStoreTable, storeHeaderBytes } from '../driver/storage/records/store-format.ts';
import { scanSegment } from '../driver/storage/scan-segment.ts';
import { segmentSequence } from '../driver/storage/segment-format.ts';
import { scanDamaged } from './scan-damaged.ts';
import { damageAt } from './survey-journal.ts';
import type { FoundDamage } from './survey-journal.ts';
import type { ReadableDisk } from './types.ts';
import { wholeFile } from './whole-file.ts';

/** A file of the record store. */
export interface StoredFile {
  readonly path: string;
  /** Its intact records alone. */
  readonly table: SlotTable;
  /** Something in it is damaged. */
  readonly damaged: boolean;
}

/** Names of the files below the log, in no order. */
export async function listRecordFiles(disk: ReadableDisk): Promise<readonly string[]> {
  const names = await disk.list(recordsDirectory);
  return names
    .filter((name) => segmentSequence(name) !== null || parseStoreName(name) !== null)
    .map((name) => `${recordsDirectory}/${name}`);
}

/** Looks at every byte of a file of the record store, and of the table beside it. @throws NewerFormatError, DiskError */
export async function surveyRecordFile(disk: ReadableDisk, path: string, found: FoundDamage[]): Promise<StoredFile> {
  const before = found.length;
  const bytes = await wholeFile(disk, path);
  const sequence = segmentSequence(path.slice(recordsDirectory.length + 1));
  const table = sequence === null ? await storeTable(path, bytes, found) : await sidecar(disk, path, sequence, found);
  const intact = new SlotTableBuilder();
  if (table !== null) checkSlots(path, bytes, table, intact, found);
  else if (sequence === null) scanStore(path, bytes, intact, found);
  else scanRetired(path, bytes, sequence, intact, found);
  if (sequence !== null && table !== null && found.length === before) checkFrames(path, bytes, sequence, found);
  return { path, table: intact.build(bytes.length), damaged: found.length > before };
}

async function sidecar(
  disk: ReadableDisk,
  path: string,
  sequence: number,
  found: FoundDamage[],
): Promise<SlotTable | null> {
  const name = `${path}${sidecarEnding}`;
  // Its absence is what a crash may leave.
  if (!(await disk.list(recordsDirectory)).includes(name.slice(recordsDirectory.length + 1))) return null;
  const table = decodeSidecar(name, await wholeFile(disk, name), sequence);
  if (table === null) found.push(damageAt(name, 0, 0, 'index', 'its checksum does not match'));
  return table;
}

async function storeTable(path: string, bytes: Buffer, found: FoundDamage[]): Promise<SlotTable | null> {
  const readAt = (position: number, length: number): Promise<Buffer> =>
    Promise.resolve(bytes.subarray(position, position + length));
  const { headerIntact, table, trailerAt } = await readStoreTable(path, bytes.length, readAt);
  if (!headerIntact) found.push(damageAt(path, 0, storeHeaderBytes, 'index', 'the header is damaged'));
  if (table === null)
    found.push(damageAt(path, trailerAt, 0, 'index', 'the table of where its records stand is damaged'));
  return table;
}

/** Each record stands where the table says. */
function checkSlots(
  path: string,
  bytes: Buffer,
  table: SlotTable,
  intact: SlotTableBuilder,
  found: FoundDamage[],
): void {
  for (let slot = 0; slot < table.count; slot++) {
    const position = table.positionOf(slot);
    const [from, to] = [table.offsets[slot]!, table.offsets[slot + 1]!];
    const entry = decodeRecordOf(position, bytes, from, Math.min(to, bytes.length));
    if (typeof entry !== 'string') {
      intact.add(position, from);
      continue;
    }
    const { damage } = damageAt(path, from, to - from, 'record', entry);
    found.push({ damage: { ...damage, entries: { from: position, to: position } }, row: null, single: true });
  }
}

function scanStore(path: string, bytes: Buffer, intact: SlotTableBuilder, found: FoundDamage[]): void {
  const table = scanStoreRecords(bytes);
  for (let slot = 0; slot < table.count; slot++) intact.add(table.positionOf(slot), table.offsets[slot]!);
  const { last } = parseStoreName(path.slice(recordsDirectory.length + 1))!;
  if (table.count > 0 && table.last === last) return;
  const from = table.count === 0 ? storeHeaderBytes : table.offsets[table.count]!;
  found.push(
    damageAt(path, from, bytes.length - from, 'record', 'what stands behind can’t be found without the table'),
  );
}

/** Without a table: as a segment of the log. Its records follow one another without a gap. */
function scanRetired(
  path: string,
  bytes: Buffer,
  sequence: number,
  intact: SlotTableBuilder,
  found: FoundDamage[],
): void {
  let pending: FoundDamage[] = [];
  const place = (to: number): void => {
    const entries = intact.count > 0 && to > intact.last ? { from: intact.last + 1, to } : null;
    for (const { damage, ...rest } of pending) found.push({ ...rest, damage: { ...damage, entries } });
    pending = [];
  };
  scanDamaged(bytes, sequence, {
    entry: (entry, offset) => {
      if (intact.count > 0 && entry.index <= intact.last) return;
      place(entry.index - 1);
      intact.add(entry.index, offset);
    },
    damage: (from, to, what) => {
      const kind = what === 'frame' ? 'frame' : 'record';
      pending.push(damageAt(path, from, to - from, kind, 'the checksum of what stands here does not match'));
    },
  });
  place(0);
}

/** The records are intact; what stands around them may not be. */
function checkFrames(path: string, bytes: Buffer, sequence: number, found: FoundDamage[]): void {
  const { damage } = scanSegment(bytes, sequence, true, () => null);
  if (damage !== null) found.push(damageAt(path, damage.offset, 0, 'frame', damage.detail));
}
