import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { DestinationNames } from './commands/destination-names.ts';
import type { Effect, Message } from './effects.ts';
import { Mastership } from './master/mastership.ts';
import { overloaded } from './master/refusals.ts';
import type { BrokerOptions } from './options.ts';
import type { Proposer } from './proposer.ts';
import type { Request } from './requests.ts';
import { digestOf } from './snapshot/digest.ts';
import { SnapshotReader } from './snapshot/read.ts';
import { writeSnapshot } from './snapshot/write.ts';
import { ReplicatedState } from './state/replicated-state.ts';
import type { QueueStatus, TopicStatus } from './status.ts';

/** A message that waits or is unsettled. */
export interface LiveMessage {
  readonly queue: string;
  readonly message: Message;
  /** Counted deliveries. */
  readonly count: number;
}

/**
 * One replica of the logical broker. Every node applies the same commands; the master also takes requests, turns them into
 * commands, and hands messages out. Synchronous, no clock, no chance: whoever calls sees to the order. Effects are appended to
 * the array that is passed, which is not kept.
 */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #names = new DestinationNames();
  #state: ReplicatedState;
  #mastership: Mastership | null = null;

  constructor(options: BrokerOptions) {
    assert(options.maxDeliveries >= 1, 'maxDeliveries is at least 1');
    assert(options.deadLetterQueue.startsWith('/queue/'), 'the dead letter queue is a queue');
    this.#options = options;
    this.#state = new ReplicatedState(this.#names);
  }

  /**
   * A committed command, in log order (positions may have gaps). Replies only to what this master proposed, and hands nothing out:
   * that is `flush`'s. The bytes must never change: what is kept of them is copied, unless it is most of the memory that they lie in.
   * @throws AssertionError for a command that this version does not know: the replica can't go on.
   */
  apply(position: JournalPosition, command: Uint8Array, effects: Effect[]): void {
    const accepted = this.#state.apply(position, command);
    if (this.#mastership === null) return;
    if (this.#mastership.isOver()) this.resign();
    else this.#mastership.applied(position, command, accepted, effects);
  }

  /** For a log in which entries are lost, beside `apply`: forgets the parts of a transaction that came so far. Returns their positions. */
  abandonParts(): readonly JournalPosition[] {
    return this.#state.abandonParts();
  }

  /** For a log in which entries are lost: the command ends a transaction of which parts are missing, and must not be applied. */
  lacksParts(command: Uint8Array): boolean {
    return this.#state.lacksParts(command);
  }

  /** The position of the last command applied, also when it came in a snapshot; 0: none. */
  get applied(): number {
    return this.#state.applied;
  }

  /** The replicated state at this call, in chunks of at most 1 MiB; what is applied later does not show, however late it is read. Once. */
  snapshot(): Iterable<Uint8Array> {
    return writeSnapshot(this.#state);
  }

  /** Replaces the whole replicated state; nothing changes until `finish`. Ends a mastership. @throws AssertionError for bytes that are no whole snapshot. */
  restore(): { write(chunk: Uint8Array): void; finish(): void } {
    const reader = new SnapshotReader(this.#names);
    return {
      write: (chunk) => reader.write(chunk),
      finish: () => {
        const state = reader.finish();
        this.resign();
        this.#state = state;
      },
    };
  }

  /** Equal on all replicas at the same position. Reads the whole state: for tests and for comparing by hand. */
  digest(): string {
    return digestOf(writeSnapshot(this.#state));
  }

  /** Everything committed by earlier masters has been applied. All live messages are ready again, marked as redelivered. */
  becomeMaster(proposer: Proposer): void {
    assert(this.#mastership === null, 'the broker is already master');
    this.#mastership = new Mastership(this.#state, this.#options, this.#names, proposer);
  }

  /** Forgets sessions, consumers and what was under way: no replies come for it. Harmless when it is not master. */
  resign(): void {
    this.#mastership?.dispatcher.close();
    this.#mastership = null;
  }

  get master(): boolean {
    return this.#mastership !== null;
  }

  /** Not master: the request is refused. Bytes in the request may be used again once it returns. */
  handle(request: Request, effects: Effect[]): void {
    if (this.#mastership !== null) this.#mastership.handle(request, effects);
    else if (request.type !== 'endSession') {
      const { session, token } = request;
      effects.push({ type: 'reply', session, token, refusal: overloaded('this node') });
    }
  }

  /** The end of a turn: proposes what was gathered, and hands messages out if `dispatch` (a majority has been heard lately). */
  flush(effects: Effect[], dispatch: boolean): void {
    this.#mastership?.flush(effects, dispatch);
  }

  /**
   * Every live message, by queue (in the order of their names) and in its queue's order. Good until the state changes. For the tools that
   * look at data offline.
   */
  *messages(): Iterable<LiveMessage> {
    const queues = [...this.#state.queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, list } of queues) {
      for (const { used, messages, counts } of list.chunks) {
        for (let slot = 0; slot < used; slot++) {
          const message = messages[slot]!;
          if (message !== null) yield { queue: name, message, count: counts[slot]! };
        }
      }
    }
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

  /** Topics with subscriptions, in no order; known to the master alone. */
  topics(): readonly TopicStatus[] {
    const statuses: TopicStatus[] = [];
    for (const [name, consumers] of this.#mastership?.dispatcher.topics ?? []) {
      let waitingMessages = 0;
      let waitingBytes = 0;
      for (const consumer of consumers) {
        waitingMessages += consumer.backlogMessages;
        waitingBytes += consumer.backlogBytes;
      }
      statuses.push({ name, consumers: consumers.size, waitingMessages, waitingBytes });
    }
    return statuses;
  }

  /** Bytes that live messages take up, as `storeBytesMax` counts them. */
  get storeBytes(): number {
    return this.#state.cost;
  }
}
