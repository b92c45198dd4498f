import type { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { outcomeCode } from '../commands/format.ts';
import type { OutcomeCode } from '../commands/format.ts';
import { readSettlements } from '../commands/settlements-reader.ts';
import type { DeadLetters, SettlementSink } from '../commands/settlements-reader.ts';
import type { Queue } from './queue.ts';
import { deliveriesMax } from './message-chunk.ts';
import type { ReplicatedState } from './replicated-state.ts';

/** Carries settlements out. A message that is not there is passed over: it was settled meanwhile. */
export class Settler implements SettlementSink {
  readonly #state: ReplicatedState;
  #queue: Queue | undefined;
  #outcome: OutcomeCode = outcomeCode.ack;
  #dead: DeadLetters | null = null;
  #refusing: 'no' | 'yes' | 'streamed' = 'no';

  constructor(state: ReplicatedState) {
    this.#state = state;
  }

  /** Reads settlements that are not to be: the dispatcher hears of them, and (of a `streamed` command) what was delivered bears it from now on. */
  refuse(input: ByteReader, names: DestinationNames, streamed: boolean): void {
    this.#refusing = streamed ? 'streamed' : 'yes';
    readSettlements(input, names, this);
    this.#refusing = 'no';
  }

  group(queue: string, outcome: OutcomeCode, dead: DeadLetters | null): void {
    this.#queue = this.#state.queues.get(queue);
    this.#outcome = outcome;
    this.#dead = dead;
  }

  position(position: number): void {
    const queue = this.#queue;
    if (queue === undefined || !queue.list.find(position)) return;
    if (this.#refusing !== 'no') {
      // The client that had it may be gone by now, and then nothing else tells that it was delivered.
      if (this.#refusing === 'streamed') queue.list.setReturned();
      queue.listener?.kept();
    } else if (this.#outcome === outcomeCode.return) {
      queue.list.setReturned();
      queue.listener?.requeued();
    } else if (this.#outcome === outcomeCode.ack || this.#outcome === outcomeCode.discard) this.#state.dropFound(queue);
    else this.#count(queue);
  }

  /** A delivery is counted, and the message stays, or goes to the dead letters. */
  #count(queue: Queue): void {
    const dead = this.#dead;
    const { list } = queue;
    const count = Math.min(deliveriesMax, list.count + 1);
    if (dead === null || dead.to === queue.name) {
      list.setCount(count);
      queue.listener?.requeued();
      return;
    }
    const { priority, position, size } = list;
    this.#state.removeFound(queue);
    const target = this.#state.queue(dead.to);
    this.#state.add(target, priority, position, size, count, queue.deadLetter(dead.reason));
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
