import { bodyOf, newMessage } from './test-bench.ts';
import type { Effect, Message } from '../../src/index.ts';

/** What a message weighs in a window. */
export function weightOf(body: string): number {
  const { headerBlock, body: bytes } = newMessage(body);
  return headerBlock.length + bytes.length;
}

export interface ModelMessage {
  readonly position: number;
  readonly body: string;
  count: number;
  /** `reason origin`. */
  dead: string | null;
}

interface ModelConsumer {
  readonly session: string;
  readonly subscription: number;
  readonly queue: string;
  readonly messagesMax: number;
  readonly bytesMax: number;
  /** In the order of the hand-outs. */
  readonly held: ModelMessage[];
}

export interface ModelSettlement {
  readonly queue: string;
  readonly position: number;
  readonly outcome: string;
}

export type ModelOperation =
  | { readonly type: 'open' }
  | { readonly type: 'send'; readonly queue: string; readonly body: string }
  | { readonly type: 'settle'; readonly settlements: readonly ModelSettlement[] }
  | { readonly type: 'part' }
  | {
      readonly type: 'end';
      readonly sends: readonly { readonly queue: string; readonly body: string }[];
      readonly settlements: readonly ModelSettlement[];
    };

const deadLetterQueue = '/queue/dead';

/** The rules of queues as plainly as they can be said; slow, and nothing like the broker inside. */
export class Model {
  readonly maxDeliveries: number;
  readonly queues: Map<string, ModelMessage[]> = new Map();
  consumers: ModelConsumer[] = [];
  /** Positions with a settlement under way. */
  underWay: Set<number> = new Set();
  /** Positions handed out in this mastership, and those that were there when it began. */
  suspect: Set<number> = new Set();
  /** Settlements asked for since the last command with settlements. */
  gathered: ModelSettlement[] = [];

  constructor(maxDeliveries: number) {
    this.maxDeliveries = maxDeliveries;
  }

  /** What takes effect at that position. */
  apply(position: number, operation: ModelOperation): void {
    switch (operation.type) {
      case 'open':
      case 'part':
        return;
      case 'send':
        this.#add(operation.queue, { position, body: operation.body, count: 0, dead: null });
        return;
      case 'settle':
        for (const settlement of operation.settlements) this.#settle(settlement);
        return;
      case 'end':
        for (const settlement of operation.settlements) this.#settle(settlement);
        for (const [index, { queue, body }] of operation.sends.entries()) {
          this.#add(queue, { position: position - operation.sends.length + index, body, count: 0, dead: null });
        }
    }
  }

  /** The positions of all messages, parts left out. */
  get live(): number[] {
    return [...this.queues.values()].flat().map(({ position }) => position);
  }

  becomeMaster(): void {
    this.consumers = [];
    this.underWay = new Set();
    this.gathered = [];
    this.suspect = new Set(this.live);
  }

  consumer(session: string, subscription: number): ModelConsumer | undefined {
    return this.consumers.find((one) => one.session === session && one.subscription === subscription);
  }

  /** The settlement is under way; false: the consumer does not hold that message. */
  beginSettling(session: string, subscription: number, position: number): boolean {
    const consumer = this.consumer(session, subscription);
    const index = consumer?.held.findIndex((message) => message.position === position) ?? -1;
    if (consumer === undefined || index === -1) return false;
    consumer.held.splice(index, 1);
    this.underWay.add(position);
    return true;
  }

  leave(session: string, subscription: number, lost: boolean): void {
    const consumer = this.consumer(session, subscription);
    if (consumer === undefined) return;
    const oldest = consumer.held[0];
    if (lost && oldest !== undefined && this.beginSettling(session, subscription, oldest.position)) {
      this.gathered.push({ queue: consumer.queue, position: oldest.position, outcome: 'requeue' });
    }
    this.consumers = this.consumers.filter((one) => one !== consumer);
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
    if (deliveryCount !== first.count + 1) return `${tag} counts ${deliveryCount}, not ${first.count + 1}`;
    const again = this.suspect.has(tag) || first.count > 0;
    if (redelivered !== again) return `${tag} is${again ? ' not' : ''} marked as redelivered`;
    this.suspect.add(tag);
    consumer.held.push(first);
    return null;
  }

  /** After a turn that hands out: a queue where something is ready and a consumer has room, or null. */
  idleQueue(): string | null {
    const idle = this.consumers.find((consumer) => hasRoom(consumer) && this.ready(consumer.queue).length > 0);
    return idle === undefined ? null : `${idle.queue} has messages, and ${idle.session}/${idle.subscription} has room`;
  }

  #add(queue: string, message: ModelMessage): void {
    const messages = this.queues.get(queue) ?? [];
    messages.push(message);
    messages.sort((a, b) => a.position - b.position);
    this.queues.set(queue, messages);
  }

  #settle({ queue, position, outcome }: ModelSettlement): void {
    this.underWay.delete(position);
    const messages = this.queues.get(queue) ?? [];
    const message = messages.find((one) => one.position === position);
    if (message === undefined) return;
    const counts = outcome === 'requeue' || outcome === 'dead-letter';
    if (counts) message.count++;
    const tooMany = outcome === 'requeue' && message.count >= this.maxDeliveries;
    const dies = message.dead === null && queue !== deadLetterQueue && (outcome === 'dead-letter' || tooMany);
    if (counts && !dies) return;
    this.queues.set(
      queue,
      messages.filter((one) => one !== message),
    );
    if (!dies) return;
    const dead = `${outcome === 'dead-letter' ? 'rejected' : 'max-deliveries'} ${queue}`;
    this.#add(deadLetterQueue, { ...message, dead });
    // To the dispatcher it is the same message in another place: its hand-outs there begin with a count.
  }
}

function hasRoom({ held, messagesMax, bytesMax }: ModelConsumer): boolean {
  if (held.length === 0) return true;
  const bytes = held.reduce((sum, { body }) => sum + weightOf(body), 0);
  return held.length < messagesMax && bytes < bytesMax;
}

function deadOf({ deadLetter }: Message): string | null {
  return deadLetter === null ? null : `${deadLetter.reason} ${deadLetter.originalDestination}`;
}
