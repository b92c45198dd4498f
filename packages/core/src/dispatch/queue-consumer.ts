import type { SessionId } from '@lockstep/kernel';
import type { MessageList } from '../state/message-list.ts';
import { Window } from './window.ts';

/**
 * One subscription to a queue. Who holds a message stands with the message (`MessageList.holder`): `mark` while it is with the
 * client, `mark + 1` once its settlement is on its way through the log.
 */
export class QueueConsumer {
  readonly session: SessionId;
  readonly subscription: number;
  readonly mark: number;
  readonly window: Window;
  /** It stands in its queue's line of consumers that have room. */
  inLine = false;
  gone = false;
  /** Hand-outs in their order; those settled meanwhile are still here, and told by the marks. */
  #positions: number[] = [];
  #handouts: number[] = [];
  #head = 0;

  /** `number`: unique in this mastership, from 1. */
  constructor(session: SessionId, subscription: number, number: number, messagesMax: number, bytesMax: number) {
    this.session = session;
    this.subscription = subscription;
    this.mark = number * 2;
    this.window = new Window(messagesMax, bytesMax);
  }

  /** Notes that it was given the message that `list` has found. */
  hold(list: MessageList, handout: number): void {
    list.note(this.mark, handout);
    this.window.take(list.size);
    this.#positions.push(list.position);
    this.#handouts.push(handout);
    if (this.#positions.length > 2 * this.window.messages + 64) this.#compact(list);
  }

  /** Marks the message on its way to be settled, if this consumer holds it; `list` has then found it. */
  beginSettling(list: MessageList, position: number): boolean {
    if (!list.find(position) || list.holder !== this.mark) return false;
    list.note(this.mark + 1, list.handout);
    this.window.giveBack(list.size);
    if (this.#positions[this.#head] === position) this.#head++;
    return true;
  }

  /** The settlement that was under way for the message that `list` has found will not be. */
  undoSettling(list: MessageList): void {
    this.hold(list, list.handout);
  }

  /** What it holds, in the order of the hand-outs, settlements under way left out. */
  held(list: MessageList): number[] {
    this.#compact(list);
    return this.#positions.slice();
  }

  #compact(list: MessageList): void {
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
