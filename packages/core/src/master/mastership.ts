import { ByteWriter } from '../commands/byte-writer.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { writeOpen } from '../commands/encoder.ts';
import { writeLapse, writeOpenStream } from '../commands/stream-encoder.ts';
import { Dispatcher } from '../dispatch/dispatcher.ts';
import type { DestinationPolicy } from '../destination-policy.ts';
import type { BrokerOptions } from '../options.ts';
import type { Proposer } from '../proposer.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { DispatchFacts } from '../status.ts';
import type { MasterMessage, NodeMessage } from '../stream/messages.ts';
import type { StreamRules } from '../stream/stream-rules.ts';
import { Attachments } from './attachments.ts';
import { Marks } from './marks.ts';
import { NodeLine } from './node-line.ts';
import { SettlementWriter } from './settlement-writer.ts';
import { StoreLimits } from './store-limits.ts';
import { StreamedMessageReader } from './streamed-message-reader.ts';
import { StreamProposals } from './stream-proposals.ts';
import type { Taken } from './stream-proposals.ts';
import { TopicFan } from './topic-fan.ts';

/**
 * The master's side of the broker, for one mastership: the nodes with their streams, and the dispatcher. Forgotten as a whole when the mastership
 * ends. It hears of a node only through its messages, also of the one that it is on itself.
 */
export class Mastership {
  readonly #state: ReplicatedState;
  readonly #options: BrokerOptions;
  readonly #proposer: Proposer;
  readonly #dispatcher: Dispatcher;
  readonly #limits: StoreLimits;
  readonly #marks: Marks;
  readonly #topics = new TopicFan();
  readonly #proposals: StreamProposals;
  readonly #attachments: Attachments;
  readonly #lines = new Map<string, NodeLine>();
  /** Nodes that wait until more can be proposed or has been applied. */
  readonly #waiting = new Set<NodeLine>();
  /** Nodes whose lapse could not be proposed yet, and streams whose lapse is under way. */
  readonly #lapsesWanted = new Set<string>();
  readonly #lapsesUnderWay = new Set<number>();
  /** What is in the log now has a lower position. */
  readonly #begin: number;
  #opening: number | null = null;
  #openedAtMs = 0;
  #windowBytes = 0;
  /** Why it is 0. */
  #windowReason = '';

