import { Fifo } from '../dispatch/fifo.ts';
import type { NewMessage } from '../requests.ts';
import type { MasterMessage, NodeMessage } from '../stream/messages.ts';
import type { AttachedNode } from './attached-node.ts';

/** A node's connection to the mastership: what waits of what it said, and what it is to be told. */
export class NodeLine {
  readonly node: string;
  /** Of the epoch with which it attached last, while that has not lapsed. */
  end: AttachedNode | null = null;
  /** It said what can't be: nothing is taken of it before it attaches anew. */
  broken = false;
  readonly #waiting = new Fifo<NodeMessage>();
  #messages: MasterMessage[] = [];
  readonly topics: Set<string> = new Set();

  constructor(node: string) {
    this.node = node;
  }

  get attached(): AttachedNode | null {
    return this.end?.attached === true ? this.end : null;
  }

  /** Messages that can't be acted upon yet, in their order. */
  get waiting(): Fifo<NodeMessage> {
    return this.#waiting;
  }

  /** The message's bytes are copied. */
  wait(message: NodeMessage): void {
    this.#waiting.push(withOwnBytes(message));
  }

  tell(message: MasterMessage): void {
    this.#messages.push(message);
  }

  /** What it is to be told since the last call. */
  take(applied: number): MasterMessage[] {
    const messages = this.#messages;
    this.attached?.gather(applied, messages);
    if (messages.length > 0) this.#messages = [];
    return messages;
  }

  /** Its channel is gone, and with it all that was on its way, either way. */
  leave(): void {
    this.end?.leave();
    this.broken = false;
    this.#messages = [];
    while (this.#waiting.shift() !== undefined);
    this.topics.clear();
  }
}

function withOwnBytes(message: NodeMessage): NodeMessage {
  if (message.type === 'publish') return { ...message, message: ownMessage(message.message) };
  if (message.type !== 'propose' && message.type !== 'commit') return message;
  return { ...message, commands: message.commands.map((command) => command.slice()) };
}

/** With its own copy of the bytes. */
export function ownMessage({ envelope, headerBlock, body, attributes }: NewMessage): NewMessage {
  return { envelope, headerBlock: headerBlock.slice(), body: body.slice(), attributes };
}
