import { readAttributes } from '../commands/attributes.ts';
import { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { innerTypeAt, isMessage } from '../commands/streamed.ts';

/** What a `streamed` command with a message says of it. */
export interface StreamedMessage {
  readonly destination: string;
  /** Header block and body together, bytes. */
  readonly size: number;
}

export class StreamedMessageReader {
  readonly #names: DestinationNames;
  readonly #input = new ByteReader();

  constructor(names: DestinationNames) {
    this.#names = names;
  }

  /** Null for a command without a message. */
  read(command: Uint8Array): StreamedMessage | null {
    if (!isMessage(command)) return null;
    const input = this.#input;
    input.start(command);
    input.at = innerTypeAt(command) + 1;
    input.byte();
    input.number();
    readAttributes(input);
    const length = input.number();
    const destination = this.#names.nameAt(command, input.skip(length), length);
    const headerLength = input.number();
    const from = input.at;
    input.skip(headerLength);
    return { destination, size: input.end - from };
  }
}
