import { Buffer } from 'node:buffer';
import type { Disk, DiskFile } from '@lockstep/kernel';

/** A file under this ending is not finished; what a crash left of it is removed at the next start. */
export const temporaryEnding = '.tmp';

/** All that the file holds. */
export async function readWhole(file: DiskFile): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(await file.size());
  const length = await file.read(bytes, 0);
  return bytes.subarray(0, length);
}

/**
 * Makes a file appear at `path` with these bytes, or not at all, whatever happens meanwhile; replaces one that is there.
 */
export async function createAtomically(disk: Disk, path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const temporary = `${path}${temporaryEnding}`;
  await disk.remove(temporary);
  const file = await disk.open(temporary, 'create');
  await file.write(chunks, 0);
  await file.sync();
  await file.close();
  await disk.rename(temporary, path);
  await disk.syncDirectory(directoryOf(path));
}

/** `.` is the data directory itself. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash);
}

export async function removeTemporaries(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name.endsWith(temporaryEnding)) await disk.remove(directory === '.' ? name : `${directory}/${name}`);
  }
}
