import { assert } from '@lockstep/kernel';
import type { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { deliveriesMax } from './message-chunk.ts';
import type { Part } from './part.ts';
import type { ReplicatedState } from './replicated-state.ts';

/** Makes messages of an import's parts, some of which (the rest of the command says which) bring along what they had been through elsewhere. */
export function addImported(
  state: ReplicatedState,
  parts: readonly Part[],
  input: ByteReader,
  names: DestinationNames,
): void {
  const text = (): string => {
    const length = input.number();
    return names.nameAt(input.bytes, input.skip(length), length);
  };
  let next = 0;
  while (input.at < input.end) {
    const part = next + input.number();
    assert(part < parts.length, `the import that ends at ${state.applied} has no part ${part}`);
    while (next < part) state.addPart(parts[next++]!, 0, null);
    const count = Math.min(deliveriesMax, input.number());
    const deadLetter = input.byte() === 1 ? { reason: text(), originalDestination: text() } : null;
    state.addPart(parts[next++]!, count, deadLetter);
  }
  while (next < parts.length) state.addPart(parts[next++]!, 0, null);
}
