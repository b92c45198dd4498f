import { Buffer } from 'node:buffer';
import { CorruptionError } from '../driver/storage-types.ts';
import { readWhole } from '../driver/storage/files.ts';
import { journalDirectory } from '../driver/storage/journal.ts';
import { scanSegment } from '../driver/storage/scan-segment.ts';
import {
  decodeSegmentHeader,
  segmentHeaderBytes,
  segmentName,
  segmentSequence,
} from '../driver/storage/segment-format.ts';
import type { FoundConfigurations } from '../driver/storage/found-configurations.ts';
import type { SegmentHeader } from '../driver/storage/segment-format.ts';
import type { Entry } from '../node/index.ts';
import type { RecordTable } from './record-table.ts';
import { scanDamaged } from './scan-damaged.ts';
import type { Damage, DamageKind, ReadableDisk } from './types.ts';

/** A damage on its way: which entries it held is known when all records have been found. */
export interface FoundDamage {
  readonly damage: Damage;
  /** The first row behind it, if it stands among records; else null. */
  readonly row: number | null;
  /** It is the size of just one record. */
  readonly single: boolean;
}

export interface SegmentFile {
  readonly path: string;
  readonly sequence: number;
  /** The log's last entry before it, by its name. */
  readonly previousIndex: number;
  /** Null: it is damaged. */
  readonly header: SegmentHeader | null;
}

/** The journal's segments by sequence, as far as their names tell. @throws NewerFormatError */
export async function listSegments(disk: ReadableDisk, found: FoundDamage[]): Promise<SegmentFile[]> {
  const files: SegmentFile[] = [];
  for (const name of await disk.list(journalDirectory)) {
    const sequence = segmentSequence(name);
    if (sequence === null) continue;
    const path = `${journalDirectory}/${name}`;
    const previousIndex = Number(name.slice(0, name.indexOf('-'))) - 1;
    files.push({ path, sequence, previousIndex, header: await headerOf(disk, path, name, found) });
  }
  return files.sort((a, b) => a.sequence - b.sequence);
}

async function headerOf(
  disk: ReadableDisk,
  path: string,
  name: string,
  found: FoundDamage[],
): Promise<SegmentHeader | null> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(segmentHeaderBytes);
    const header = decodeSegmentHeader(path, bytes.subarray(0, await file.read(bytes, 0)));
    if (segmentName(header) === name) return header;
    found.push(damageAt(path, 0, segmentHeaderBytes, 'segment', `by its header it is ${segmentName(header)}`));
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    found.push(damageAt(path, 0, segmentHeaderBytes, 'segment', error.detail));
  } finally {
    await file.close();
  }
  return null;
}

export function damageAt(
  file: string,
  offset: number,
  bytes: number,
  kind: DamageKind,
  detail: string,
  row: number | null = null,
): FoundDamage {
  return { damage: { file, offset, bytes, kind, detail, entries: null }, row, single: false };
}

/**
 * Looks at every byte of a segment. Its intact records go into the table, in the order in which they were written.
 * @param next the one behind it; null: it is the one that was written to.
 * @returns `end`: where its last write ends, as far as can be told.
 */
export async function surveySegment(
  disk: ReadableDisk,
  { path, sequence, header }: SegmentFile,
  next: SegmentFile | null,
  fileNumber: number,
  into: { readonly table: RecordTable; readonly configurations: FoundConfigurations },
  found: FoundDamage[],
): Promise<{ readonly size: number; readonly end: number }> {
  const file = await disk.open(path, 'read');
  const bytes = await readWhole(file);
  await file.close();
  const { table, configurations } = into;
  const firstRow = table.count;
  const push = (entry: Entry, offset: number): void => {
    table.push(entry.index, entry.term, fileNumber, offset, entry.record.length);
    configurations.take(entry);
  };
  const scan = scanSegment(bytes, sequence, next !== null, (entries, offset) => {
    let at = offset;
    for (const entry of entries) {
      push(entry, at);
      at += entry.record.length;
    }
    return null;
  });
  if (scan.damage !== null) {
    table.truncate(firstRow);
    scanDamaged(bytes, sequence, {
      entry: push,
      damage: (from, to, what) => {
        const frame = what === 'frame';
        const detail = frame ? 'bytes between records are damaged' : 'the checksum of what stands here does not match';
        const { damage, row } = damageAt(path, from, to - from, frame ? 'frame' : 'record', detail, table.count);
        found.push({ damage, row, single: what === 'record' });
      },
    });
    return { size: bytes.length, end: bytes.length };
  }
  if (scan.torn) {
    const detail = 'a write was cut short when the node or its machine died; nobody was told that it was on disk';
    found.push(damageAt(path, scan.end, bytes.length - scan.end, 'torn', detail));
  }
  const due = next?.header?.sequence === sequence + 1 && !next.header.reset ? next.header.previousBytes : 0;
  if (header !== null && due !== 0 && due !== scan.end) {
    const detail = `by the header of ${next!.path} it is ${due} bytes long, but its last write ends at ${scan.end}`;
    found.push(damageAt(path, Math.min(due, scan.end), Math.abs(due - scan.end), 'record', detail, table.count));
  }
  return { size: bytes.length, end: scan.end };
}
