import { Buffer } from 'node:buffer';
import { assert } from '@lockstep/kernel';
import type { Disk } from '@lockstep/kernel';
import { createAtomically } from '../driver/storage/files.ts';
import { HardStateFile } from '../driver/storage/hard-state-file.ts';
import { makeEntry } from '../driver/storage/record.ts';
import { encodeSegmentHeader, segmentHeaderBytes, writeExtent } from '../driver/storage/segment-format.ts';
import { WriteAssembler } from '../driver/storage/write-assembler.ts';
import { entryKind } from '../node/index.ts';
import type { Entry } from '../node/index.ts';
import { RecordReader } from './record-reader.ts';
import type { Survey } from './survey.ts';
import type { SegmentFile } from './survey-journal.ts';

const writeBytesMax = 1024 * 1024;

/** Segments that hold damage, or one of these entries. */
function segmentsToRewrite(survey: Survey, givenUp: ReadonlySet<number>): readonly number[] {
  const { damages, records, paths, segments } = survey;
  const chosen = new Set<number>();
  for (const { file, kind } of damages) {
    const number = paths.indexOf(file);
    if (number >= 0 && kind !== 'torn') chosen.add(number);
  }
  for (let row = 0; row < records.count; row++) if (givenUp.has(records.index(row))) chosen.add(records.file(row));
  return [...chosen].filter((number) => number < segments.length).sort((a, b) => a - b);
}

/**
 * Writes segments anew, each as long as it was: what is lost of them, and what is given up, is the command `instead`, so that the log has no
 * hole. A crash leaves the old file or the new one of each. Only for a log that no other member holds.
 * @param instead of the least size that a command has.
 * @param keep is called before a file is replaced.
 */
export async function rewriteSegments(
  disk: Disk,
  survey: Survey,
  givenUp: ReadonlySet<number>,
  instead: Uint8Array,
  keep: (path: string) => Promise<void>,
): Promise<void> {
  const { segments } = survey;
  const ends = [...survey.ends];
  for (const number of segmentsToRewrite(survey, givenUp)) {
    const segment = segments[number]!;
    const entries = await entriesOf(disk, survey, number, givenUp, instead);
    const previousBytes = segments[number - 1]?.sequence === segment.sequence - 1 ? ends[number - 1]! : 0;
    const image = new SegmentImage(segment, previousBytes);
    image.add(entries);
    const next = segments[number + 1];
    if (next?.sequence === segment.sequence + 1 && next.header?.reset === false)
      image.fillTo(next.header.previousBytes);
    await keep(segment.path);
    await createAtomically(disk, segment.path, image.pieces);
    ends[number] = image.length;
  }
}

async function entriesOf(
  disk: Disk,
  survey: Survey,
  number: number,
  givenUp: ReadonlySet<number>,
  instead: Uint8Array,
): Promise<Entry[]> {
  const { records, segments, snapshot } = survey;
  const entries: Entry[] = [];
  const lost = (index: number, term: number): Entry => makeEntry(index, term, entryKind.command, instead);
  const reader = new RecordReader(disk, survey);
  let last = segments[number]!.previousIndex;
  let term = 0;
  const loseUpTo = (index: number): void => {
    for (last++; last <= index; last++) {
      // A log that differs from its snapshot there is void.
      if (last === snapshot?.index) ({ term } = snapshot);
      entries.push(lost(last, Math.max(1, term)));
    }
    last = index;
  };
  for (let row = 0; row < records.count && records.file(row) <= number; row++) {
    if (records.file(row) === number) {
      const index = records.index(row);
      if (term === 0) term = records.term(row);
      last = Math.min(last, (survey.log.voidedBefore(row) ?? Infinity) - 1);
      if (index > last + 1) loseUpTo(index - 1);
      entries.push(givenUp.has(index) ? lost(index, records.term(row)) : await reader.read(row));
      last = index;
    }
    term = records.term(row);
  }
  await reader.close();
  // Entries that the next segment goes on behind, and that are not here any more.
  const next = segments[number + 1];
  if (next?.sequence === segments[number]!.sequence + 1 && next.header?.reset !== true && next.previousIndex > last) {
    term = next.header?.previousTerm || term;
    loseUpTo(next.previousIndex);
  }
  // What stood at the log's end, so that its index is not given to another.
  for (const { file, entries: held } of survey.damages) {
    if (file === survey.paths[number] && held !== null && held.from > last) loseUpTo(held.from);
  }
  return entries;
}

/** The bytes of a segment file that is written in one go. */
class SegmentImage {
  readonly pieces: Uint8Array[] = [];
  readonly #sequence: number;
  readonly #assembler = new WriteAssembler();
  length: number = segmentHeaderBytes;

  constructor({ header, sequence, previousIndex }: SegmentFile, previousBytes: number) {
    this.#sequence = sequence;
    // What a damaged header said is in the file's name, or need not be known.
    const rebuilt = { sequence, reset: false, previousIndex, previousTerm: 0, previousBytes };
    this.pieces.push(encodeSegmentHeader(header ?? rebuilt));
  }

  add(entries: readonly Entry[]): void {
    for (let from = 0; from < entries.length;) {
      let to = from;
      let bytes = 0;
      while (to < entries.length && (to === from || bytes + entries[to]!.record.length <= writeBytesMax)) {
        bytes += entries[to++]!.record.length;
      }
      this.#write(entries, from, to, bytes);
      from = to;
    }
  }

  /** Empty writes, up to the length that the next segment says this one has. */
  fillTo(length: number): void {
    assert(this.length <= length, 'a segment does not grow when records are given up');
    while (this.length < length) this.#write([], 0, 0, 0);
  }

  #write(entries: readonly Entry[], from: number, to: number, bytes: number): void {
    const place = { sequence: this.#sequence, offset: this.length, syncedTo: this.length };
    // The assembler's memory is used again for the next write.
    for (const piece of this.#assembler.assemble(entries, from, to, bytes, place)) this.pieces.push(Buffer.from(piece));
    this.length += writeExtent(bytes);
  }
}

/** A new file for term and vote, of a node that votes with nobody: no vote of it counts elsewhere. */
export async function rewriteVotes(disk: Disk, { records, snapshot }: Survey): Promise<void> {
  let term = snapshot?.term ?? 0;
  for (let row = 0; row < records.count; row++) term = Math.max(term, records.term(row));
  const file = await HardStateFile.create(disk);
  await file.write({ term: term + 1, votedFor: null, standing: 'voter' });
  await file.close();
}
