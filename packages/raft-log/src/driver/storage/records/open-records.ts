import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile, Log } from '@lockstep/kernel';
import { createAtomically, readWhole, removeTemporaries } from '../files.ts';
import { segmentSequence } from '../segment-format.ts';
import { nextSourceId } from './byte-source.ts';
import type { FilePool } from './file-pool.ts';
import { RecordFile } from './record-file.ts';
import { scanSegmentRecords, scanStoreRecords } from './scan-records.ts';
import { decodeSidecar, encodeSidecar, sidecarEnding } from './sidecar-format.ts';
import type { SlotTable } from './slot-table.ts';
import { parseStoreName, readStoreTable } from './store-format.ts';

export const recordsDirectory = 'records';

/**
 * The files of the record store as a start finds them, their records unread. A table that is missing or damaged is made anew from the
 * records that can still be read; what can't is not listed.
 * @throws NewerFormatError, DiskError
 */
export async function openRecordFiles(disk: Disk, log: Log, pool: FilePool): Promise<RecordFile[]> {
  await removeTemporaries(disk, recordsDirectory);
  const names = new Set(await disk.list(recordsDirectory));
  const files: RecordFile[] = [];
  for (const name of [...names].sort()) {
    const path = `${recordsDirectory}/${name}`;
    const sequence = segmentSequence(name);
    const isStore = parseStoreName(name) !== null;
    if (sequence !== null || isStore) {
      const hasSidecar = names.has(`${name}${sidecarEnding}`);
      const open = (): Promise<RecordFile> =>
        sequence === null ? openStore(disk, log, pool, path) : openRetired(disk, log, pool, path, sequence, hasSidecar);
      const file = await readable(log, path, open);
      if (file !== null) files.push(file);
    } else if (!name.endsWith(sidecarEnding)) log.warn('a file in the records directory is not part of them', { path });
    else if (!names.has(name.slice(0, -sidecarEnding.length))) await disk.remove(path);
  }
  return files;
}

/** Null: nothing in it can be read, which is no reason not to start. */
async function readable(log: Log, path: string, open: () => Promise<RecordFile>): Promise<RecordFile | null> {
  let detail = 'no record in it is intact';
  try {
    const file = await open();
    if (file.count > 0) return file;
  } catch (error) {
    if (!(error instanceof DiskError && error.code === 'EIO')) throw error;
    detail = 'the disk can not read it';
  }
  log.error(`${path} is damaged: ${detail}. What lives of it comes from the other members, if there are any`);
  return null;
}

async function openRetired(
  disk: Disk,
  log: Log,
  pool: FilePool,
  path: string,
  sequence: number,
  hasSidecar: boolean,
): Promise<RecordFile> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = await file.size();
    const found = hasSidecar ? await readSidecar(disk, path, sequence) : null;
    const table = found ?? (await makeSidecar(disk, log, file, path, sequence));
    return new RecordFile(nextSourceId(), path, 'segment', table, bytes, pool);
  } finally {
    await file.close();
  }
}

/** One that can't be read is as good as missing: the records are in another file. */
async function readSidecar(disk: Disk, path: string, sequence: number): Promise<SlotTable | null> {
  const name = `${path}${sidecarEnding}`;
  const file = await disk.open(name, 'read');
  try {
    return decodeSidecar(name, await readWhole(file), sequence);
  } catch (error) {
    if (error instanceof DiskError && error.code === 'EIO') return null;
    throw error;
  } finally {
    await file.close();
  }
}

async function makeSidecar(disk: Disk, log: Log, file: DiskFile, path: string, sequence: number): Promise<SlotTable> {
  const table = scanSegmentRecords(await readWhole(file), sequence);
  log.warn('the table of a retired segment was missing or damaged and has been made anew', {
    path,
    records: table.count,
  });
  // With gaps it would not be a retired segment's: those records are missing, and the next start must see that too.
  if (table.deltas === null && table.count > 0) {
    await createAtomically(disk, `${path}${sidecarEnding}`, [encodeSidecar(sequence, table)]);
  }
  return table;
}

async function openStore(disk: Disk, log: Log, pool: FilePool, path: string): Promise<RecordFile> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = await file.size();
    const found = await readStoreTable(path, bytes, (position, length) => readAt(file, position, length));
    let { table } = found;
    if (table === null || !found.headerIntact) {
      table = scanStoreRecords(await readWhole(file));
      log.warn('the table of a store file is damaged: its records have been looked for', {
        path,
        records: table.count,
      });
    }
    return new RecordFile(nextSourceId(), path, 'store', table, bytes, pool);
  } finally {
    await file.close();
  }
}

async function readAt(file: DiskFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, await file.read(bytes, position));
}
