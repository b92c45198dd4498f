import { ByteWriter } from '../commands/byte-writer.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { writeMark } from '../commands/stream-encoder.ts';
import type { Proposer } from '../proposer.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { AttachedNode } from './attached-node.ts';

/** Names in one command, bytes, about. */
const namesBytesMax = 256 * 1024;

/** Keeps the nodes' marks as their consumers are: proposes them on before the first delivery, and off after the last consumer. */
export class Marks {
  readonly #state: ReplicatedState;
  readonly #names: DestinationNames;
  readonly #proposer: Proposer;
  /** Queues of nodes that may be marked otherwise than their consumers want. */
  readonly #unsure = new Map<AttachedNode, Set<string>>();

  constructor(state: ReplicatedState, names: DestinationNames, proposer: Proposer) {
    this.#state = state;
    this.#names = names;
    this.#proposer = proposer;
  }

  /** All replicas know that the node may hold messages of the queue, and nothing that changes it is under way. */
  isOn({ epoch, marksUnderWay }: AttachedNode, queue: string): boolean {
    return !marksUnderWay.has(queue) && this.#state.openStream(epoch)?.marks.has(queue) === true;
  }

  /** The node has got its first consumer of the queue, or lost its last one. */
  check(end: AttachedNode, queue: string): void {
    const queues = this.#unsure.get(end);
    if (queues === undefined) this.#unsure.set(end, new Set([queue]));
    else queues.add(queue);
  }

  /** A `mark` of the node has been applied. */
  applied({ marksUnderWay }: AttachedNode, queue: string): void {
    const underWay = marksUnderWay.get(queue);
    if (underWay !== undefined && --underWay.count === 0) marksUnderWay.delete(queue);
  }

  /** Nothing more is proposed for the node. */
  forget(end: AttachedNode): void {
    this.#unsure.delete(end);
  }

  /** The end of a turn: proposes what has to change. What can't be proposed now is so at the next one. */
  flush(): void {
    for (const [end, queues] of this.#unsure) {
      if (this.#propose(end, queues, true) && this.#propose(end, queues, false)) this.#unsure.delete(end);
    }
  }

  #propose(end: AttachedNode, queues: ReadonlySet<string>, on: boolean): boolean {
    const marks = this.#state.openStream(end.epoch)?.marks;
    if (marks === undefined) return true;
    const changing: string[] = [];
    for (const queue of queues) {
      const will = end.marksUnderWay.get(queue)?.on ?? marks.has(queue);
      if (will !== on && end.queues.has(queue) === on) changing.push(queue);
    }
    const commands = this.#commands(end.epoch, on, changing);
    if (commands.length === 0) return true;
    if (this.#proposer.propose(commands) === null) return false;
    for (const queue of changing) {
      const count = (end.marksUnderWay.get(queue)?.count ?? 0) + 1;
      end.marksUnderWay.set(queue, { count, on });
    }
    return true;
  }

  #commands(epoch: number, on: boolean, queues: readonly string[]): Uint8Array[] {
    const commands: Uint8Array[] = [];
    let names: Uint8Array[] = [];
    let bytes = 0;
    for (const [index, queue] of queues.entries()) {
      const name = this.#names.bytesOf(queue);
      names.push(name);
      bytes += name.length;
      if (bytes < namesBytesMax && index + 1 < queues.length) continue;
      const out = new ByteWriter(0);
      writeMark(out, epoch, on, names);
      commands.push(out.view(0, out.length));
      names = [];
      bytes = 0;
    }
    return commands;
  }
}
