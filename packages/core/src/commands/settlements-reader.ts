import { assert } from '@lockstep/kernel';
import type { ByteReader } from './byte-reader.ts';
import type { DestinationNames } from './destination-names.ts';
import { outcomeCode, outcomeCount } from './format.ts';
import type { OutcomeCode } from './format.ts';

/** Where dead letters go, and why they are some. */
export interface DeadLetters {
  readonly to: string;
  readonly reason: string;
}

/** Takes the positions of a command's settlement groups. */
export interface SettlementSink {
  /** `dead`: of dead letters. */
  group(queue: string, outcome: OutcomeCode, dead: DeadLetters | null): void;
  position(position: number): void;
}

/** Reads settlement groups to the end of the command. */
export function readSettlements(input: ByteReader, names: DestinationNames, sink: SettlementSink): void {
  while (input.at < input.end) {
    const queue = nameOf(input, names);
    const outcome = input.byte();
    assert(outcome < outcomeCount, `a settle command holds the unknown outcome ${outcome}`);
    const isDead = outcome === outcomeCode['dead-letter'];
    const dead = isDead ? { to: nameOf(input, names), reason: nameOf(input, names) } : null;
    sink.group(queue, outcome as OutcomeCode, dead);
    let previous = 0;
    for (let runs = input.number(); runs > 0; runs--) {
      const first = previous + input.signed();
      previous = first + input.number();
      for (let position = first; position <= previous; position++) sink.position(position);
    }
  }
}

/** There are few of them: they are remembered. */
function nameOf(input: ByteReader, names: DestinationNames): string {
  const length = input.number();
  return names.nameAt(input.bytes, input.skip(length), length);
}
