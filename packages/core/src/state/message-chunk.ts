import type { DeadLetter } from '../effects.ts';

/** In `sizes`: the message was removed, its slot is empty. */
export const removedSlot = 0xffff_ffff;

/** What `counts` can hold beside the flag. */
export const deliveriesMax = 0x7fff;

/** In `counts`, beside the counted deliveries: the message was delivered to a client that gave it back, or is about to. */
export const returnedFlag = 0x8000;

/** Bytes of one slot: position, size, count. */
const slotBytes = 14;

/** What the dispatcher notes of a chunk's messages, for one mastership. */
class HandoutNotes {
  readonly holders: Uint32Array;
  readonly handouts: Uint32Array;
  mastership: number;

  constructor(capacity: number, mastership: number) {
    this.holders = new Uint32Array(capacity);
    this.handouts = new Uint32Array(capacity);
    this.mastership = mastership;
  }
}

/**
 * A run of a queue's messages, one array for each property. Slots are in the order of positions; a removed message leaves its slot empty.
 * A chunk that a snapshot has (its `era` is a past one) must not be changed any more, the dispatcher's notes excepted.
 */
export class MessageChunk {
  readonly capacity: number;
  /** The state's snapshot era in which it was made. */
  era: number;
  readonly positions: Float64Array;
  /** Header block and body together, bytes; or `removedSlot`. */
  readonly sizes: Uint32Array;
  /** Counted deliveries, and `returnedFlag`. */
  readonly counts: Uint16Array;
  /** Slots in use, removed messages included. */
  used = 0;
  live = 0;
  readonly #bytes: Uint8Array;
  /** Made with the first dead letter. */
  #deadLetters: (DeadLetter | null)[] | null = null;
  /** Made with the first hand-out: a backlog costs none, and neither does a slave. Not replicated. */
  #notes: HandoutNotes | null = null;

  /** `capacity`: a multiple of eight. */
  constructor(capacity: number, era: number) {
    this.capacity = capacity;
    this.era = era;
    const memory = new ArrayBuffer(capacity * slotBytes);
    this.#bytes = new Uint8Array(memory);
    this.positions = new Float64Array(memory, 0, capacity);
    this.sizes = new Uint32Array(memory, capacity * 8, capacity);
    this.counts = new Uint16Array(memory, capacity * 12, capacity);
  }

  /** The same messages, to be changed; the notes move to it. */
  copy(era: number): MessageChunk {
    const copy = new MessageChunk(this.capacity, era);
    copy.#bytes.set(this.#bytes);
    copy.#deadLetters = this.#deadLetters?.slice() ?? null;
    copy.#notes = this.#notes;
    this.#notes = null;
    copy.used = this.used;
    copy.live = this.live;
    return copy;
  }

  deadLetter(slot: number): DeadLetter | null {
    return this.#deadLetters?.[slot] ?? null;
  }

  append(position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    this.#put(this.used++, position, size, count, deadLetter);
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
  insert(position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    const slot = this.lowerBound(position);
    const { used } = this;
    if (slot === used || this.positions[slot] !== position) {
      this.positions.copyWithin(slot + 1, slot, used);
      this.sizes.copyWithin(slot + 1, slot, used);
      this.counts.copyWithin(slot + 1, slot, used);
      this.#notes?.holders.copyWithin(slot + 1, slot, used);
      this.#notes?.handouts.copyWithin(slot + 1, slot, used);
      this.#deadLetters?.splice(slot, 0, null);
      this.used++;
    }
    this.#put(slot, position, size, count, deadLetter);
    this.live++;
  }

  /** Removes the message in the slot. */
  remove(slot: number): void {
    this.sizes[slot] = removedSlot;
    if (this.#deadLetters !== null) this.#deadLetters[slot] = null;
    this.live--;
  }

  /** Appends what is live in the other chunk from `slot` on, notes included; that one stays as it is. */
  appendLive(from: MessageChunk, slot: number): void {
    const notes = from.#notes;
    for (let i = slot; i < from.used; i++) {
      const size = from.sizes[i]!;
      if (size === removedSlot) continue;
      this.append(from.positions[i]!, size, from.counts[i]!, from.deadLetter(i));
      if (notes !== null && notes.handouts[i] !== 0) {
        this.note(this.used - 1, notes.mastership, notes.holders[i]!, notes.handouts[i]!);
      }
    }
  }

  /** Lets go of the slots from `slot` on. */
  truncate(slot: number): void {
    for (let i = slot; i < this.used; i++) if (this.sizes[i] !== removedSlot) this.live--;
    this.used = slot;
    if (this.#deadLetters !== null) this.#deadLetters.length = Math.min(slot, this.#deadLetters.length);
  }

  reset(): void {
    this.used = 0;
    this.live = 0;
    this.#deadLetters = null;
  }

  /** Who holds the message in this mastership; 0: nobody. */
  holder(slot: number, mastership: number): number {
    const notes = this.#notes;
    return notes !== null && notes.mastership === mastership ? notes.holders[slot]! : 0;
  }

  /** Which hand-out of this mastership was its last; 0: none. */
  handout(slot: number, mastership: number): number {
    const notes = this.#notes;
    return notes !== null && notes.mastership === mastership ? notes.handouts[slot]! : 0;
  }

  /** Notes of an earlier mastership are forgotten with the first of this one. */
  note(slot: number, mastership: number, holder: number, handout: number): void {
    let notes = this.#notes;
    if (notes === null) {
      notes = new HandoutNotes(this.capacity, mastership);
      this.#notes = notes;
    } else if (notes.mastership !== mastership) {
      notes.holders.fill(0);
      notes.handouts.fill(0);
      notes.mastership = mastership;
    }
    notes.holders[slot] = holder;
    notes.handouts[slot] = handout;
  }

  #put(slot: number, position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    this.positions[slot] = position;
    this.sizes[slot] = size;
    this.counts[slot] = count;
    const notes = this.#notes;
    if (notes !== null) {
      notes.holders[slot] = 0;
      notes.handouts[slot] = 0;
    }
    if (deadLetter !== null || this.#deadLetters !== null) this.#putDeadLetter(slot, deadLetter);
  }

  #putDeadLetter(slot: number, deadLetter: DeadLetter | null): void {
    const deadLetters = (this.#deadLetters ??= []);
    while (deadLetters.length < slot) deadLetters.push(null);
    deadLetters[slot] = deadLetter;
  }
}
