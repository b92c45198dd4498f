import type { StoredMessage } from './stored-message.ts';

/** A run of a queue's messages, one array for each property. Slots are in the order of positions; a removed message leaves its slot empty. */
export class MessageChunk {
  readonly capacity: number;
  readonly positions: Float64Array;
  /** Counted deliveries. */
  readonly counts: Uint16Array;
  /** Null: removed. */
  readonly messages: (StoredMessage | null)[];
  /** The dispatcher's, not replicated: who holds the message; 0: nobody. */
  readonly holders: Uint32Array;
  /** The dispatcher's, not replicated: which hand-out was its last; 0: none in this mastership. */
  readonly handouts: Uint32Array;
  /** Slots in use, removed messages included. */
  used = 0;
  live = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.positions = new Float64Array(capacity);
    this.counts = new Uint16Array(capacity);
    this.messages = [];
    this.holders = new Uint32Array(capacity);
    this.handouts = new Uint32Array(capacity);
  }

  append(position: number, count: number, message: StoredMessage): void {
    this.#put(this.used++, position, count, message);
    this.live++;
  }

  /** The first slot at or after the position, or `used`. */
  lowerBound(position: number): number {
    let low = 0;
    // Positions grow by at least one a slot.
    let high = Math.min(this.used, position - this.positions[0]! + 1);
    if (high > 0 && this.positions[high - 1] === position) return high - 1;
    if (high < 0) return 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.positions[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Takes the slot that a message of this position left, or makes one: then there is room for it. */
  insert(position: number, count: number, message: StoredMessage): void {
    const slot = this.lowerBound(position);
    const { used } = this;
    if (slot === used || this.positions[slot] !== position) {
      this.positions.copyWithin(slot + 1, slot, used);
      this.counts.copyWithin(slot + 1, slot, used);
      this.holders.copyWithin(slot + 1, slot, used);
      this.handouts.copyWithin(slot + 1, slot, used);
      this.messages.splice(slot, 0, null);
      this.used++;
    }
    this.#put(slot, position, count, message);
    this.live++;
  }

  /** Moves what is live from `slot` on to the end of `to`. */
  moveTail(slot: number, to: MessageChunk): void {
    for (let i = slot; i < this.used; i++) {
      const message = this.messages[i]!;
      if (message === null) continue;
      to.append(this.positions[i]!, this.counts[i]!, message);
      to.holders[to.used - 1] = this.holders[i]!;
      to.handouts[to.used - 1] = this.handouts[i]!;
      this.live--;
    }
    this.used = slot;
    this.messages.length = slot;
  }

  reset(): void {
    this.used = 0;
    this.live = 0;
    this.messages.length = 0;
  }

  #put(slot: number, position: number, count: number, message: StoredMessage): void {
    this.positions[slot] = position;
    this.counts[slot] = count;
    this.messages[slot] = message;
    this.holders[slot] = 0;
    this.handouts[slot] = 0;
  }
}
