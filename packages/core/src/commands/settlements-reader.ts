import { assert } from '@lockstep/kernel';
import type { ByteReader } from './byte-reader.ts';
import type { DestinationNames } from './destination-names.ts';
import { outcomeCount } from './format.ts';
import type { OutcomeCode } from './format.ts';

/** Takes the positions of a command's settlement groups. */
export interface SettlementSink {
  group(queue: string, outcome: OutcomeCode): void;
  position(position: number): void;
}

/** Reads settlement groups to the end of the command. */
export function readSettlements(input: ByteReader, names: DestinationNames, sink: SettlementSink): void {
  while (input.at < input.end) {
    const length = input.number();
    const queue = names.nameAt(input.bytes, input.skip(length), length);
    const outcome = input.byte();
    assert(outcome < outcomeCount, `a settle command holds the unknown outcome ${outcome}`);
    sink.group(queue, outcome as OutcomeCode);
    let previous = 0;
    for (let runs = input.number(); runs > 0; runs--) {
      const first = previous + input.signed();
      previous = first + input.number();
      for (let position = first; position <= previous; position++) sink.position(position);
    }
  }
}
