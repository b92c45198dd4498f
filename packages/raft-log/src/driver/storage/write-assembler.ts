import { Buffer } from 'node:buffer';
import type { Entry } from '../../node/index.ts';
import { encodeWriteHeader, writeExtent, writeHeaderBytes } from './segment-format.ts';
import { countZeroSectors } from './zero-sectors.ts';

/** Runs of records shorter than this are copied together; longer ones go to the disk from where they are. */
const copyBytesMax = 16 * 1024;
const blockBytes = 256 * 1024;

/** Lays out one write as few pieces of memory. One at a time: the pieces are good until the next. */
export class WriteAssembler {
  readonly #firstBlock: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #block: Buffer = this.#firstBlock;
  #pieceStart = 0;
  #used = 0;
  #pieces: Uint8Array[] = [];

  /** A write of entries `from` to (without) `to`, to stand at `offset` of that segment. `byteCount` is the sum of their records. */
  assemble(
    entries: readonly Entry[],
    from: number,
    to: number,
    byteCount: number,
    place: { readonly sequence: number; readonly offset: number; readonly syncedTo: number },
  ): readonly Uint8Array[] {
    this.#block = this.#firstBlock;
    this.#pieceStart = 0;
    this.#used = writeHeaderBytes;
    this.#pieces = [];
    const header = this.#firstBlock.subarray(0, writeHeaderBytes);
    encodeWriteHeader(header, place.sequence, place.offset, { syncedTo: place.syncedTo, byteCount, zeroSectors: 0 });
    this.#addRecords(entries, from, to);
    this.#endPiece();
    const zeroSectors = countZeroSectors(this.#pieces, place.offset);
    if (zeroSectors > 0) {
      encodeWriteHeader(header, place.sequence, place.offset, { syncedTo: place.syncedTo, byteCount, zeroSectors });
    }
    const padding = writeExtent(byteCount) - writeHeaderBytes - byteCount;
    if (padding > 0) this.#pieces.push(Buffer.alloc(padding));
    return this.#pieces;
  }

  /** Records that lie one behind the other in memory are taken as one run. */
  #addRecords(entries: readonly Entry[], from: number, to: number): void {
    for (let i = from; i < to;) {
      const first = entries[i]!.record;
      let end = first.byteOffset + first.byteLength;
      for (i++; i < to; i++) {
        const next = entries[i]!.record;
        if (next.buffer !== first.buffer || next.byteOffset !== end) break;
        end += next.byteLength;
      }
      this.#addRun(new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset));
    }
  }

  #addRun(run: Uint8Array): void {
    if (run.length > copyBytesMax) {
      this.#endPiece();
      this.#pieces.push(run);
      return;
    }
    if (this.#used + run.length > this.#block.length) {
      this.#endPiece();
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#pieceStart = 0;
      this.#used = 0;
    }
    this.#block.set(run, this.#used);
    this.#used += run.length;
  }

  #endPiece(): void {
    if (this.#used > this.#pieceStart) this.#pieces.push(this.#block.subarray(this.#pieceStart, this.#used));
    this.#pieceStart = this.#used;
  }
}
