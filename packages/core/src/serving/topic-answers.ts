import type { TopicInterest } from '../stream/messages.ts';
import type { NodeOutbox } from './node-outbox.ts';
import type { ServingSession } from './serving-session.ts';

/** A request that is answered when the master has spoken. */
export interface Answer {
  readonly session: ServingSession;
  readonly token: number;
}

/** Tells the master of this node's interest in topics, and keeps who waits until it knows. */
export class TopicAnswers {
  readonly #outbox: NodeOutbox;
  /** For each `interest` that was sent, the oldest first; null: nobody waits. */
  readonly #waiting = new Map<string, (Answer | null)[]>();

  constructor(outbox: NodeOutbox) {
    this.#outbox = outbox;
  }

  tell(interest: TopicInterest, answer: Answer | null): void {
    this.#outbox.send({ type: 'interest', ...interest });
    // An attachment says it all, and nobody has to wait for more.
    if (!this.#outbox.isOpen && answer === null) return;
    const waiting = this.#waiting.get(interest.topic);
    if (waiting === undefined) this.#waiting.set(interest.topic, [answer]);
    else waiting.push(answer);
  }

  /** The master has heard the oldest word about that topic. */
  take(topic: string): Answer | null {
    const waiting = this.#waiting.get(topic);
    const answer = waiting?.shift() ?? null;
    if (waiting?.length === 0) this.#waiting.delete(topic);
    return answer;
  }

  /** All who wait: an attachment tells the master. */
  takeAll(): readonly Answer[] {
    const all = [...this.#waiting.values()].flat().filter((answer) => answer !== null);
    this.#waiting.clear();
    return all;
  }
}
