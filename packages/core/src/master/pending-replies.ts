import type { Message } from '../effects.ts';
import type { MasterSession } from './master-session.ts';

/**
 * Requests whose command is on its way through the log, in log order. Several may wait for one position. One ring of plain
 * columns, since there is one for every message.
 */
export class PendingReplies {
  #positions: number[] = [];
  #sessions: (MasterSession | null)[] = [];
  #tokens: number[] = [];
  #topicMessages: (readonly Message[] | null)[] = [];
  #head = 0;
  #size = 0;
  #mask = 0;

  constructor() {
    this.#grow(64);
  }

  get size(): number {
    return this.#size;
  }

  /** The first one's position; Infinity when there is none. */
  get position(): number {
    return this.#size === 0 ? Infinity : this.#positions[this.#head]!;
  }

  get session(): MasterSession {
    return this.#sessions[this.#head]!;
  }

  get token(): number {
    return this.#tokens[this.#head]!;
  }

  /** To be published if the command takes effect. */
  get topicMessages(): readonly Message[] | null {
    return this.#topicMessages[this.#head]!;
  }

  push(position: number, session: MasterSession, token: number, topicMessages: readonly Message[] | null): void {
    if (this.#size > this.#mask) this.#grow((this.#mask + 1) * 2);
    const at = (this.#head + this.#size++) & this.#mask;
    this.#positions[at] = position;
    this.#sessions[at] = session;
    this.#tokens[at] = token;
    this.#topicMessages[at] = topicMessages;
  }

  shift(): void {
    this.#sessions[this.#head] = null;
    this.#topicMessages[this.#head] = null;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
  }

  #grow(capacity: number): void {
    const head = this.#head;
    const turned = <T>(column: T[], empty: T): T[] => {
      const grown = column.slice(head).concat(column.slice(0, head));
      while (grown.length < capacity) grown.push(empty);
      return grown;
    };
    this.#positions = turned(this.#positions, 0);
    this.#sessions = turned(this.#sessions, null);
    this.#tokens = turned(this.#tokens, 0);
    this.#topicMessages = turned(this.#topicMessages, null);
    this.#head = 0;
    this.#mask = capacity - 1;
  }
}
