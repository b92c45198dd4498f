import type { QueueMessages } from '../state/queue-messages.ts';
import { noConsumerAttributes } from '../consumer-attributes.ts';
import type { ConsumerAttributes } from '../consumer-attributes.ts';
import type { ConsumerKey, ConsumerWish } from '../stream/messages.ts';
import type { QueueDispatch } from './queue-dispatch.ts';
import { Window } from './window.ts';

/** The node of a consumer, which gathers what is handed out to it. */
export interface Receiver {
  readonly node: string;
  readonly attached: boolean;
  /** `counts`: the delivery's number, twice, and one more when it is redelivered. */
  deliver(consumer: ConsumerKey, position: number, size: number, counts: number): void;
}

/**
 * One subscription to a queue. Who holds a message stands with the message (`QueueMessages.holder`): `mark` while it is with the
 * client or on its way there, `mark + 1` once its settlement is on its way through the log.
 */
export class QueueConsumer {
  readonly key: ConsumerKey;
  readonly receiver: Receiver;
  readonly queue: QueueDispatch;
  readonly mark: number;
  readonly window: Window;
  readonly attributes: ConsumerAttributes;
  /** It stands in its queue's line of consumers that have room. */
  inLine = false;
  /** It may be given something: its node is attached, and all replicas know that it may hold messages of this queue. */
  served = false;
  /** It takes nothing any more, and only waits for its settlements. */
  closing = false;
  gone = false;
  /** Hand-outs in their order; those settled meanwhile are still here, and told by the marks. */
  #positions: number[] = [];
  #handouts: number[] = [];
  #head = 0;

  /** `mark`: even, and no other consumer's of this mastership. */
  constructor(
    key: ConsumerKey,
    receiver: Receiver,
    queue: QueueDispatch,
    mark: number,
    { prefetchMessages, prefetchBytes, attributes }: ConsumerWish,
  ) {
    this.key = key;
    this.receiver = receiver;
    this.queue = queue;
    this.mark = mark;
    this.window = new Window(prefetchMessages, prefetchBytes);
    this.attributes = attributes ?? noConsumerAttributes;
  }

  /** Notes that it was given the message that `list` has found, by a hand-out of that number, or has it again. */
  hold(list: QueueMessages, handout: number): void {
    const { found } = list;
    found.note(this.mark, handout);
    this.window.take(found.size);
    this.#positions.push(found.position);
    this.#handouts.push(handout);
    if (this.#positions.length > 2 * this.window.messages + 64) this.#compact(list);
  }

  /** Marks the message on its way to be settled, if this consumer holds it; `list` has then found it. */
  beginSettling(list: QueueMessages, position: number): boolean {
    if (!list.find(position)) return false;
    const { found } = list;
    if (found.holder !== this.mark) return false;
    found.note(this.mark + 1, found.handout);
    this.window.giveBack(found.size);
    if (this.#positions[this.#head] === position) this.#head++;
    return true;
  }

  /** What it holds, in the order of the hand-outs, settlements under way left out. */
  held(list: QueueMessages): number[] {
    this.#compact(list);
    return this.#positions.slice();
  }

  /** The hand-out by which it has what it has held for longest; 0: it holds nothing. */
  longestHeld(list: QueueMessages): number {
    this.#compact(list);
    return this.#handouts[0] ?? 0;
  }

  #compact(list: QueueMessages): void {
    let kept = 0;
    for (let i = this.#head; i < this.#positions.length; i++) {
      const position = this.#positions[i]!;
      const handout = this.#handouts[i]!;
      if (!list.find(position) || list.holder !== this.mark || list.handout !== handout) continue;
      this.#positions[kept] = position;
      this.#handouts[kept++] = handout;
    }
    this.#positions.length = kept;
    this.#handouts.length = kept;
    this.#head = 0;
  }
}
