import { sectorBytes } from './segment-format.ts';

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/**
 * How many of the disk's sectors that these pieces touch, one behind the other from `position` in the file, get nothing but zeros.
 * A sector that a crash kept from being written reads as zeros too: more of them than the writer counted means a torn write.
 */
export function countZeroSectors(pieces: readonly Uint8Array[], position: number): number {
  let zeros = 0;
  let here = position;
  let sectorIsZero = true;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const end = Math.min(piece.length, at + sectorBytes - (here % sectorBytes));
      if (sectorIsZero && !isZero(piece, at, end)) sectorIsZero = false;
      here += end - at;
      at = end;
      if (here % sectorBytes === 0) {
        if (sectorIsZero) zeros++;
        sectorIsZero = true;
      }
    }
  }
  return here % sectorBytes !== 0 && sectorIsZero ? zeros + 1 : zeros;
}
