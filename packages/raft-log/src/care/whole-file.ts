import type { Buffer } from 'node:buffer';
import { readWhole } from '../driver/storage/files.ts';
import type { ReadableDisk } from './types.ts';

/** All bytes of a file. */
export async function wholeFile(disk: ReadableDisk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  try {
    return await readWhole(file);
  } finally {
    await file.close();
  }
}
