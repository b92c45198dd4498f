import { bodyOf, newMessage } from './test-bench.ts';
import type { Decoded } from './decoded.ts';
import type { Effect, Message } from '../../src/index.ts';

/** What a message weighs in a window. */
export function weightOf(body: string): number {
  const { headerBlock, body: bytes } = newMessage(body);
  return headerBlock.length + bytes.length;
}

export interface ModelMessage {
  readonly position: number;
  readonly body: string;
  readonly priority: number;
  count: number;
  /** Given back by one who had it. */
  returned: boolean;
  /** `reason origin`. */
  dead: string | null;
}

interface Part {
  readonly position: number;
  readonly queue: string;
  readonly body: string;
  readonly priority: number;
  readonly timestampMs: number;
  readonly duplicateId: string;
}

interface ModelConsumer {
  readonly session: string;
  readonly subscription: number;
  readonly queue: string;
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** In the order of the hand-outs. */
  readonly held: ModelMessage[];
  /** It is served before those of a lower one. */
  readonly rank: number;
  /** By priority, the highest position that it was given. */
  readonly newest: Map<number, number>;
}

export interface ModelSettlement {
  readonly queue: string;
  readonly position: number;
  readonly outcome: string;
  readonly dead: { readonly to: string; readonly reason: string } | null;
}

export const duplicateIdsMax = 3;
export const duplicateAgeMs = 300;
const deadLetterQueue = '/queue/dead';

/** The rules of queues as plainly as they can be said; slow, and nothing like the broker inside. */
export class Model {
  readonly maxDeliveries: number;
  readonly queues: Map<string, ModelMessage[]> = new Map();
  consumers: ModelConsumer[] = [];
  /** Settlements under way: what was asked for, by position. */
  readonly underWay: Map<number, string> = new Map();
  /** Bodies of messages that have been in a queue. */
  readonly sent: Set<string> = new Set();
  /** Parts of open transactions, by stream. */
  readonly #parts = new Map<number, Part[]>();
  readonly #numbers = new Map<number, number>();
  /** Of the last messages with a duplicate id. */
  readonly #ids: { readonly key: string; readonly timestampMs: number }[] = [];
  /** Of every message that has been in a queue, by position. */
  readonly #priorities = new Map<number, number>();

  constructor(maxDeliveries: number) {
    this.maxDeliveries = maxDeliveries;
  }

  /** What takes effect at that position. Returns what is wrong, or null. */
  apply(position: number, { epoch, number, type, settlements, ...message }: Decoded): string | null {
    const last = this.#numbers.get(epoch) ?? 0;
    if (number !== last + 1) return `number ${number} of stream ${epoch} comes after ${last}`;
    this.#numbers.set(epoch, number);
    const parts = this.#parts.get(epoch) ?? [];
    if (type === 'send') this.#send({ position, ...message });
    if (type === 'part') this.#parts.set(epoch, [...parts, { position, ...message }]);
    for (const settlement of settlements) {
      const wrong = this.#settle(settlement);
      if (wrong !== null) return wrong;
    }
    if (type === 'end') {
      this.#parts.delete(epoch);
      for (const part of parts) this.#send(part);
    }
    return null;
  }

