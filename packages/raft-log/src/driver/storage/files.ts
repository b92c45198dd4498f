import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile } from '@lockstep/kernel';

/** A file under this ending is not finished; what a crash left of it is removed at the next start. */
export const temporaryEnding = '.tmp';

/** All that the file holds. */
export async function readWhole(file: DiskFile): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(await file.size());
  const length = await file.read(bytes, 0);
  return bytes.subarray(0, length);
}

const pieceBytes = 256 * 1024;
const sectorBytes = 4096;
/** No write is made of it, and it is not what a sector holds before it is written. */
const unreadable = 0xff;

/** As `readWhole`, but what the disk can't read is as good as overwritten. Rejects with `EIO` when not even the size is to be had. */
export async function readSalvaging(file: DiskFile): Promise<Buffer> {
  const size = await file.size();
  const bytes = Buffer.allocUnsafeSlow(size);
  if (await readInto(file, bytes, 0)) return bytes;
  for (let at = 0; at < size; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    if (await readInto(file, piece, at)) continue;
    for (let offset = 0; offset < piece.length; offset += sectorBytes) {
      const sector = piece.subarray(offset, offset + sectorBytes);
      if (!(await readInto(file, sector, at + offset))) sector.fill(unreadable);
    }
  }
  return bytes;
}

/** False: the disk can't read it. */
async function readInto(file: DiskFile, into: Uint8Array, position: number): Promise<boolean> {
  try {
    return (await file.read(into, position)) === into.length;
  } catch (error) {
    if (error instanceof DiskError && error.code === 'EIO') return false;
    throw error;
  }
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
