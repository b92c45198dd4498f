import type { OutstandingGroup } from './queue-consumer.ts';
import type { ServingSession, TopicSend } from './serving-session.ts';

/** All settlements of a turn: one number. */
export class SettleUnit {
  readonly groups: readonly OutstandingGroup[];

  constructor(groups: readonly OutstandingGroup[]) {
    this.groups = groups;
  }
}

/** A transaction: a number for each part, and one for its end. */
export class CommitUnit {
  readonly parts: readonly Uint8Array[];
  readonly groups: readonly OutstandingGroup[];
  /** Published if it takes effect. */
  readonly topicSends: readonly TopicSend[];

  constructor(parts: readonly Uint8Array[], groups: readonly OutstandingGroup[], topicSends: readonly TopicSend[]) {
    this.parts = parts;
    this.groups = groups;
    this.topicSends = topicSends;
  }
}

/** What has one outcome. A message by itself is the command's bytes. */
export type Unit = Uint8Array | SettleUnit | CommitUnit;

/**
 * What is on its way through the log and not over here, by its (last) number, with the requests that it answers: several may wait for one
 * number, and the first of them brings the unit. One ring of plain columns, since there is one for every message.
 */
export class Outstanding {
  #numbers: number[] = [];
  #units: (Unit | null)[] = [];
  #sessions: (ServingSession | null)[] = [];
  #tokens: number[] = [];
  #head = 0;
  #size = 0;
  #mask = 0;

  constructor() {
    this.#grow(64);
  }

  get size(): number {
    return this.#size;
  }

  /** The first one's number; Infinity when there is none. */
  get number(): number {
    return this.#size === 0 ? Infinity : this.#numbers[this.#head]!;
  }

  get unit(): Unit | null {
    return this.#units[this.#head]!;
  }

  get session(): ServingSession | null {
    return this.#sessions[this.#head]!;
  }

  get token(): number {
    return this.#tokens[this.#head]!;
  }

  /** `session` null: nobody waits for an answer. */
  push(number: number, unit: Unit | null, session: ServingSession | null, token: number): void {
    if (this.#size > this.#mask) this.#grow((this.#mask + 1) * 2);
    const at = (this.#head + this.#size++) & this.#mask;
    this.#numbers[at] = number;
    this.#units[at] = unit;
    this.#sessions[at] = session;
    this.#tokens[at] = token;
  }

  shift(): void {
    this.#units[this.#head] = null;
    this.#sessions[this.#head] = null;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
  }

  /** Each unit with its last number and the session whose it is, in order. */
  forEachUnit(visit: (unit: Unit, last: number, session: ServingSession | null) => void): void {
    for (let i = 0; i < this.#size; i++) {
      const at = (this.#head + i) & this.#mask;
      const unit = this.#units[at]!;
      if (unit !== null) visit(unit, this.#numbers[at]!, this.#sessions[at]!);
    }
  }

  clear(): void {
    while (this.#size > 0) this.shift();
  }

  #grow(capacity: number): void {
    const head = this.#head;
    const turned = <T>(column: T[], empty: T): T[] => {
      const grown = column.slice(head).concat(column.slice(0, head));
      while (grown.length < capacity) grown.push(empty);
      return grown;
    };
    this.#numbers = turned(this.#numbers, 0);
    this.#units = turned(this.#units, null);
    this.#sessions = turned(this.#sessions, null);
    this.#tokens = turned(this.#tokens, 0);
    this.#head = 0;
    this.#mask = capacity - 1;
  }
}
