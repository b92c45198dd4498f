import { Buffer } from 'node:buffer';
import { DiskError } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import type { Entry } from '../../node/index.ts';
import type { LivePositions } from '../live-set.ts';
import { CorruptionError } from '../storage-types.ts';
import { createAtomically } from './files.ts';
import type { LogIndex } from './log-index.ts';
import { decodeRecordOf } from './record.ts';
import type { RecordStore } from './records/record-store.ts';
import {
  encodeSegmentHeader,
  segmentHeaderBytes,
  segmentName,
  writeExtent,
  writeHeaderBytes,
} from './segment-format.ts';
import type { SegmentHeader } from './segment-format.ts';
import { Segment } from './segment.ts';
import type { RecordPlace } from './segment.ts';
import { WriteAssembler } from './write-assembler.ts';

export const journalDirectory = 'journal';

/** Live records that no intact copy is left of hold a segment in the log. */
export interface RetiringStop {
  readonly path: string;
  readonly damaged: readonly number[];
}

/**
 * The segment files, the last of which is written to. One call at a time of those that change something; `read` any time.
 * After a rejection the journal must not be used any more.
 */
export class Journal {
  readonly #disk: Disk;
  readonly #segmentBytes: number;
  /** What has been written, whether it is on disk yet or not. */
  readonly index: LogIndex;
  readonly #assembler = new WriteAssembler();
  #closed = false;

