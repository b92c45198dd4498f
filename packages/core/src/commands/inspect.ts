import { AssertionError, decodeText } from '@lockstep/kernel';
import { readAttributes } from './attributes.ts';
import { ByteReader } from './byte-reader.ts';
import { DestinationNames } from './destination-names.ts';
import { commandType, commandVersion } from './format.ts';
import { readSettlements } from './settlements-reader.ts';

/** What a command is about, for the tools that look at data offline. */
export interface CommandSummary {
  /** `part`: of a transaction or an import. `end`: of one of them. `stream`: about a node's proposal stream, and no message. */
  readonly kind: 'message' | 'part' | 'settlement' | 'end' | 'opening' | 'stream';
  /** Where a message or part goes. */
  readonly queue: string | null;
  /** Positions of the messages that it settles. */
  readonly settled: readonly number[];
}

const kinds: Readonly<Record<number, CommandSummary['kind']>> = {
  [commandType.open]: 'opening',
  [commandType.enqueue]: 'message',
  [commandType.settle]: 'settlement',
  [commandType.transactionPart]: 'part',
  [commandType.transactionEnd]: 'end',
  [commandType.importEnd]: 'end',
  [commandType.openStream]: 'stream',
  [commandType.refuse]: 'stream',
  [commandType.mark]: 'stream',
  [commandType.lapse]: 'stream',
  [commandType.lost]: 'stream',
};

/** Null for bytes that make no command, as far as they are looked at. They may be damaged: what is returned is a guess then. */
export function inspectCommand(command: Uint8Array): CommandSummary | null {
  const input = new ByteReader();
  input.start(command);
  try {
    if (input.byte() !== commandVersion) return null;
    let type = input.byte();
    if (type === commandType.streamed) {
      input.number();
      input.number();
      type = input.byte();
    }
    const kind = kinds[type];
    if (kind === undefined) return null;
    if (kind === 'message' || kind === 'part') {
      input.byte();
      input.number();
      readAttributes(input);
      return { kind, queue: decodeText(input.prefixed()), settled: [] };
    }
    if (type === commandType.transactionEnd) input.number();
    else if (kind !== 'settlement') return { kind, queue: null, settled: [] };
    const settled: number[] = [];
    readSettlements(input, new DestinationNames(), {
      group: () => {},
      position: (position) => settled.push(position),
    });
    return { kind, queue: null, settled };
  } catch (error) {
    if (error instanceof AssertionError) return null;
    throw error;
  }
}
