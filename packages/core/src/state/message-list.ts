import { assert } from '@lockstep/kernel';
import { MessageChunk } from './message-chunk.ts';
import type { StoredMessage } from './stored-message.ts';

const firstCapacity = 8;
const capacityMax = 512;

/**
 * A queue's live messages in the order of their positions: O(1) to append, O(log n) to find, and removal anywhere moves nothing.
 * A search that succeeds leaves the message it found in `chunk` and `slot`, good until the list changes.
 */
export class MessageList {
  readonly #chunks: MessageChunk[] = [new MessageChunk(firstCapacity)];
  #spare: MessageChunk | null = null;
  #length = 0;
  chunk: MessageChunk = this.#chunks[0]!;
  slot = 0;

  get length(): number {
    return this.#length;
  }

  get chunks(): readonly MessageChunk[] {
    return this.#chunks;
  }

  /** The position is not in the list. */
  insert(position: number, count: number, message: StoredMessage): void {
    this.#length++;
    const last = this.#chunks[this.#chunks.length - 1]!;
    if (last.used === 0 || last.positions[last.used - 1]! < position) {
      (last.used < last.capacity ? last : this.#grow(last)).append(position, count, message);
      return;
    }
    const index = this.#chunkIndex(position);
    let chunk = this.#chunks[index]!;
    if (chunk.used === chunk.capacity) chunk = this.#makeRoom(index, position);
    chunk.insert(position, count, message);
  }

  find(position: number): boolean {
    const chunk = this.#chunkFor(position);
    const slot = chunk.lowerBound(position);
    if (slot >= chunk.used || chunk.positions[slot] !== position || chunk.messages[slot] === null) return false;
    this.chunk = chunk;
    this.slot = slot;
    return true;
  }

  /** The first message at or after the position. */
  findFrom(position: number): boolean {
    let index = this.#chunkIndex(position);
    let slot = this.#chunks[index]!.lowerBound(position);
    for (; index < this.#chunks.length; index++, slot = 0) {
      const chunk = this.#chunks[index]!;
      for (; slot < chunk.used; slot++) {
        if (chunk.messages[slot] === null) continue;
        this.chunk = chunk;
        this.slot = slot;
        return true;
      }
    }
    return false;
  }

  /** What the last search found. */
  get found(): StoredMessage {
    const message = this.chunk.messages[this.slot];
    assert(message !== undefined && message !== null, 'the list has changed since the search');
    return message;
  }

  /** Removes what the last search found. */
  removeFound(): void {
    const { chunk } = this;
    chunk.messages[this.slot] = null;
    this.#length--;
    if (--chunk.live > 0) return;
    if (this.#chunks.length > 1) {
      this.#chunks.splice(this.#chunkIndex(chunk.positions[0]!), 1);
      this.chunk = this.#chunks[0]!;
      if (chunk.capacity === capacityMax) this.#spare = chunk;
    }
    chunk.reset();
  }

  /** Forgets what the dispatcher noted. */
  clearNotes(): void {
    for (const chunk of this.#chunks) {
      chunk.holders.fill(0);
      chunk.handouts.fill(0);
    }
  }

  #grow(last: MessageChunk): MessageChunk {
    const spare = this.#spare;
    this.#spare = null;
    const chunk = spare ?? new MessageChunk(Math.min(capacityMax, last.capacity * 2));
    this.#chunks.push(chunk);
    return chunk;
  }

  /** Frees slots in a full chunk, or makes two of it; returns the one where the position belongs. */
  #makeRoom(index: number, position: number): MessageChunk {
    const chunk = this.#chunks[index]!;
    const other = new MessageChunk(chunk.capacity);
    if (chunk.live <= chunk.capacity * 0.75) {
      chunk.moveTail(0, other);
      this.#chunks[index] = other;
      if (this.chunk === chunk) this.chunk = other;
      return other;
    }
    chunk.moveTail(chunk.used >>> 1, other);
    this.#chunks.splice(index + 1, 0, other);
    return position > other.positions[0]! ? other : chunk;
  }

  #chunkFor(position: number): MessageChunk {
    const { chunk } = this;
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
