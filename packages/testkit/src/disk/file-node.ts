import { takeMemory } from '../memory.ts';
import type { SimRandom } from '../random.ts';
import { SparseBytes } from './sparse-bytes.ts';

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

type Unsynced =
  | { readonly order: number; readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly order: number; readonly type: 'truncate'; readonly length: number };

/** A write that was begun and is not done; its caller leaves the chunks alone meanwhile. */
export interface FlyingWrite {
  readonly chunks: readonly Uint8Array[];
  readonly position: number;
}

/** The chunks' bytes, one behind the other, in memory of their own. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const joined = takeMemory(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

/** Writes each sector of `bytes` with that probability. */
function writeSomeSectors(
  content: SparseBytes,
  bytes: Uint8Array,
  position: number,
  survival: number,
  random: SimRandom,
): void {
  let done = 0;
  while (done < bytes.length) {
    const room = SECTOR_BYTES - ((position + done) % SECTOR_BYTES);
    const end = Math.min(bytes.length, done + room);
    if (random.chance(survival)) content.write(bytes.subarray(done, end), position + done);
    done = end;
  }
}

/** One file, whatever its name: what a reader sees (`current`), and what is sure to survive a crash. */
export class FileNode {
  readonly type = 'file';
  current: SparseBytes = new SparseBytes();
  readonly flying: Set<FlyingWrite> = new Set();
  #durable = new SparseBytes();
  #unsynced: Unsynced[] = [];
  /** Where a stored byte is not the one written, and what it was. */
  readonly #rotten = new Map<number, number>();
  #orders = 0;

  /** Names the last change made, for `syncUpTo`. */
  get lastChange(): number {
    return this.#orders;
  }

  get unsyncedChanges(): number {
    return this.#unsynced.length;
  }

  /** Damaged bytes that are still there: neither written over nor cut off. */
  get rottenBytes(): number {
    return this.#rotten.size;
  }

  write(bytes: Uint8Array, position: number): void {
    for (const offset of this.#rotten.keys())
      if (offset >= position && offset < position + bytes.length) this.#rotten.delete(offset);
    this.current.write(bytes, position);
    this.#unsynced.push({ order: ++this.#orders, type: 'write', position, bytes });
  }

  truncate(length: number): void {
    for (const offset of this.#rotten.keys()) if (offset >= length) this.#rotten.delete(offset);
    this.current.truncate(length);
    this.#unsynced.push({ order: ++this.#orders, type: 'truncate', length });
  }

  /** Makes the changes up to that one durable; those made while the sync was under way are not covered by it. */
  syncUpTo(change: number): void {
    const later: Unsynced[] = [];
    for (const op of this.#unsynced) {
      if (op.order > change) later.push(op);
      else if (op.type === 'truncate') this.#durable.truncate(op.length);
      else this.#durable.write(op.bytes, op.position);
    }
    this.#unsynced = later;
  }

  /** As Linux does: the pages that could not be written count as clean, so that a later sync "succeeds" without them. */
  failSync(random: SimRandom): void {
    this.#writeSurvivors(this.#durable, random.fraction(), random);
    this.#unsynced = [];
  }

  /** Changes bits of a stored byte, as a failing disk does: on the platter, and so for every reader. */
  rot(offset: number, mask: number): void {
    const byte = new Uint8Array(1);
    if (this.current.read(byte, offset) === 1 && !this.#rotten.has(offset)) this.#rotten.set(offset, byte[0]!);
    for (const content of [this.current, this.#durable]) {
      if (offset >= content.length) continue;
      content.read(byte, offset);
      byte[0] = (byte[0] ?? 0) ^ mask;
      content.write(byte, offset);
    }
  }

  /** The file as a crash leaves it: all of it durable, and of what was not synced each sector with that probability. */
  survivor(survival: number, random: SimRandom): FileNode {
    const copy = new FileNode();
    copy.#durable = this.#durable.clone();
    this.#writeSurvivors(copy.#durable, survival, random);
    for (const { chunks, position } of this.flying) {
      writeSomeSectors(copy.#durable, joinChunks(chunks), position, survival, random);
    }
    copy.current = copy.#durable.clone();
    for (const [offset, byte] of this.#rotten) if (copy.#byteAt(offset) !== byte) copy.#rotten.set(offset, byte);
    return copy;
  }

  #byteAt(offset: number): number {
    const byte = new Uint8Array(1);
    return this.current.read(byte, offset) === 1 ? byte[0]! : -1;
  }

  #writeSurvivors(content: SparseBytes, survival: number, random: SimRandom): void {
    for (const op of this.#unsynced) {
      if (op.type === 'write') writeSomeSectors(content, op.bytes, op.position, survival, random);
      else if (random.chance(survival)) content.truncate(op.length);
    }
    // The new length may reach the disk before the data does: then there are zeros.
    const longer = this.current.length > content.length;
    if (longer && this.#unsynced.length > 0 && random.chance(survival)) content.truncate(this.current.length);
  }
}
