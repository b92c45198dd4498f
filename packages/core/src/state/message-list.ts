import type { JournalPosition } from '@lockstep/kernel';
import type { DeadLetter } from '../effects.ts';
import type { Eras } from './eras.ts';
import { deliveriesMax, MessageChunk, removedSlot, returnedFlag } from './message-chunk.ts';

const firstCapacity = 8;
const capacityMax = 512;

/**
 * A queue's live messages in the order of their positions: O(1) to append, O(log n) to find, and removal anywhere moves nothing.
 * What a search has found is told by the getters below, until the list changes.
 */
export class MessageList {
  readonly #eras: Eras;
  readonly #chunks: MessageChunk[];
  #spare: MessageChunk | null = null;
  #length = 0;
  #chunk: MessageChunk;
  #slot = 0;

  constructor(eras: Eras) {
    this.#eras = eras;
    this.#chunk = new MessageChunk(firstCapacity, eras.snapshot);
    this.#chunks = [this.#chunk];
  }

  get length(): number {
    return this.#length;
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  /** The chunks as they are. Once the snapshot era has grown they do not change any more. */
  capture(): readonly MessageChunk[] {
    return this.#chunks.slice();
  }

  /** The position is not in the list. */
  insert(position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    this.#length++;
    const last = this.#chunks.length - 1;
    const chunk = this.#chunks[last]!;
    if (chunk.used === 0 || chunk.positions[chunk.used - 1]! < position) {
      const end = chunk.used < chunk.capacity ? this.#writable(last) : this.#grow(chunk);
      end.append(position, size, count, deadLetter);
      return;
    }
    const index = this.#chunkIndex(position);
    const target =
      this.#chunks[index]!.used === this.#chunks[index]!.capacity
        ? this.#makeRoom(index, position)
        : this.#writable(index);
    target.insert(position, size, count, deadLetter);
  }

  find(position: number): boolean {
    const chunk = this.#chunkFor(position);
    const slot = chunk.lowerBound(position);
    if (slot >= chunk.used || chunk.positions[slot] !== position || chunk.sizes[slot] === removedSlot) return false;
    this.#chunk = chunk;
    this.#slot = slot;
    return true;
  }

  /** The first message at or after the position. */
  findFrom(position: number): boolean {
    if (this.find(position)) return true;
    let index = this.#chunkIndex(position);
    let slot = this.#chunks[index]!.lowerBound(position);
    for (; index < this.#chunks.length; index++, slot = 0) {
      const chunk = this.#chunks[index]!;
      for (; slot < chunk.used; slot++) {
        if (chunk.sizes[slot] === removedSlot) continue;
        this.#chunk = chunk;
        this.#slot = slot;
        return true;
      }
    }
    return false;
  }

  get position(): JournalPosition {
    return this.#chunk.positions[this.#slot] as JournalPosition;
  }

  /** Header block and body together, bytes. */
  get size(): number {
    return this.#chunk.sizes[this.#slot]!;
  }

  /** Counted deliveries. */
  get count(): number {
    return this.#chunk.counts[this.#slot]! & deliveriesMax;
  }

  /** A delivery was counted, or it was returned. */
  get wasDelivered(): boolean {
    return this.#chunk.counts[this.#slot]! !== 0;
  }

  get deadLetter(): DeadLetter | null {
    return this.#chunk.deadLetter(this.#slot);
  }

  /** Who holds it in this mastership; 0: nobody. */
  get holder(): number {
    return this.#chunk.holder(this.#slot, this.#eras.mastership);
  }

  /** Which hand-out of this mastership was its last; 0: none. */
  get handout(): number {
    return this.#chunk.handout(this.#slot, this.#eras.mastership);
  }

  /** Notes who holds it by which hand-out. Not part of the state. */
  note(holder: number, handout: number): void {
    this.#chunk.note(this.#slot, this.#eras.mastership, holder, handout);
  }

  /** `count`: at most `deliveriesMax`. */
  setCount(count: number): void {
    const { counts } = this.#writableFound();
    counts[this.#slot] = (counts[this.#slot]! & returnedFlag) | count;
  }

  /** It was given to a client, whether or not that ever counts. */
  setReturned(): void {
    if ((this.#chunk.counts[this.#slot]! & returnedFlag) === 0)
      this.#writableFound().counts[this.#slot]! |= returnedFlag;
  }

  /** Removes what the last search found. */
  removeFound(): void {
    const chunk = this.#writableFound();
    chunk.remove(this.#slot);
    this.#length--;
    const { live, capacity } = chunk;
    if (live === 0) this.#dropEmpty(chunk);
    else if (live <= capacity >>> 2 && live % 16 === 0 && this.#chunks.length > 1) this.#mergeSparse(chunk);
  }

  #dropEmpty(chunk: MessageChunk): void {
    if (this.#chunks.length > 1) {
      this.#chunks.splice(this.#chunkIndex(chunk.positions[0]!), 1);
      this.#chunk = this.#chunks[0]!;
      if (chunk.capacity === capacityMax) this.#spare = chunk;
    }
    chunk.reset();
  }

  /** Few are left of it, and of one beside it: they come together, so that messages left over here and there do not hold whole chunks. */
  #mergeSparse(chunk: MessageChunk): void {
    const index = this.#chunkIndex(chunk.positions[0]!);
    if (!this.#isSparse(index)) return;
    const left = this.#isSparse(index + 1) ? index : index - 1;
    if (!this.#isSparse(left)) return;
    const merged = new MessageChunk(capacityMax, this.#eras.snapshot);
    merged.appendLive(this.#chunks[left]!, 0);
    merged.appendLive(this.#chunks[left + 1]!, 0);
    this.#chunks.splice(left, 2, merged);
    this.#chunk = merged;
  }

  /** The last chunk is being filled, and no chunk sparse. */
  #isSparse(index: number): boolean {
    const chunk = this.#chunks[index];
    if (chunk === undefined || index === this.#chunks.length - 1) return false;
    return chunk.capacity === capacityMax && chunk.live <= capacityMax >>> 2;
  }

  #grow(last: MessageChunk): MessageChunk {
    const chunk = this.#spare ?? new MessageChunk(Math.min(capacityMax, last.capacity * 2), 0);
    this.#spare = null;
    chunk.era = this.#eras.snapshot;
    this.#chunks.push(chunk);
    if (this.#chunks.length > 2) this.#mergeSparse(last);
    return chunk;
  }

  /** Frees slots in a full chunk, or makes two of it; returns the one where the position belongs. */
  #makeRoom(index: number, position: number): MessageChunk {
    const chunk = this.#chunks[index]!;
    const other = new MessageChunk(chunk.capacity, this.#eras.snapshot);
    if (chunk.live <= chunk.capacity * 0.75) {
      other.appendLive(chunk, 0);
      this.#chunks[index] = other;
      if (this.#chunk === chunk) this.#chunk = other;
      return other;
    }
    const middle = chunk.used >>> 1;
    other.appendLive(chunk, middle);
    const left = this.#writable(index);
    left.truncate(middle);
    this.#chunks.splice(index + 1, 0, other);
    return position > other.positions[0]! ? other : left;
  }

  #writableFound(): MessageChunk {
    const chunk = this.#chunk;
    return chunk.era === this.#eras.snapshot ? chunk : this.#writable(this.#chunkIndex(chunk.positions[0]!));
  }

  /** The chunk, or a copy in its place: a snapshot that has it may not have been read yet. */
  #writable(index: number): MessageChunk {
    const chunk = this.#chunks[index]!;
    if (chunk.era === this.#eras.snapshot) return chunk;
    const copy = chunk.copy(this.#eras.snapshot);
    this.#chunks[index] = copy;
    if (this.#chunk === chunk) this.#chunk = copy;
    return copy;
  }

  #chunkFor(position: number): MessageChunk {
    const chunk = this.#chunk;
    if (chunk.used > 0 && position >= chunk.positions[0]! && position <= chunk.positions[chunk.used - 1]!) return chunk;
    return this.#chunks[this.#chunkIndex(position)]!;
  }

  /** The last chunk that begins at or before the position, or the first. */
  #chunkIndex(position: number): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]!.positions[0]! <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
