import { BytePool } from './byte-pool.ts';
import { MessageList } from './message-list.ts';
import { messageOverheadBytes } from './stored-message.ts';
import type { StoredMessage } from './stored-message.ts';

/**
 * The dispatcher's ear on a queue, on the master alone. Each call but `added` is about the message that `queue.list` has just
 * found. Listeners must not change the list.
 */
export interface QueueListener {
  added(position: number): void;
  /** Is about to be removed. */
  removing(): void;
  /** A delivery was counted; it stays in its place. */
  requeued(): void;
  /** It was to be settled in a transaction that was refused: it stays as it was. */
  kept(): void;
}

/** A queue on every replica. It exists for the state as long as it holds messages; the object may outlive them. */
export class Queue {
  readonly name: string;
  readonly list: MessageList = new MessageList();
  readonly pool: BytePool = new BytePool();
  listener: QueueListener | null = null;
  #bytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Header blocks and bodies of the live messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Header blocks and bodies and what it costs to keep them. */
  get cost(): number {
    return this.#bytes + this.list.length * messageOverheadBytes;
  }

  add(message: StoredMessage, count: number): void {
    this.list.insert(message.position, count, message);
    this.#bytes += message.size;
    this.listener?.added(message.position);
  }

  /** Removes the message that `list` has just found. */
  removeFound(): void {
    this.listener?.removing();
    this.#bytes -= this.list.found.size;
    this.list.removeFound();
  }
}
