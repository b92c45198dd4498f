import { Buffer } from 'node:buffer';

/** An answer with records fits, and what goes with it. */
const blockBytes = 544 * 1024;
/** For less it is not worth it. */
const pooledBytesMin = 256 * 1024;
const keptMax = 64;

const kept: Buffer[] = [];
/** So that nothing else is ever taken for one of these. */
const lent: WeakSet<ArrayBufferLike> = new WeakSet();

/*
 * Memory in which records go from member to member is used again when it is given back. Memory outside the heap that the collector has to find makes it go through the
 * whole heap for every few megabytes of it: where gigabytes pass, that took a third of the time, and made pauses.
 */

/** Memory of so many bytes, with anything in it. */
export function takeLargeMemory(bytes: number): Buffer {
  if (bytes < pooledBytesMin || bytes > blockBytes) return Buffer.allocUnsafeSlow(bytes);
  const block = kept.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  lent.add(block.buffer);
  return block.subarray(0, bytes);
}

/** Nobody uses the memory any more of which `view` is a part. Harmless for other memory; need not be called. */
export function giveBackLargeMemory(view: Uint8Array): void {
  if (!lent.delete(view.buffer) || kept.length >= keptMax) return;
  kept.push(Buffer.from(view.buffer));
}

/** Not much will be wanted for a while. */
export function dropLargeMemory(): void {
  kept.length = 0;
}
