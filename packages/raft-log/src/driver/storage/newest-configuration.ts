import type { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import { CorruptionError } from '../storage-types.ts';
import { readWhole } from './files.ts';
import { FoundConfigurations } from './found-configurations.ts';
import { journalDirectory } from './journal.ts';
import { decodeRecord } from './record.ts';
import {
  decodeSegmentHeader,
  decodeWriteHeader,
  segmentHeaderBytes,
  segmentSequence,
  writeExtent,
  writeHeaderBytes,
} from './segment-format.ts';
import { newestSnapshotEnds } from './snapshot-store.ts';

/**
 * Who the members are by all that can still be read of log and snapshot, behind damage too: there may stand that the others have left, and
 * then nobody has what would be cut off. Changes nothing. Null: nothing says it.
 * @throws NewerFormatError, DiskError
 */
export async function newestConfiguration(disk: Disk): Promise<ConfigurationAt | null> {
  const found = new FoundConfigurations();
  const names = (await disk.list(journalDirectory)).filter((name) => segmentSequence(name) !== null);
  names.sort((one, other) => segmentSequence(one)! - segmentSequence(other)!);
  for (const name of names) await takeFrom(disk, `${journalDirectory}/${name}`, segmentSequence(name)!, found);
  const inLog = found.list.at(-1) ?? null;
  const inSnapshot = await configurationInSnapshot(disk);
  if (inLog === null || inSnapshot === null) return inLog ?? inSnapshot;
  return inSnapshot.index > inLog.index ? inSnapshot : inLog;
}

/** Null: none, or its file is damaged at an end. */
export async function configurationInSnapshot(disk: Disk): Promise<ConfigurationAt | null> {
  const ends = await newestSnapshotEnds(disk);
  return ends === null || ends instanceof CorruptionError ? null : ends.configuration;
}

async function takeFrom(disk: Disk, path: string, sequence: number, found: FoundConfigurations): Promise<void> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = await readWhole(file);
    if (beginsAnew(path, bytes)) found.clear();
    scan(bytes, sequence, found);
  } catch (error) {
    if (!(error instanceof DiskError && error.code === 'EIO')) throw error;
  } finally {
    await file.close();
  }
}

function beginsAnew(path: string, bytes: Buffer): boolean {
  try {
    return decodeSegmentHeader(path, bytes).reset;
  } catch (error) {
    if (error instanceof CorruptionError) return false;
    throw error;
  }
}

/** Behind damage it goes on with the next write whose header is intact. */
function scan(bytes: Buffer, sequence: number, found: FoundConfigurations): void {
  for (let offset = segmentHeaderBytes; offset + writeHeaderBytes <= bytes.length;) {
    const header = decodeWriteHeader(bytes, sequence, offset);
    if (header === null) {
      offset += writeHeaderBytes;
      continue;
    }
    const end = Math.min(offset + writeHeaderBytes + header.byteCount, bytes.length);
    for (let at = offset + writeHeaderBytes; at < end;) {
      const entry = decodeRecord(bytes, at, end);
      if (typeof entry === 'string') break;
      found.take(entry);
      at += entry.record.length;
    }
    offset += writeExtent(header.byteCount);
  }
}
