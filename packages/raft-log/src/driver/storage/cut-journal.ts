import type { Disk } from '@lockstep/kernel';
import type { CorruptionError } from '../storage-types.ts';
import { journalDirectory } from './journal.ts';

/** Where a journal is damaged, and so ends. */
export interface JournalCut {
  readonly damage: CorruptionError;
  readonly path: string;
  /** The damaged segment is good up to here; null: nothing in it is. */
  readonly end: number | null;
  /** The segments behind it, oldest first. */
  readonly behind: readonly string[];
}

/** Durable when it resolves. A crash before leaves the damage, or a part of what lies behind it: the next start cuts there again. */
export async function cutJournal(disk: Disk, { path, end, behind }: JournalCut): Promise<void> {
  for (const later of behind) await disk.remove(later);
  if (end === null) await disk.remove(path);
  await disk.syncDirectory(journalDirectory);
  if (end === null) return;
  const file = await disk.open(path, 'update');
  await file.truncate(end);
  await file.sync();
  await file.close();
}
