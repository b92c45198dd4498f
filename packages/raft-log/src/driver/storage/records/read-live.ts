import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import { giveBackLargeMemory, takeLargeMemory } from '../../large-memory.ts';
import type { LivePositions } from '../../live-set.ts';
import type { LiveRead } from '../../storage-types.ts';
import { cutRun } from './cut-run.ts';
import type { Piece, Run } from './cut-run.ts';
import type { RecordSpan } from './byte-source.ts';
import type { RecordReader } from './record-reader.ts';

export interface LiveRange {
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
}

/** Bounds what is asked for at once, whatever the sizes. */
const positionsMax = 16_384;
/** What lies between two wanted records is read along with them if it is no more than this: that is less work than another read. */
const gapBytesMax = 64 * 1024;
/** With what is read along. */
const readBytesMax = 4 * 1024 * 1024;

interface Plan {
  readonly runs: readonly Run[];
  /** Of which no place on the disk is known. */
  readonly elsewhere: readonly number[];
  readonly next: number | null;
}

/**
 * The records of the live positions in a range, ascending, one behind the other. They are checked where they were read, without an object for
 * each; only what can't be had in that way is looked for record by record. The answer's bytes are the caller's, who may give them back (`giveBackLargeMemory`).
 */
export async function readLive(reader: RecordReader, live: LivePositions, range: LiveRange): Promise<LiveRead> {
  const { runs, elsewhere, next } = planOf(reader, live, range);
  // All reads begin before anything changes.
  const read = await Promise.all(runs.map(readRun));
  const doubtful = [...elsewhere];
  const pieces: Piece[] = [];
  for (const [i, run] of runs.entries()) cutRun(run, read[i]!, pieces, doubtful);
  const missing: number[] = [];
  const found = doubtful.length === 0 ? [] : await reader.read(doubtful, false);
  for (const [i, record] of found.entries()) {
    if (record !== 'missing' && 'record' in record) pieces.push({ first: record.index, bytes: record.record });
    else missing.push(doubtful[i]!);
  }
  missing.sort((one, other) => one - other);
  const bytes = joined(pieces);
  if (pieces.length !== 1) for (const memory of read) giveBackLargeMemory(memory);
  return { bytes, next: next === null || next > range.to ? range.to + 1 : next, missing };
}

function planOf(reader: RecordReader, live: LivePositions, { from, to, bytesMax }: LiveRange): Plan {
  const runs: Run[] = [];
  const elsewhere: number[] = [];
  let run: Run | null = null;
  let [count, bytes, readBytes] = [0, 0, 0];
  let next = live.next(from);
  for (; next !== null && next <= to && count < positionsMax; next = live.next(next + 1)) {
    const span = reader.settled(next);
    if (span === null) {
      elsewhere.push(next);
      count += 1;
      continue;
    }
    const { source, offset, limit }: RecordSpan = span;
    const gap: number = run !== null && run.source === source ? offset - run.end : -1;
    const near = gap >= 0 && gap <= gapBytesMax;
    bytes += limit - offset;
    readBytes += limit - offset + (near ? gap : 0);
    if (count > 0 && (bytes > bytesMax || readBytes > readBytesMax)) break;
    if (run === null || !near) {
      run = { source, offset, end: limit, positions: [], spans: [] };
      runs.push(run);
    }
    run.end = limit;
    run.positions.push(next);
    run.spans.push(span);
    count += 1;
  }
  return { runs, elsewhere, next };
}

/** What can't be read is as good as cut off. */
async function readRun({ source, offset, end }: Run): Promise<Buffer> {
  const memory = takeLargeMemory(end - offset);
  try {
    return memory.subarray(0, await source.read(memory, offset));
  } catch (error) {
    if (error instanceof DiskError) return memory.subarray(0, 0);
    throw error;
  }
}

function joined(pieces: Piece[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!.bytes;
  return Buffer.concat(pieces.sort((one, other) => one.first - other.first).map(({ bytes }) => bytes));
}
