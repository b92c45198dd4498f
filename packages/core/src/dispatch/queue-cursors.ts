import { defaultPriority, priorityMax } from '../attributes.ts';
import type { QueueMessages } from '../state/queue-messages.ts';
import { PositionHeap } from './position-heap.ts';

/**
 * Finds what is to be handed out next of a queue: the highest priority first, and of one priority the lowest position that nobody holds. Messages
 * of a priority below its `next` are held, or on their way to be settled, or in its `returned`.
 */
export class QueueCursors {
  readonly #list: QueueMessages;
  /** Of the default priority. */
  #next = 0;
  readonly #returned = new PositionHeap();
  /** By priority, the default one left out; null: there was no other yet. */
  #others: Cursor[] | null = null;

  constructor(list: QueueMessages) {
    this.#list = list;
  }

  /** Finds the message, and counts it as taken. */
  findNext(): boolean {
    if (this.#list.hasPriorities) return this.#findByPriority();
    return this.#findPlain();
  }

  /** Nobody holds the message at that position, or it has come. */
  ready(priority: number, position: number): void {
    if (priority !== defaultPriority) this.#cursors[priority]!.ready(position);
    // Above `next` it is found in its turn.
    else if (position < this.#next) this.#returned.push(position);
  }

  #findPlain(): boolean {
    const list = this.#list;
    if (this.#returned.size > 0 && findReturned(list, this.#returned)) return true;
    while (list.findFromOf(defaultPriority, this.#next)) {
      this.#next = list.position + 1;
      if (list.holder === 0) return true;
    }
    return false;
  }

  #findByPriority(): boolean {
    const list = this.#list;
    for (let priority = priorityMax; priority >= 0; priority--) {
      if (priority === defaultPriority) {
        if (this.#findPlain()) return true;
      } else if (list.list(priority) !== null && this.#cursors[priority]!.find(list, priority)) return true;
    }
    return false;
  }

  get #cursors(): Cursor[] {
    return (this.#others ??= Array.from({ length: priorityMax + 1 }, () => new Cursor()));
  }
}

class Cursor {
  #next = 0;
  readonly #returned = new PositionHeap();

  ready(position: number): void {
    if (position < this.#next) this.#returned.push(position);
  }

  find(list: QueueMessages, priority: number): boolean {
    if (findReturned(list, this.#returned)) return true;
    while (list.findFromOf(priority, this.#next)) {
      this.#next = list.position + 1;
      if (list.holder === 0) return true;
    }
    return false;
  }
}

function findReturned(list: QueueMessages, returned: PositionHeap): boolean {
  while (returned.size > 0) {
    const position = returned.smallest;
    returned.pop();
    if (list.find(position) && list.holder === 0) return true;
  }
  return false;
}
