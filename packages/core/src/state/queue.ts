import type { DeadLetter } from '../effects.ts';
import type { Eras } from './eras.ts';
import { QueueMessages } from './queue-messages.ts';

/**
 * The dispatcher's ear on a queue, on the master alone. Each call but `added` is about the message that `queue.list` has just
 * found. Listeners must not change the list.
 */
export interface QueueListener {
  added(priority: number, position: number): void;
  /** Is about to be removed. */
  removing(): void;
  /** It comes back to its place: a delivery was counted, or it was returned. */
  requeued(): void;
  /** It was to be settled in a transaction that was refused: it stays as it was. */
  kept(): void;
}

/** A queue on every replica. It exists for the state as long as it holds messages; the object may outlive them. */
export class Queue {
  readonly name: string;
  /** Of the name: an unsigned number of 32 bits. Snapshots are in its order. */
  readonly hash: number;
  readonly list: QueueMessages;
  listener: QueueListener | null = null;
  /** Messages below this position may have been delivered by a node whose stream has lapsed since. 0 in an empty queue. */
  suspectBelow = 0;
  #bytes = 0;
  #deadLetters: DeadLetter[] | null = null;

  constructor(name: string, eras: Eras) {
    this.name = name;
    this.hash = hashOf(name);
    this.list = new QueueMessages(eras);
  }

  /** Header blocks and bodies of the live messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The message that `list` has just found may have been delivered before. */
  get foundWasDelivered(): boolean {
    const { found } = this.list;
    return found.wasDelivered || found.position < this.suspectBelow;
  }

  add(priority: number, position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    this.list.insert(priority, position, size, count, deadLetter);
    this.#bytes += size;
    this.listener?.added(priority, position);
  }

  /** For a snapshot that is being read: the message was returned. */
  restoreReturned(position: number): void {
    if (this.list.find(position)) this.list.setReturned();
  }

  /** Removes the message that `list` has just found. */
  removeFound(): void {
    this.listener?.removing();
    this.#bytes -= this.list.found.size;
    this.list.removeFound();
  }

  /** What its messages bear as dead letters for that reason: one object for all. */
  deadLetter(reason: string): DeadLetter {
    const known = this.#deadLetters?.find((one) => one.reason === reason);
    if (known !== undefined) return known;
    const deadLetter = { reason, originalDestination: this.name };
    this.#deadLetters = [...(this.#deadLetters ?? []), deadLetter];
    return deadLetter;
  }
}

/** FNV-1a over the name's UTF-16 units, and a last step that stirs the upper bits, since snapshots sort by these first. */
function hashOf(name: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
