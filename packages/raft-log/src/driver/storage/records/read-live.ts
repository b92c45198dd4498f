import type { LivePositions } from '../../live-set.ts';
import type { LiveRead } from '../../storage-types.ts';
import type { RecordReader } from './record-reader.ts';

export interface LiveRange {
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
}

/** Bounds what is asked for at once, whatever the sizes. */
const positionsMax = 16_384;

/** The records of the live positions in a range, ascending, one behind the other. */
export async function readLive(reader: RecordReader, live: LivePositions, range: LiveRange): Promise<LiveRead> {
  const positions: number[] = [];
  let bytes = 0;
  let next = live.next(range.from);
  for (; next !== null && next <= range.to && positions.length < positionsMax; next = live.next(next + 1)) {
    const span = reader.locate(next);
    bytes += span === null ? 0 : span.limit - span.offset;
    if (bytes > range.bytesMax && positions.length > 0) break;
    positions.push(next);
  }
  const records = await reader.read(positions, false);
  const missing: number[] = [];
  const found: Uint8Array[] = [];
  for (const [i, read] of records.entries()) {
    if (read !== 'missing' && 'record' in read) found.push(read.record);
    else missing.push(positions[i]!);
  }
  return { bytes: concat(found), next: next === null || next > range.to ? range.to + 1 : next, missing };
}

function concat(records: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const record of records) {
    joined.set(record, at);
    at += record.length;
  }
  return joined;
}
