import { Fifo } from '../dispatch/fifo.ts';
import type { Message } from '../effects.ts';
import type { PublishedMessage } from '../stream/messages.ts';
import type { ServingSession, TopicSend } from './serving-session.ts';

/** A topic message on its way to the master. */
export interface Publication extends PublishedMessage {
  readonly message: Message;
  /** Whose request is answered with it; null: nobody waits. */
  readonly session: ServingSession | null;
  readonly token: number;
}

/** This node's topic messages that the master has not passed on yet, in the order of their numbers. */
export class Publications {
  #waiting = new Fifo<Publication>();
  #last = 0;
  #bytes = 0;

  get size(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The number of the last one. */
  get last(): number {
    return this.#last;
  }

  /** `epoch`: of the node's stream. */
  add(epoch: number, send: TopicSend, session: ServingSession | null, token: number): Publication {
    const number = ++this.#last;
    const { destination, timestampMs } = send;
    const message = topicMessage(epoch, number, send);
    const publication = { number, destination, timestampMs, message, session, token };
    this.#waiting.push(publication);
    this.#bytes += bytesOf(message);
    return publication;
  }

  /** The oldest one up to that number, which waits no longer. */
  take(number: number): Publication | null {
    const first = this.#waiting.peek();
    if (first === undefined || first.number > number) return null;
    this.#waiting.shift();
    this.#bytes -= bytesOf(first.message);
    return first;
  }

  /** The message of that number, if it waits. */
  find(number: number): Message | undefined {
    return this.#waiting.at(number - (this.#last - this.#waiting.size) - 1)?.message;
  }

  *[Symbol.iterator](): Iterator<Publication> {
    for (let i = 0; i < this.#waiting.size; i++) yield this.#waiting.at(i)!;
  }

  /** A new epoch begins. */
  clear(): void {
    this.#waiting = new Fifo();
    this.#last = 0;
    this.#bytes = 0;
  }
}

/** A message that nobody stores, for all its subscribers on a node. The bytes are not copied. */
export function topicMessage(epoch: number, number: number, { destination, timestampMs, message }: TopicSend): Message {
  const { envelope, headerBlock, body, attributes } = message;
  const volatileId = `v${epoch}-${number}`;
  return {
    position: 0,
    volatileId,
    destination,
    timestampMs,
    envelope,
    headerBlock,
    body,
    attributes,
    deadLetter: null,
  };
}

function bytesOf({ headerBlock, body }: Message): number {
  return headerBlock.length + body.length;
}
