import type { JournalPosition } from '@lockstep/kernel';
import { defaultPriority, priorityMax } from '../attributes.ts';
import type { DeadLetter } from '../effects.ts';
import type { Eras } from './eras.ts';
import { MessageList } from './message-list.ts';

/**
 * A queue's live messages: a list for each priority that occurs, which is one as a rule. What a search has found is told by the getters below, until
 * the messages change.
 */
export class QueueMessages {
  readonly #eras: Eras;
  readonly #plain: MessageList;
  /** By priority; null: all are of the default one. */
  #lists: (MessageList | null)[] | null = null;
  #found: MessageList;
  #foundPriority = defaultPriority;
  #length = 0;

  constructor(eras: Eras) {
    this.#eras = eras;
    this.#plain = new MessageList(eras);
    this.#found = this.#plain;
  }

  get length(): number {
    return this.#length;
  }

  /** There are, or were until lately, messages of another priority than the default one. */
  get hasPriorities(): boolean {
    return this.#lists !== null;
  }

  /** The messages of that priority; null: there are none. */
  list(priority: number): MessageList | null {
    if (this.#lists === null) return priority === defaultPriority ? this.#plain : null;
    return this.#lists[priority] ?? null;
  }

  /** The position is in none of the lists. */
  insert(priority: number, position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    this.#length++;
    const list = priority === defaultPriority ? this.#plain : this.#listFor(priority);
    list.insert(position, size, count, deadLetter);
  }

  find(position: number): boolean {
    if (this.#lists === null) return this.#plain.find(position);
    for (let priority = priorityMax; priority >= 0; priority--) {
      if (this.#lists[priority]?.find(position) === true) return this.#foundIn(priority);
    }
    return false;
  }

  /** The message at or after the position that stands first, whatever its priority. */
  findFrom(position: number): boolean {
    if (this.#lists === null) return this.#plain.findFrom(position);
    let first = -1;
    let firstPosition = Infinity;
    for (let priority = priorityMax; priority >= 0; priority--) {
      const list = this.#lists[priority];
      if (list?.findFrom(position) !== true || list.position > firstPosition) continue;
      first = priority;
      firstPosition = list.position;
    }
    return first !== -1 && this.#foundIn(first);
  }

  /** As `findFrom`, among those of that priority. */
  findFromOf(priority: number, position: number): boolean {
    if (this.#lists === null) return priority === defaultPriority && this.#plain.findFrom(position);
    return this.#lists[priority]?.findFrom(position) === true && this.#foundIn(priority);
  }

  /** The list in which the last search has found: the same getters, and a little faster. */
  get found(): MessageList {
    return this.#found;
  }

  get priority(): number {
    return this.#foundPriority;
  }

  get position(): JournalPosition {
    return this.#found.position;
  }

  /** Header block and body together, bytes. */
  get size(): number {
    return this.#found.size;
  }

  /** Counted deliveries. */
  get count(): number {
    return this.#found.count;
  }

  /** A delivery was counted, or it was returned. */
  get wasDelivered(): boolean {
    return this.#found.wasDelivered;
  }

  get deadLetter(): DeadLetter | null {
    return this.#found.deadLetter;
  }

  /** Who holds it in this mastership; 0: nobody. */
  get holder(): number {
    return this.#found.holder;
  }

  /** Which hand-out of this mastership was its last; 0: none. */
  get handout(): number {
    return this.#found.handout;
  }

  /** Notes who holds it by which hand-out. Not part of the state. */
  note(holder: number, handout: number): void {
    this.#found.note(holder, handout);
  }

  /** `count`: at most `deliveriesMax`. */
  setCount(count: number): void {
    this.#found.setCount(count);
  }

  /** It was given to a client, whether or not that ever counts. */
  setReturned(): void {
    this.#found.setReturned();
  }

  /** Removes what the last search found. */
  removeFound(): void {
    this.#length--;
    this.#found.removeFound();
    if (this.#lists !== null && this.#found.length === 0) this.#dropFoundList(this.#lists);
  }

  #foundIn(priority: number): true {
    this.#foundPriority = priority;
    this.#found = this.list(priority)!;
    return true;
  }

  #listFor(priority: number): MessageList {
    if (this.#lists === null) {
      this.#lists = Array.from({ length: priorityMax + 1 }, () => null);
      this.#lists[defaultPriority] = this.#plain;
    }
    return (this.#lists[priority] ??= new MessageList(this.#eras));
  }

  #dropFoundList(lists: (MessageList | null)[]): void {
    if (this.#found === this.#plain) return;
    lists[this.#foundPriority] = null;
    this.#foundPriority = defaultPriority;
    this.#found = this.#plain;
    if (lists.every((list) => list === null || list === this.#plain)) this.#lists = null;
  }
}
