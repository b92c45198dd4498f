import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { DestinationNames } from './commands/destination-names.ts';
import type { BrokerEffect, MessageReference, StoredDelivery } from './effects.ts';
import type { LiveRecords } from './live-records.ts';
import { Mastership } from './master/mastership.ts';
import type { BrokerOptions } from './options.ts';
import type { Proposer } from './proposer.ts';
import type { Request } from './requests.ts';
import { ServingNode } from './serving/serving-node.ts';
import { digestOf } from './snapshot/digest.ts';
import { SnapshotReader } from './snapshot/read.ts';
import { StateSnapshot } from './snapshot/write.ts';
import { ReplicatedState } from './state/replicated-state.ts';
import type { MasterMessage, NodeMessage } from './stream/messages.ts';
import type { StreamListener } from './stream/stream-listener.ts';
import { StreamRules } from './stream/stream-rules.ts';
import type { MessageFacts, QueueFacts, QueueStatus, SubscriptionFacts, TopicStatus } from './status.ts';

/** A message that waits or is unsettled: `readMessage` makes the message of it and its record. */
export interface LiveMessage extends MessageReference {
  /** Header block and body together, bytes. */
  readonly size: number;
  /** Counted deliveries. */
  readonly count: number;
}

export interface BrokerRestore {
  write(chunk: Uint8Array): void;
  /** The sessions of this node whose requests the snapshot carries it past have effects. */
  finish(effects: BrokerEffect[]): void;
}

const nobody: ReadonlyMap<string, readonly MasterMessage[]> = new Map();

