import { assert } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import { readWhole, temporaryEnding } from '../driver/storage/files.ts';
import { decodeRecord } from '../driver/storage/record.ts';
import { recordsDirectory } from '../driver/storage/records/open-records.ts';
import { sidecarEnding } from '../driver/storage/records/sidecar-format.ts';
import { parseStoreName, storeName } from '../driver/storage/records/store-format.ts';
import { StoreWriter } from '../driver/storage/records/store-writer.ts';
import type { Survey } from './survey.ts';
import type { StoredFile } from './survey-records.ts';

/**
 * Puts store files with the intact records of the damaged files of the record store in their place. A crash leaves the old file, the new one, or both.
 * @param keep is called before a file is removed.
 */
export async function rewriteRecords(
  disk: Disk,
  { stored }: Survey,
  keep: (path: string) => Promise<void>,
): Promise<void> {
  let serial = stored.reduce((most, { path }) => Math.max(most, serialOf(path)), 0);
  for (const file of stored.filter(({ damaged }) => damaged)) {
    await writeIntact(disk, file, ++serial);
    const sidecar = `${file.path}${sidecarEnding}`;
    const names = await disk.list(recordsDirectory);
    for (const path of [file.path, sidecar]) {
      if (!names.includes(path.slice(recordsDirectory.length + 1))) continue;
      await keep(path);
      await disk.remove(path);
    }
    await disk.syncDirectory(recordsDirectory);
  }
}

function serialOf(path: string): number {
  return parseStoreName(path.slice(recordsDirectory.length + 1))?.serial ?? 0;
}

async function writeIntact(disk: Disk, { path, table }: StoredFile, serial: number): Promise<void> {
  if (table.count === 0) return;
  const source = await disk.open(path, 'read');
  const bytes = await readWhole(source);
  await source.close();
  const temporary = `${recordsDirectory}/${serial}.store${temporaryEnding}`;
  const writer = await StoreWriter.create(disk, temporary);
  for (let slot = 0; slot < table.count; slot++) {
    const entry = decodeRecord(bytes, table.offsets[slot]!, bytes.length);
    assert(typeof entry !== 'string', 'a record that was intact is so still: nobody else uses the directory');
    if (writer.full) await writer.flush();
    writer.add(entry.index, entry.record);
  }
  await writer.finish();
  await disk.rename(temporary, `${recordsDirectory}/${storeName({ first: table.first, last: table.last, serial })}`);
  await disk.syncDirectory(recordsDirectory);
}
