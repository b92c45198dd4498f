import type { Buffer } from 'node:buffer';
import { decodeRecord } from '../record.ts';
import { decodeWriteHeader, segmentHeaderBytes, writeExtent, writeHeaderBytes } from '../segment-format.ts';
import { SlotTableBuilder } from './slot-table.ts';
import type { SlotTable } from './slot-table.ts';
import { storeHeaderBytes } from './store-format.ts';

/** What a retired segment holds when its table is lost. Behind damage it goes on at the next write whose header is intact. */
export function scanSegmentRecords(bytes: Buffer, sequence: number): SlotTable {
  const slots = new SlotTableBuilder();
  let end = segmentHeaderBytes;
  for (let offset = segmentHeaderBytes; offset + writeHeaderBytes <= bytes.length;) {
    const header = decodeWriteHeader(bytes, sequence, offset);
    if (header === null) {
      offset += writeHeaderBytes;
      continue;
    }
    const recordsEnd = offset + writeHeaderBytes + header.byteCount;
    const found = scanRun(bytes, offset + writeHeaderBytes, Math.min(recordsEnd, bytes.length), slots);
    if (found > end) end = found;
    offset += writeExtent(header.byteCount);
  }
  return slots.build(end);
}

/** The same of a store file. Nothing behind damage is found again: a body may look like a record. */
export function scanStoreRecords(bytes: Buffer): SlotTable {
  const slots = new SlotTableBuilder();
  const end = scanRun(bytes, storeHeaderBytes, bytes.length, slots);
  return slots.build(end);
}

/** Takes in records that lie one behind the other; says where they end. */
function scanRun(bytes: Buffer, from: number, to: number, slots: SlotTableBuilder): number {
  let offset = from;
  while (offset < to) {
    const entry = decodeRecord(bytes, offset, to);
    if (typeof entry === 'string' || (slots.count > 0 && entry.index <= slots.last)) return offset;
    slots.add(entry.index, offset);
    offset += entry.record.length;
  }
  return offset;
}