/**
 * One replica of the logical broker. Every node applies the same commands, and serves its own clients (the node's end); the master also takes
 * what the nodes want into the log, and hands messages out (the master's end). The two ends of one node speak to each other in the same messages
 * as those of two: whoever calls carries them. Synchronous, no clock, no chance. Effects are appended to the array that is passed, which is not kept.
 */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #names = new DestinationNames();
  readonly #rules: StreamRules;
  readonly #serving: ServingNode;
  #state: ReplicatedState;
  #mastership: Mastership | null = null;
  /** Of the call of `apply` that is under way. */
  #effects: BrokerEffect[] = [];

  constructor(options: BrokerOptions) {
    assert(options.maxDeliveries >= 1, 'maxDeliveries is at least 1');
    assert(options.deadLetterQueue.startsWith('/queue/'), 'the dead letter queue is a queue');
    this.#options = options;
    this.#rules = options.rules ?? new StreamRules();
    this.#state = new ReplicatedState(this.#names, this.#rules);
    this.#serving = new ServingNode(this.#state, this.#names, { ...options, rules: this.#rules });
  }

  /**
   * A committed command, in log order (positions may have gaps). Answers what this node's sessions asked for; hands nothing out:
   * that is `flush`'s. Nothing of the bytes is kept: which records the state refers to is said to `records`.
   * @throws AssertionError for a command that this version does not know: the replica can't go on.
   */
  apply(position: JournalPosition, command: Uint8Array, records: LiveRecords, effects: BrokerEffect[]): void {
    this.#effects = effects;
    this.#state.apply(position, command, records, this.#listener);
    if (this.#mastership === null) return;
    if (this.#mastership.isOver()) this.resign();
    else this.#mastership.applied(command);
  }

  readonly #listener: StreamListener = {
    opened: (node, run, epoch) => {
      if (node === this.#options.node) this.#serving.opened(run, epoch, this.#effects);
    },
    taken: (epoch, number, accepted) => {
      if (epoch === this.#serving.epoch) this.#serving.taken(number, accepted, this.#effects);
    },
    refused: (epoch, _number, through, refusal) => {
      if (epoch === this.#serving.epoch) this.#serving.refused(through, refusal, this.#effects);
    },
    marked: (epoch, queues) => this.#mastership?.marked(epoch, queues),
    lapsed: (epoch) => this.#mastership?.lapsed(epoch),
  };

  /** For a log in which the entry at `lost` is lost, beside `apply`: forgets the parts of transactions that came so far. Returns their positions. */
  abandonParts(lost: JournalPosition): readonly JournalPosition[] {
    return this.#state.abandonParts(lost);
  }

  /** For a log in which entries are lost: the command ends a transaction of which parts are missing, and must not be applied. */
  lacksParts(command: Uint8Array): boolean {
    return this.#state.lacksParts(command);
  }

  /** The position of the last command applied, also when it came in a snapshot; 0: none. */
  get applied(): number {
    return this.#state.applied;
  }

  /**
   * The replicated state at this call, without bodies, in chunks of at most 64 KiB; what is applied later does not show, however late it is read. Once.
   * Returns at once, and each chunk is made when it is asked for. Until it is read or dropped it holds on to what has changed since.
   */
  snapshot(): Iterable<Uint8Array> {
    return new StateSnapshot(this.#state);
  }

  /**
   * Replaces the whole replicated state; nothing changes until `finish`. Ends a mastership. `refersTo` hears of each record that the snapshot's
   * state refers to, with the `write` that brings it. @throws AssertionError for bytes that are no whole snapshot.
   */
  restore(refersTo: (position: JournalPosition) => void): BrokerRestore {
    const reader = new SnapshotReader(this.#names, this.#rules, refersTo);
    return {
      write: (chunk) => reader.write(chunk),
      finish: (effects) => {
        const state = reader.finish();
        this.resign();
        this.#state = state;
        this.#serving.restored(state, effects);
      },
    };
  }

  /** Equal on all replicas at the same position. Reads the whole state: for tests and for comparing by hand. */
  digest(): string {
    return digestOf(new StateSnapshot(this.#state));
  }

  /** A session's request, on any node. Bytes in the request may be used again once it returns. */
  handle(request: Request, effects: BrokerEffect[]): void {
    this.#serving.handle(request, effects);
  }

  /** The node's end. Asked right before a delivery goes to its client: false, and it must not (who gave it out has given it up). */
  give(delivery: StoredDelivery): boolean {
    return this.#serving.give(delivery);
  }

  /** The node's end, instead of `give`: the record can't be read. False: the message is live no more. */
  undeliverable(delivery: StoredDelivery): boolean {
    return this.#serving.undeliverable(delivery);
  }

  /** The node's end: there is a way to a master. `takeNodeMessages` has what it is to be told first. */
  attach(effects: BrokerEffect[]): void {
    this.#serving.attach(effects);
  }

  /** The node's end: that way is gone. Sessions stay, and what they asked for waits. */
  detach(effects: BrokerEffect[]): void {
    this.#serving.detach(effects);
  }

  /** The node's end: between `attach` and `detach`. */
  get attached(): boolean {
    return this.#serving.attached;
  }

  /** The node's end, for what the master said, in order. */
  fromMaster(message: MasterMessage, effects: BrokerEffect[]): void {
    this.#serving.fromMaster(message, effects);
  }

  /** The node's end: what the master is to be told, in order, since the last call; empty while detached. */
  takeNodeMessages(): NodeMessage[] {
    return this.#serving.takeMessages();
  }

  /** More may be read from this node's clients. */
  get accepting(): boolean {
    return this.#serving.accepting;
  }

  /** Why not, for people. */
  get heldUpBy(): string {
    return this.#serving.heldUpBy;
  }

  /** Messages of this node's clients that are on their way, bytes. */
  get outstandingBytes(): number {
    return this.#serving.outstandingBytes;
  }

  /** Requests of this node's clients that are not answered because the log or the master has to speak first. */
  get outstanding(): number {
    return this.#serving.outstanding;
  }

  /** The node's end: attached, and something waits until more is applied here: the attachment itself, what the master has said, or a request. */
  get waitsForApply(): boolean {
    return this.#serving.waitsForApply;
  }

  /**
   * Everything committed by earlier masters has been applied. Messages of queues that a node may hold are handed out once that node has attached, or
   * its stream has lapsed (`awaited`).
   */
  becomeMaster(proposer: Proposer): void {
    assert(this.#mastership === null, 'the broker is already master');
    this.#mastership = new Mastership(this.#state, this.#options, this.#names, this.#rules, proposer);
  }

  /** Forgets the nodes, their consumers, and what was under way. Harmless when it is not master. The node's end is not concerned. */
  resign(): void {
    this.#mastership?.dispatcher.close();
    this.#mastership = null;
  }

  get master(): boolean {
    return this.#mastership !== null;
  }

  /** The master's end. False: the node said what can't be; its channel must be dropped (`nodeDetached`), and it may attach anew. */
  fromNode(node: string, message: NodeMessage): boolean {
    return this.#mastership?.fromNode(node, message) ?? false;
  }

  /** The master's end: the node's channel is gone. What it holds stays its own, until it attaches anew or `lapse` has taken effect. */
  nodeDetached(node: string): void {
    this.#mastership?.nodeDetached(node);
  }

  /** The master's end: what the node holds is to go to others, since it has been away for long enough. Harmless when it is attached. */
  lapse(node: string): void {
    this.#mastership?.lapse(node);
  }

  /** The master's end: nodes that may hold messages of which this master has not heard. Their queues wait for them. */
  get awaited(): readonly string[] {
    return this.#mastership?.awaited ?? [];
  }

  /** The master's end: what the SENDs of each node may have outstanding, bytes; 0 at first. `reason`: for people, why it is no more. */
  setWindow(bytes: number, reason: string): void {
    this.#mastership?.setWindow(bytes, reason);
  }

  /** The master's end: what each node is to be told, in order, since the last call. */
  takeMasterMessages(): ReadonlyMap<string, readonly MasterMessage[]> {
    return this.#mastership?.takeMessages() ?? nobody;
  }

  /** The end of a turn, of both ends: gathers, and hands messages out if `dispatch` (a majority has been heard lately). */
  flush(effects: BrokerEffect[], dispatch: boolean): void {
    this.#serving.flush(effects);
    this.#mastership?.flush(dispatch);
  }

  /**
   * Every live message, as the state knows it, by queue (in the order of their names) and in its queue's order. Good until the state changes. For the tools that
   * look at data offline.
   */
  *messages(): Iterable<LiveMessage> {
    const queues = [...this.#state.queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name: destination, list } of queues) {
      for (let from = 0; list.findFrom(from);) {
        const { position, size, count, deadLetter } = list;
        yield { position, destination, size, count, deadLetter };
        from = position + 1;
      }
    }
  }

  /** It holds messages, or has been used not long ago. */
  hasQueue(name: string): boolean {
    return this.#state.queues.has(name);
  }

  /** Queues with messages or consumers, in no order. Consumers and unsettled messages are known to the master alone. */
  queues(): readonly QueueStatus[] {
    const dispatcher = this.#mastership?.dispatcher;
    const statuses: QueueStatus[] = [];
    for (const { name, list, bytes } of this.#state.queues.values()) {
      const { consumers, out } = dispatcher?.consumers(name) ?? { consumers: 0, out: 0 };
      if (list.length === 0 && consumers === 0) continue;
      statuses.push({ name, depth: list.length, bytes, consumers, unsettled: out });
    }
    return statuses;
  }

  /** That queue, and on the master who has asked for its messages. Of a queue that was never heard of as well. */
  queueFacts(name: string): QueueFacts {
    const queue = this.#state.queues.get(name);
    const depth = queue?.list.length ?? 0;
    const dispatch = this.#mastership?.facts(name, depth) ?? null;
    return { name, depth, bytes: queue?.bytes ?? 0, known: queue !== undefined, dispatch };
  }

  /** The live message of that id, wherever it is; null: there is none. Looks into every queue: for people's questions. */
  messageFacts(id: number): MessageFacts | null {
    for (const { name: destination, list } of this.#state.queues.values()) {
      if (!list.find(id)) continue;
      const { position, size, count, deadLetter } = list;
      const holder = this.#mastership?.dispatcher.holder(list) ?? null;
      return { position, destination, size, count, deadLetter, holder };
    }
    return null;
  }

  /** Subscriptions of this node's sessions to that destination, in no order. */
  subscriptions(destination: string): readonly SubscriptionFacts[] {
    return this.#serving.subscriptions(destination);
  }

  /** Topics with subscriptions of this node's clients, in no order. */
  topics(): readonly TopicStatus[] {
    return this.#serving.topics();
  }

  /** Bytes that live messages take up in the log, as `storeBytesMax` counts them. */
  get storeBytes(): number {
    return this.#state.storeBytes;
  }

  /** Memory that they take up, bytes, as `indexBytesMax` counts it. */
  get indexBytes(): number {
    return this.#state.indexBytes;
  }
}
