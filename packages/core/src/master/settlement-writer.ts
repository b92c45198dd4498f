import type { ByteWriter } from '../commands/byte-writer.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { writeDeadLetters, writeSettlementGroup } from '../commands/encoder.ts';
import { outcomeCode } from '../commands/format.ts';
import type { DestinationPolicy } from '../destination-policy.ts';
import type { QueueConsumer } from '../dispatch/queue-consumer.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { SettlementGroup } from '../stream/messages.ts';

type GivenBack = 'requeue' | 'dead-letter' | 'discard';

/** Of one group: what becomes of each message. */
interface Decided {
  readonly requeued: number[];
  readonly dead: number[];
  readonly discarded: number[];
}

/** Writes settlements into a command as the destinations' policies have them, so that whoever applies it needs none. */
export class SettlementWriter {
  readonly #state: ReplicatedState;
  readonly #names: DestinationNames;
  readonly #policyOf: (destination: string) => DestinationPolicy;

  constructor(state: ReplicatedState, names: DestinationNames, policyOf: (destination: string) => DestinationPolicy) {
    this.#state = state;
    this.#names = names;
    this.#policyOf = policyOf;
  }

  /** `positions`: those of the group that are settled. `consumer`: who settles them, if it is known. */
  write(
    out: ByteWriter,
    { destination, outcome }: SettlementGroup,
    positions: readonly number[],
    consumer: QueueConsumer | null,
  ): void {
    const queue = this.#names.bytesOf(destination);
    if (outcome !== 'requeue' && outcome !== 'dead-letter') {
      writeSettlementGroup(out, queue, outcomeCode[outcome], positions, 0, positions.length);
      return;
    }
    const policy = this.#policyOf(destination);
    const maxDeliveries = consumer?.attributes.maxDeliveries ?? policy.maxDeliveries;
    const rejected = outcome === 'dead-letter';
    const decided: Decided = { requeued: [], dead: [], discarded: [] };
    const lists = { requeue: decided.requeued, 'dead-letter': decided.dead, discard: decided.discarded };
    for (const position of positions) {
      lists[this.#decide(destination, position, rejected ? 0 : maxDeliveries, policy)].push(position);
    }
    const { requeued, dead, discarded } = decided;
    writeSettlementGroup(out, queue, outcomeCode.requeue, requeued, 0, requeued.length);
    writeSettlementGroup(out, queue, outcomeCode.discard, discarded, 0, discarded.length);
    if (policy.deadLetterQueue === null) return;
    const to = this.#names.bytesOf(policy.deadLetterQueue);
    writeDeadLetters(out, queue, to, rejected ? 'rejected' : 'max-deliveries', dead);
  }

  /** A dead letter never moves again by itself, and neither does what lies where it would go (`interface.md`). */
  #decide(
    destination: string,
    position: number,
    maxDeliveries: number,
    { deadLetterQueue }: DestinationPolicy,
  ): GivenBack {
    const list = this.#state.queues.get(destination)?.list;
    // Settled meanwhile: whatever is written does nothing.
    if (list === undefined || !list.find(position)) return 'requeue';
    if (list.deadLetter !== null || destination === deadLetterQueue) return 'requeue';
    if (list.count + 1 < maxDeliveries) return 'requeue';
    return deadLetterQueue === null ? 'discard' : 'dead-letter';
  }
}