  /** The positions of all messages and parts. */
  get live(): number[] {
    return [...this.queues.values(), ...this.#parts.values()].flat().map(({ position }) => position);
  }

  consumer(session: string, subscription: number): ModelConsumer | undefined {
    return this.consumers.find((one) => one.session === session && one.subscription === subscription);
  }

  /** The settlement is under way; false: the consumer does not hold that message. */
  beginSettling(session: string, subscription: number, position: number, outcome: string): boolean {
    const consumer = this.consumer(session, subscription);
    const index = consumer?.held.findIndex((message) => message.position === position) ?? -1;
    if (consumer === undefined || index === -1) return false;
    consumer.held.splice(index, 1);
    this.underWay.set(position, outcome);
    return true;
  }

  leave(session: string, subscription: number, lost: boolean): void {
    const held = [...(this.consumer(session, subscription)?.held ?? [])];
    for (const [index, { position }] of held.entries()) {
      this.beginSettling(session, subscription, position, lost && index === 0 ? 'requeue' : 'return');
    }
    this.consumers = this.consumers.filter((one) => one.session !== session || one.subscription !== subscription);
  }

  ready(queue: string): ModelMessage[] {
    const held = new Set(this.consumers.flatMap((consumer) => consumer.held));
    return (this.queues.get(queue) ?? []).filter(
      (message) => !held.has(message) && !this.underWay.has(message.position),
    );
  }

  /** Checks a hand-out, and notes it. Returns what is wrong, or null. */
  deliver(effect: Extract<Effect, { type: 'deliver' }>): string | null {
    const { session, subscription, tag, message, redelivered, deliveryCount } = effect;
    const consumer = this.consumer(session, subscription);
    if (consumer === undefined) return `handed out to ${session}/${subscription}, which is not there`;
    const first = this.ready(consumer.queue)[0];
    if (first === undefined) return `handed out ${tag}, but nothing is ready in ${consumer.queue}`;
    if (first.position !== tag) return `handed out ${tag}, but ${first.position} comes first in ${consumer.queue}`;
    if (bodyOf(message) !== first.body || message.position !== tag || message.destination !== consumer.queue) {
      return `${tag} is ${bodyOf(message)} in ${message.destination}, not ${first.body} in ${consumer.queue}`;
    }
    if (deadOf(message) !== first.dead) return `${tag} is dead as ${deadOf(message)}, not as ${first.dead}`;
    if (!hasRoom(consumer)) return `${session}/${subscription} has no room for ${tag}`;
    const better = this.consumers.find(
      (one) => one.queue === consumer.queue && one.rank > consumer.rank && hasRoom(one),
    );
    if (better !== undefined) return `${session}/${subscription} got ${tag} before ${better.session}`;
    if ((message.attributes?.priority ?? 4) !== first.priority) return `${tag} has lost its priority`;
    if (deliveryCount !== first.count + 1) return `${tag} counts ${deliveryCount}, not ${first.count + 1}`;
    const again = first.returned || first.count > 0 || tag < (consumer.newest.get(first.priority) ?? 0);
    if (redelivered !== again) return `${tag} is${again ? ' not' : ''} marked as redelivered`;
    consumer.held.push(first);
    consumer.newest.set(first.priority, Math.max(consumer.newest.get(first.priority) ?? 0, tag));
    return null;
  }

  /** Which of two messages of a queue goes first. */
  order(a: number, b: number): number {
    return (this.#priorities.get(b) ?? 0) - (this.#priorities.get(a) ?? 0) || a - b;
  }

  /** After a turn that hands out: a queue where something is ready and a consumer has room, or null. */
  idleQueue(): string | null {
    const idle = this.consumers.find((consumer) => hasRoom(consumer) && this.ready(consumer.queue).length > 0);
    return idle === undefined ? null : `${idle.queue} has messages, and ${idle.session}/${idle.subscription} has room`;
  }

  /** A message with the id of one before it gets its answer all the same. */
  #send({ position, queue, body, priority, timestampMs, duplicateId }: Part): void {
    this.sent.add(body);
    if (duplicateId !== '') {
      const last = this.#ids.findLast((one) => one.key === queue + duplicateId);
      if (last !== undefined && Math.abs(timestampMs - last.timestampMs) <= duplicateAgeMs) return;
      this.#ids.push({ key: queue + duplicateId, timestampMs });
      if (this.#ids.length > duplicateIdsMax) this.#ids.shift();
    }
    this.#add(queue, { position, body, priority, count: 0, returned: false, dead: null });
  }

  #add(queue: string, message: ModelMessage): void {
    const messages = this.queues.get(queue) ?? [];
    messages.push(message);
    messages.sort(inOrder);
    this.#priorities.set(message.position, message.priority);
    this.queues.set(queue, messages);
    this.sent.add(message.body);
  }

  #settle({ queue, position, outcome: settled, dead: deadAs }: ModelSettlement): string | null {
    const messages = this.queues.get(queue) ?? [];
    const message = messages.find((one) => one.position === position);
    if (message === undefined) return null;
    const outcome = this.underWay.get(position) ?? 'nothing';
    this.underWay.delete(position);
    if (outcome === 'return') {
      if (settled !== 'return') return `${position} is settled as ${settled}, but was returned`;
      message.returned = true;
      return null;
    }
    const counts = outcome === 'requeue' || outcome === 'dead-letter';
    if (counts) message.count++;
    const tooMany = outcome === 'requeue' && message.count >= this.maxDeliveries;
    const dies = message.dead === null && queue !== deadLetterQueue && (outcome === 'dead-letter' || tooMany);
    const expected = dies ? 'dead-letter' : counts ? 'requeue' : outcome;
    if (settled !== expected) return `${position} is settled as ${settled}, but ${outcome} was asked for`;
    if (dies && deadAs?.to !== deadLetterQueue) return `${position} goes to ${deadAs?.to}`;
    if (counts && !dies) return null;
    this.queues.set(
      queue,
      messages.filter((one) => one !== message),
    );
    if (!dies) return null;
    const dead = `${outcome === 'dead-letter' ? 'rejected' : 'max-deliveries'} ${queue}`;
    this.#add(deadLetterQueue, { ...message, dead });
    return null;
  }
}

function inOrder(a: ModelMessage, b: ModelMessage): number {
  return b.priority - a.priority || a.position - b.position;
}

function hasRoom({ held, messagesMax, bytesMax }: ModelConsumer): boolean {
  if (held.length === 0) return true;
  const bytes = held.reduce((sum, { body }) => sum + weightOf(body), 0);
  return held.length < messagesMax && bytes < bytesMax;
}

function deadOf({ deadLetter }: Message): string | null {
  return deadLetter === null ? null : `${deadLetter.reason} ${deadLetter.originalDestination}`;
}
