import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { DestinationNames } from './commands/destination-names.ts';
import type { BrokerEffect, MessageReference, StoredDelivery } from './effects.ts';
import type { LiveRecords } from './live-records.ts';
import { Mastership } from './master/mastership.ts';
import { overloaded } from './master/refusals.ts';
import type { BrokerOptions } from './options.ts';
import type { Proposer } from './proposer.ts';
import type { Request } from './requests.ts';
import { digestOf } from './snapshot/digest.ts';
import { SnapshotReader } from './snapshot/read.ts';
import { StateSnapshot } from './snapshot/write.ts';
import { ReplicatedState } from './state/replicated-state.ts';
import { StreamRules } from './stream/stream-rules.ts';
import type { QueueStatus, TopicStatus } from './status.ts';

/** A message that waits or is unsettled: `readMessage` makes the message of it and its record. */
export interface LiveMessage extends MessageReference {
  /** Header block and body together, bytes. */
  readonly size: number;
  /** Counted deliveries. */
  readonly count: number;
}

export interface BrokerRestore {
  write(chunk: Uint8Array): void;
  finish(): void;
}

/**
 * One replica of the logical broker. Every node applies the same commands; the master also takes requests, turns them into
 * commands, and hands messages out. Synchronous, no clock, no chance: whoever calls sees to the order. Effects are appended to
 * the array that is passed, which is not kept.
 */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #names = new DestinationNames();
  readonly #rules: StreamRules;
  #state: ReplicatedState;
  #mastership: Mastership | null = null;

  constructor(options: BrokerOptions) {
    assert(options.maxDeliveries >= 1, 'maxDeliveries is at least 1');
    assert(options.deadLetterQueue.startsWith('/queue/'), 'the dead letter queue is a queue');
    this.#options = options;
    this.#rules = options.rules ?? new StreamRules();
    this.#state = new ReplicatedState(this.#names, this.#rules);
  }

  /**
   * A committed command, in log order (positions may have gaps). Replies only to what this master proposed, and hands nothing out:
   * that is `flush`'s. Nothing of the bytes is kept: which records the state refers to is said to `records`.
   * @throws AssertionError for a command that this version does not know: the replica can't go on.
   */
  apply(position: JournalPosition, command: Uint8Array, records: LiveRecords, effects: BrokerEffect[]): void {
    const accepted = this.#state.apply(position, command, records);
    if (this.#mastership === null) return;
    if (this.#mastership.isOver()) this.resign();
    else this.#mastership.applied(position, command, accepted, effects);
  }

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
      finish: () => {
        const state = reader.finish();
        this.resign();
        this.#state = state;
      },
    };
  }

  /** Equal on all replicas at the same position. Reads the whole state: for tests and for comparing by hand. */
  digest(): string {
    return digestOf(new StateSnapshot(this.#state));
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
  handle(request: Request, effects: BrokerEffect[]): void {
    if (this.#mastership !== null) this.#mastership.handle(request, effects);
    else if (request.type !== 'endSession') {
      const { session, token } = request;
      effects.push({ type: 'reply', session, token, refusal: overloaded('this node') });
    }
  }

  /**
   * A message can't be brought to the consumer that it was given to, because its record can't be read: the consumer's window has room again, and
   * the message stays in its queue, given to nobody, until the next mastership. False: it is live no more.
   */
  undeliverable(delivery: StoredDelivery): boolean {
    return this.#mastership?.undeliverable(delivery) ?? false;
  }

  /** The end of a turn: proposes what was gathered, and hands messages out if `dispatch` (a majority has been heard lately). */
  flush(effects: BrokerEffect[], dispatch: boolean): void {
    this.#mastership?.flush(effects, dispatch);
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

  /** Bytes that live messages take up in the log, as `storeBytesMax` counts them. */
  get storeBytes(): number {
    return this.#state.storeBytes;
  }

  /** Memory that they take up, bytes, as `indexBytesMax` counts it. */
  get indexBytes(): number {
    return this.#state.indexBytes;
  }
}