  constructor(disk: Disk, segmentBytes: number, index: LogIndex) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.index = index;
  }

  /**
   * Writes entries in this order; one whose index is not beyond the last replaces that one and all behind it. Not on disk before
   * `sync`. One write if they fit into the segment, else one for each segment.
   */
  async append(entries: readonly Entry[]): Promise<void> {
    for (let from = 0; from < entries.length;) {
      let segment = this.index.active;
      let byteCount = entries[from]!.record.length;
      // An entry that is larger than a segment gets one of its own.
      if (segment.end > segmentHeaderBytes && !this.#fits(segment, byteCount)) {
        segment = await this.#beginSegment(entries[from]!.index - 1);
      }
      let to = from + 1;
      while (to < entries.length && this.#fits(segment, byteCount + entries[to]!.record.length)) {
        byteCount += entries[to]!.record.length;
        to++;
      }
      await this.#writeInto(segment, entries, from, to, byteCount);
      from = to;
    }
  }

  #fits(segment: Segment, byteCount: number): boolean {
    return segment.end + writeExtent(byteCount) <= this.#segmentBytes;
  }

  async #writeInto(
    segment: Segment,
    entries: readonly Entry[],
    from: number,
    to: number,
    byteCount: number,
  ): Promise<void> {
    const pieces = this.#assembler.assemble(entries, from, to, byteCount, {
      sequence: segment.sequence,
      offset: segment.end,
      syncedTo: segment.syncedTo,
    });
    await segment.file.write(pieces, segment.end);
    let offset = segment.end + writeHeaderBytes;
    segment.end += writeExtent(byteCount);
    for (let i = from; i < to; i++) {
      const entry = entries[i]!;
      this.index.push(entry.index, entry.term, offset, entry.record.length);
      offset += entry.record.length;
    }
  }

  /** Everything written is on disk when this resolves. */
  async sync(): Promise<void> {
    const segment = this.index.active;
    if (segment.syncedTo === segment.end) return;
    const end = segment.end;
    await segment.file.sync();
    segment.syncedTo = end;
  }

  /** Bytes were written that are not known to be on disk. */
  get unsynced(): boolean {
    const segment = this.index.active;
    return segment.syncedTo < segment.end;
  }

  async #beginSegment(previousIndex: number): Promise<Segment> {
    // What has a successor is on disk: recovery counts on it.
    await this.sync();
    const previousTerm = this.index.termAt(previousIndex) ?? 0;
    const { sequence, end } = this.index.active;
    const header = { sequence: sequence + 1, reset: false, previousIndex, previousTerm, previousBytes: end };
    const segment = await createSegment(this.#disk, header);
    this.index.segments.push(segment);
    return segment;
  }

  /** The journal is empty and goes on behind this entry. A crash leaves the old journal or the new one. */
  async resetAt(previousIndex: number, previousTerm: number): Promise<void> {
    const header = {
      sequence: this.index.active.sequence + 1,
      reset: true,
      previousIndex,
      previousTerm,
      previousBytes: 0,
    };
    const segment = await createSegment(this.#disk, header);
    const old = this.index.segments.splice(0);
    this.index.segments.push(segment);
    this.index.begin(previousIndex, previousTerm);
    await this.#remove(old);
  }

  /**
   * Lets go of whole segments, oldest first, that hold nothing above `index`, down to a tail of `retainBytes`: those with live records
   * go over to the record store, the others are removed. One at a time, each durably, so that a crash leaves no gap in the sequence.
   * Not null: it stopped in front of a segment that it would have had to copy, and that is damaged.
   */
  async retireThrough(
    index: number,
    retainBytes: number,
    live: LivePositions,
    records: RecordStore,
  ): Promise<RetiringStop | null> {
    for (const segment of this.index.needless(index, retainBytes)) {
      if (this.#closed) return null;
      const { count, firstIndex } = segment;
      const isLive = count > 0 && live.countBetween(firstIndex, firstIndex + count - 1) > 0;
      if (isLive && !segment.replaced) {
        const entered = (): void => this.index.removeOldest(segment);
        await records.takeSegment(segment.id, segment.path, segment.table(), segment.end, entered);
        await segment.close();
        continue;
      }
      if (isLive) {
        // Not as it is: should its table be lost, nobody could tell what in it was replaced.
        const source = { source: segment, table: segment.table() };
        const { damaged } = await records.copy([source], (position) => live.has(position));
        if (damaged.length > 0) return { path: segment.path, damaged };
      }
      this.index.removeOldest(segment);
      await this.#remove([segment]);
    }
    return null;
  }

  async #remove(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      await segment.close();
      await this.#disk.remove(segment.path);
    }
    if (segments.length > 0) await this.#disk.syncDirectory(journalDirectory);
  }

  /**
   * Entries from `from` on, up to `to`, as many as one read of about `bytesMax` brings in, and no farther than the first that is damaged; at least one, but empty
   * when `from` is not there.
   * @throws CorruptionError when the first is no longer what was written.
   */
  async read(from: number, to: number, bytesMax: number): Promise<Entry[]> {
    const start = this.index.locate(from);
    if (start === null) return [];
    const { segment, place } = start;
    const places = [place];
    let end = place.offset + place.length;
    for (let index = from + 1; index <= to; index++) {
      const next = segment.place(index);
      if (next === null || next.offset + next.length - place.offset > bytesMax) break;
      places.push(next);
      end = next.offset + next.length;
    }
    const bytes = await readPart(segment, place.offset, end - place.offset);
    const entries: Entry[] = [];
    for (const [i, { offset }] of places.entries()) {
      const entry = bytes === null ? null : decodeRecordOf(from + i, bytes, offset - place.offset, bytes.length);
      if (entry === null || typeof entry === 'string') break;
      entries.push(entry);
    }
    return entries.length > 0 ? entries : [await this.#readAlone(segment, place, from)];
  }

  /** A sector that can't be read takes its neighbours with it, but not when they are asked for by themselves. */
  async #readAlone(segment: Segment, { offset, length }: RecordPlace, index: number): Promise<Entry> {
    const bytes = await readPart(segment, offset, length);
    const entry = bytes === null ? 'the disk can not read it' : decodeRecordOf(index, bytes, 0, bytes.length);
    if (typeof entry === 'string') throw new CorruptionError(segment.path, offset, entry);
    return entry;
  }

  /** Leaves word, at a clean end, that all of the journal is on disk: damage will never be taken for a torn write. */
  async close(): Promise<void> {
    this.#closed = true;
    const segment = this.index.active;
    await this.sync();
    if (segment.end > segmentHeaderBytes) {
      await this.#writeInto(segment, [], 0, 0, 0);
      await this.sync();
    }
    for (const segment of this.index.segments) await segment.close();
  }
}

/** Null: the disk can't read it. */
async function readPart(segment: Segment, offset: number, length: number): Promise<Buffer | null> {
  const bytes = Buffer.allocUnsafeSlow(length);
  try {
    return bytes.subarray(0, await segment.read(bytes, offset));
  } catch (error) {
    if (error instanceof DiskError && error.code === 'EIO') return null;
    throw error;
  }
}

/** The file has its name only when its header is on disk. */
export async function createSegment(disk: Disk, header: SegmentHeader): Promise<Segment> {
  const path = `${journalDirectory}/${segmentName(header)}`;
  await createAtomically(disk, path, [encodeSegmentHeader(header)]);
  return new Segment(path, header.sequence, await disk.open(path, 'update'), segmentHeaderBytes);
}
