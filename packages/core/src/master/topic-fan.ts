import type { NodeMessage, TopicInterest } from '../stream/messages.ts';
import type { AttachedNode } from './attached-node.ts';
import { ownMessage } from './node-line.ts';
import type { NodeLine } from './node-line.ts';

type Publish = Extract<NodeMessage, { type: 'publish' }>;

/** Passes topic messages on to every attached node that has subscribers. */
export class TopicFan {
  readonly #lines = new Map<string, Set<NodeLine>>();

  interest(line: NodeLine, { topic, consumers }: TopicInterest): void {
    const lines = this.#lines.get(topic);
    if (consumers > 0) {
      line.topics.add(topic);
      if (lines === undefined) this.#lines.set(topic, new Set([line]));
      else lines.add(line);
      return;
    }
    line.topics.delete(topic);
    lines?.delete(line);
    if (lines?.size === 0) this.#lines.delete(topic);
  }

  /** The node is gone, or attaches anew. */
  leave(line: NodeLine): void {
    for (const topic of [...line.topics]) this.interest(line, { topic, consumers: 0 });
  }

  /** What has been passed on before is not so again. */
  publish(end: AttachedNode, { number, destination, timestampMs, message }: Publish): void {
    end.tellPublished = true;
    if (number <= end.published) return;
    end.published = number;
    const lines = this.#lines.get(destination);
    if (lines === undefined) return;
    const copy = ownMessage(message);
    for (const line of lines) {
      line.tell({ type: 'publish', epoch: end.epoch, number, destination, timestampMs, message: copy });
    }
  }
}
