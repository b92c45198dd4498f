import type { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { checksumOfRegister, emptyRegister } from '../crc-register.ts';
import { commandBytesAt, intactCommandBytes, registerAfterRecord } from '../record.ts';
import type { RecordSpan } from './byte-source.ts';

/** Wanted records of one file, ascending, near enough for one read. */
export interface Run {
  readonly source: RecordSpan['source'];
  readonly offset: number;
  end: number;
  readonly positions: number[];
  readonly spans: RecordSpan[];
}

/** Records that lie one behind the other. */
export interface Piece {
  readonly first: number;
  readonly bytes: Uint8Array;
}

/**
 * Moves what is intact of a run together, in place. Records that lie one behind the other are checked all at once, and one by one only when something is
 * wrong. `bytes` is what was read, perhaps not all; `doubtful` gets the positions of what is not intact in it.
 */
export function cutRun(run: Run, bytes: Buffer, pieces: Piece[], doubtful: number[]): void {
  new RunCut(run, bytes, pieces, doubtful).all();
}

class RunCut {
  readonly #run: Run;
  readonly #bytes: Buffer;
  readonly #pieces: Piece[];
  readonly #doubtful: number[];
  /** The piece that is being put together. */
  #first = 0;
  #start = 0;
  #end = 0;

  constructor(run: Run, bytes: Buffer, pieces: Piece[], doubtful: number[]) {
    this.#run = run;
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.#doubtful = doubtful;
  }

  all(): void {
    const { length } = this.#run.spans;
    for (let from = 0; from < length;) from = this.#takeNeighbours(from);
    this.#endPiece();
  }

  /** Takes what follows record `from` without a gap along with it. Returns which comes next. */
  #takeNeighbours(from: number): number {
    const { offset, positions, spans } = this.#run;
    const start = spans[from]!.offset - offset;
    let register = emptyRegister;
    let end = start;
    let to = from;
    for (; to < spans.length && spans[to]!.offset - offset === end; to++) {
      const length = commandBytesAt(positions[to]!, this.#bytes, end, this.#limit(to));
      if (length === 0) break;
      register = registerAfterRecord(register, this.#bytes, end);
      end += length;
    }
    if (to === from) {
      this.#leaveOut(from);
      return from + 1;
    }
    if (crc32(this.#bytes.subarray(start, end)) === checksumOfRegister(register)) this.#keep(from, start, end);
    else for (let i = from; i < to; i++) this.#takeAlone(i);
    return to;
  }

  #takeAlone(i: number): void {
    const { offset, positions, spans } = this.#run;
    const start = spans[i]!.offset - offset;
    const length = intactCommandBytes(positions[i]!, this.#bytes, start, this.#limit(i));
    if (length === 0) this.#leaveOut(i);
    else this.#keep(i, start, start + length);
  }

  #limit(i: number): number {
    return Math.min(this.#bytes.length, this.#run.spans[i]!.limit - this.#run.offset);
  }

  #keep(i: number, start: number, end: number): void {
    if (this.#end === this.#start) this.#first = this.#run.positions[i]!;
    if (start > this.#end) this.#bytes.copyWithin(this.#end, start, end);
    this.#end += end - start;
  }

  #leaveOut(i: number): void {
    this.#doubtful.push(this.#run.positions[i]!);
    this.#endPiece();
  }

  #endPiece(): void {
    if (this.#end === this.#start) return;
    this.#pieces.push({ first: this.#first, bytes: this.#bytes.subarray(this.#start, this.#end) });
    this.#start = this.#end;
  }
}