  constructor(
    state: ReplicatedState,
    options: BrokerOptions,
    names: DestinationNames,
    rules: StreamRules,
    proposer: Proposer,
  ) {
    this.#state = state;
    this.#options = options;
    this.#proposer = proposer;
    this.#begin = state.applied + 1;
    this.#marks = new Marks(state, names, proposer);
    this.#dispatcher = new Dispatcher(state, {
      mayStart: (queue) => this.#attachments.mayStart(queue),
      takesLate: (heldByAnother) => rules.takesLate(heldByAnother),
    });
    this.#attachments = new Attachments(state, rules, this.#dispatcher, this.#marks);
    this.#limits = new StoreLimits(state, options, new StreamedMessageReader(names));
    this.#proposals = new StreamProposals(
      rules,
      proposer,
      this.#dispatcher,
      this.#limits,
      new SettlementWriter(state, names, policiesOf(options)),
    );
    this.#open();
  }

  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  /** Nodes that an earlier master may have given messages of which this one has not heard. */
  get awaited(): readonly string[] {
    return this.#attachments.awaited;
  }

  /** Another master has opened: this mastership is over, whatever the node has been told. */
  isOver(): boolean {
    const { position, wallMs } = this.#state.opening;
    if (position < this.#begin) return false;
    return position !== this.#opening || wallMs !== this.#openedAtMs;
  }

  /** False: the node said what can't be, or has before; it has to attach anew. */
  fromNode(node: string, message: NodeMessage): boolean {
    const line = this.#line(node);
    if (line.broken) return false;
    if (line.waiting.size > 0) line.wait(message);
    else this.#takeOrWait(line, message);
    return !line.broken;
  }

  nodeDetached(node: string): void {
    const line = this.#lines.get(node);
    if (line === undefined) return;
    this.#topics.leave(line);
    line.leave();
    this.#waiting.delete(line);
  }

  lapse(node: string): void {
    const line = this.#lines.get(node);
    if (line !== undefined && (line.attached !== null || line.waiting.size > 0)) return;
    this.#lapsesWanted.add(node);
    this.#proposeLapses();
  }

  /** What the SENDs of each node may have outstanding, bytes, and why it is no more: nodes hear of a change of either. */
  setWindow(bytes: number, reason: string): void {
    if (bytes === this.#windowBytes && reason === this.#windowReason) return;
    this.#windowBytes = bytes;
    this.#windowReason = reason;
    for (const line of this.#lines.values()) if (line.attached !== null) line.tell({ type: 'window', bytes, reason });
  }

  /** A command has been applied. */
  applied(command: Uint8Array): void {
    this.#limits.applied(command);
  }

  /** Marks of the stream's node have been applied. */
  marked(epoch: number, queues: readonly string[]): void {
    const end = this.#attachments.end(epoch);
    if (end === undefined) return;
    for (const queue of queues) this.#attachments.marked(end, queue);
  }

  /** What the stream's node held may go to others. */
  lapsed(epoch: number): void {
    this.#lapsesUnderWay.delete(epoch);
    const end = this.#attachments.lapsed(epoch);
    const line = end === undefined ? undefined : this.#lines.get(end.node);
    if (end === undefined || line?.end !== end) return;
    this.#topics.leave(line);
    line.end = null;
  }

  /** The end of a turn: proposes what could not be before, and hands messages out if `dispatch` (a majority has been heard lately). */
  flush(dispatch: boolean): void {
    if (this.#opening === null && !this.#open()) return;
    this.#proposeLapses();
    for (const line of this.#waiting) this.#takeWaiting(line);
    this.#marks.flush();
    if (!dispatch) return;
    this.#dispatcher.note(this.#options.wallMs());
    this.#dispatcher.dispatch();
  }

  /** What is known of that queue, which has so many messages. */
  facts(queue: string, depth: number): DispatchFacts {
    const awaited = this.#attachments.awaitedFor(queue);
    return { ...this.#dispatcher.facts(queue, depth), awaited, sinceMs: this.#openedAtMs };
  }

  /** What the nodes are to be told, since the last call; only nodes that are to be told something. */
  takeMessages(): Map<string, MasterMessage[]> {
    const taken = new Map<string, MasterMessage[]>();
    for (const line of this.#lines.values()) {
      const messages = line.take(this.#state.applied);
      if (messages.length > 0) taken.set(line.node, messages);
    }
    return taken;
  }

  #takeWaiting(line: NodeLine): void {
    for (let message = line.waiting.peek(); message !== undefined; message = line.waiting.peek()) {
      const taken = this.#take(line, message);
      if (taken === 'later') return;
      line.waiting.shift();
      if (taken === 'broken') {
        this.#breakOff(line);
        return;
      }
    }
    this.#waiting.delete(line);
  }

  #takeOrWait(line: NodeLine, message: NodeMessage): void {
    const taken = this.#take(line, message);
    if (taken === 'broken') this.#breakOff(line);
    else if (taken === 'later') {
      line.wait(message);
      this.#waiting.add(line);
    }
  }

  #breakOff(line: NodeLine): void {
    this.nodeDetached(line.node);
    line.broken = true;
  }

  #take(line: NodeLine, message: NodeMessage): Taken {
    if (this.#opening === null) return 'later';
    if (message.type === 'open') return this.#openStream(line.node, message.run);
    if (message.type === 'attach') return this.#attach(line, message);
    const end = line.attached;
    // It has been told that its stream is void, or is about to attach.
    if (end === null) return 'taken';
    switch (message.type) {
      case 'propose':
        return this.#proposals.propose(end, message);
      case 'settle':
        return this.#proposals.settle(end, message);
      case 'commit':
        return this.#proposals.commit(end, message);
      case 'subscribe':
        this.#attachments.subscribe(end, message);
        line.tell({ type: 'subscribed', consumer: message.consumer, refusal: null });
        return 'taken';
      case 'unsubscribe':
        this.#attachments.unsubscribe(end, message.consumer);
        line.tell({ type: 'unsubscribed', consumer: message.consumer });
        return 'taken';
      case 'release':
        this.#attachments.release(end, message.consumer, message.positions);
        return 'taken';
      case 'undeliverable':
        this.#attachments.undeliverable(end, message.consumer, message.position, message.size);
        return 'taken';
      case 'interest':
        this.#topics.interest(line, message);
        line.tell({ type: 'interested', topic: message.topic });
        return 'taken';
      case 'publish':
        this.#topics.publish(end, message);
        return 'taken';
    }
  }

  #attach(line: NodeLine, message: Extract<NodeMessage, { type: 'attach' }>): Taken {
    const { epoch, topics } = message;
    // The node has applied more than its master, or something is on its way that decides what it holds.
    if (epoch > this.#state.applied || this.#lapsesUnderWay.has(epoch)) return 'later';
    this.#topics.leave(line);
    line.end?.leave();
    line.end = null;
    const stream = this.#state.openStream(epoch);
    if (stream?.node !== line.node) {
      line.tell({ type: 'stale' });
      return 'taken';
    }
    this.#lapsesWanted.delete(line.node);
    this.#dispatcher.note(this.#options.wallMs());
    const { end, lapsed } = this.#attachments.attach(stream, message);
    line.end = end;
    const { applied } = this.#state;
    const [bytes, reason] = [this.#windowBytes, this.#windowReason];
    line.tell({ type: 'attached', applied, number: stream.number, windowBytes: bytes, lapsed });
    if (bytes === 0 && reason !== '') line.tell({ type: 'window', bytes, reason });
    for (const interest of topics) this.#topics.interest(line, interest);
    return 'taken';
  }

  #openStream(node: string, run: string): Taken {
    if (this.#state.streams.get(node)?.run === run) return 'taken';
    const out = new ByteWriter(0);
    writeOpenStream(out, node, run);
    return this.#proposer.propose([out.view(0, out.length)]) === null ? 'later' : 'taken';
  }

  #proposeLapses(): void {
    if (this.#opening === null) return;
    for (const node of this.#lapsesWanted) {
      const epoch = this.#state.streams.get(node)?.epoch;
      if (epoch !== undefined && !this.#lapsesUnderWay.has(epoch)) {
        const out = new ByteWriter(0);
        writeLapse(out, epoch);
        if (this.#proposer.propose([out.view(0, out.length)]) === null) return;
        this.#lapsesUnderWay.add(epoch);
      }
      this.#lapsesWanted.delete(node);
    }
  }

  #open(): boolean {
    const { duplicateIdsMax, duplicateAgeMs } = this.#options;
    this.#openedAtMs = this.#options.wallMs();
    const out = new ByteWriter(0);
    writeOpen(out, this.#openedAtMs, { idsMax: duplicateIdsMax, ageMs: duplicateAgeMs });
    this.#opening = this.#proposer.propose([out.view(0, out.length)]);
    return this.#opening !== null;
  }

  #line(node: string): NodeLine {
    const known = this.#lines.get(node);
    if (known !== undefined) return known;
    const line = new NodeLine(node);
    this.#lines.set(node, line);
    return line;
  }
}

function policiesOf({ policyOf, maxDeliveries, deadLetterQueue }: BrokerOptions): (queue: string) => DestinationPolicy {
  const otherwise = { maxDeliveries, deadLetterQueue };
  return (queue) => policyOf(queue) ?? otherwise;
}
