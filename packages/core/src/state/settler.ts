import type { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { outcomeCode } from '../commands/format.ts';
import type { OutcomeCode } from '../commands/format.ts';
import { readSettlements } from '../commands/settlements-reader.ts';
import type { SettlementSink } from '../commands/settlements-reader.ts';
import type { Queue } from './queue.ts';
import type { ReplicatedState } from './replicated-state.ts';
import { StoredMessage } from './stored-message.ts';

const deliveriesMax = 0xffff;

/** Carries settlements out. A message that is not there is passed over: it was settled meanwhile. */
export class Settler implements SettlementSink {
  readonly #state: ReplicatedState;
  #queue: Queue | undefined;
  #outcome: OutcomeCode = outcomeCode.ack;
  #refusing = false;

  constructor(state: ReplicatedState) {
    this.#state = state;
  }

  /** Reads settlements that are not to be: only the dispatcher hears of them. */
  refuse(input: ByteReader, names: DestinationNames): void {
    this.#refusing = true;
    readSettlements(input, names, this);
    this.#refusing = false;
  }

  group(queue: string, outcome: OutcomeCode): void {
    this.#queue = this.#state.queues.get(queue);
    this.#outcome = outcome;
  }

  position(position: number): void {
    const queue = this.#queue;
    if (queue === undefined || !queue.list.find(position)) return;
    if (this.#refusing) queue.listener?.kept();
    else if (this.#outcome === outcomeCode.ack || this.#outcome === outcomeCode.discard) this.#state.removeFound(queue);
    else this.#count(queue);
  }

  /** `interface.md`: a delivery counts when it is NACKed; after so many the message is a dead letter, and as such never moves again. */
  #count(queue: Queue): void {
    const { policy } = this.#state;
    const { chunk, slot, found } = queue.list;
    const count = Math.min(deliveriesMax, chunk.counts[slot]! + 1);
    const rejected = this.#outcome === outcomeCode['dead-letter'];
    const stays = found.deadLetter !== null || queue.name === policy.deadLetterQueue;
    if (stays || (!rejected && count < policy.maxDeliveries)) {
      chunk.counts[slot] = count;
      queue.listener?.requeued();
      return;
    }
    this.#state.removeFound(queue);
    const target = this.#state.queue(policy.deadLetterQueue);
    const deadLetter = { reason: rejected ? 'rejected' : 'max-deliveries', originalDestination: queue.name };
    this.#state.add(target, moved(found, target, deadLetter), count);
  }
}

/** Counts the settlements that can't be carried out, because the message is no longer there. */
export class MissingCounter implements SettlementSink {
  readonly #state: ReplicatedState;
  #queue: Queue | undefined;
  count = 0;

  constructor(state: ReplicatedState) {
    this.#state = state;
  }

  group(queue: string): void {
    this.#queue = this.#state.queues.get(queue);
  }

  position(position: number): void {
    if (this.#queue === undefined || !this.#queue.list.find(position)) this.count++;
  }
}

function moved(message: StoredMessage, to: Queue, deadLetter: NonNullable<StoredMessage['deadLetter']>): StoredMessage {
  const { content } = message;
  to.pool.copy(content, 0, content.length, to.bytes);
  const { block, from } = to.pool;
  const { position, timestampMs, envelope, headerLength, size } = message;
  return new StoredMessage(position, to.name, timestampMs, envelope, deadLetter, block, from, headerLength, size);
}
