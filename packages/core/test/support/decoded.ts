import { readAttributes } from '../../src/commands/attributes.ts';
import { ByteReader } from '../../src/commands/byte-reader.ts';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { commandType } from '../../src/commands/format.ts';
import { readSettlements } from '../../src/commands/settlements-reader.ts';
import type { ModelSettlement } from './model.ts';

const names = new DestinationNames();
const outcomes = ['ack', 'requeue', 'dead-letter', 'discard', 'return'];

/** A command of a proposal stream, as a test looks at it; null for all others. */
export interface Decoded {
  readonly epoch: number;
  readonly number: number;
  readonly type: 'send' | 'part' | 'settle' | 'end';
  /** Of a message. */
  readonly queue: string;
  readonly body: string;
  readonly priority: number;
  readonly timestampMs: number;
  readonly duplicateId: string;
  readonly settlements: readonly ModelSettlement[];
}

const innerTypes: Readonly<Record<number, Decoded['type']>> = {
  [commandType.enqueue]: 'send',
  [commandType.transactionPart]: 'part',
  [commandType.settle]: 'settle',
  [commandType.transactionEnd]: 'end',
};

export function decoded(command: Uint8Array): Decoded | null {
  if (command[1] !== commandType.streamed) return null;
  const input = new ByteReader();
  input.start(command);
  input.skip(2);
  const epoch = input.number();
  const number = input.number();
  const type = innerTypes[input.byte()]!;
  const settlements: ModelSettlement[] = [];
  if (type === 'send' || type === 'part') {
    input.byte();
    const timestampMs = input.number();
    const attributes = readAttributes(input);
    const message = { priority: attributes?.priority ?? 4, timestampMs, duplicateId: attributes?.duplicateId ?? '' };
    const queue = text(input.prefixed());
    input.prefixed();
    return { epoch, number, type, queue, body: text(input.bytes.subarray(input.at)), ...message, settlements };
  }
  if (type === 'end') input.number();
  let group: Omit<ModelSettlement, 'position'> = { queue: '', outcome: '', dead: null };
  readSettlements(input, names, {
    group: (queue, outcome, dead) => (group = { queue, outcome: outcomes[outcome]!, dead }),
    position: (position) => settlements.push({ ...group, position }),
  });
  return { epoch, number, type, queue: '', body: '', priority: 4, timestampMs: 0, duplicateId: '', settlements };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
