import { isMessage } from '../commands/streamed.ts';
import type { BrokerOptions } from '../options.ts';
import type { Refusal } from '../requests.ts';
import { indexBytesOf, recordOverheadBytes } from '../state/costs.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import { storeFull } from './refusals.ts';
import type { StreamedMessageReader } from './streamed-message-reader.ts';

const storeLimit = 'waiting messages take all of journal.hardLimitBytes';
const indexLimit = 'the index of waiting messages takes all of limits.indexBytes';

/** How much may be stored, what is on its way to it included. */
export class StoreLimits {
  readonly #state: ReplicatedState;
  readonly #options: BrokerOptions;
  readonly #reader: StreamedMessageReader;
  /** Messages proposed and not yet applied, and what they take in the log. */
  #messages = 0;
  #bytes = 0;

  constructor(state: ReplicatedState, options: BrokerOptions, reader: StreamedMessageReader) {
    this.#state = state;
    this.#options = options;
    this.#reader = reader;
  }

  /** All of these commands may go into the log, and nobody needs to look at each of them. */
  admitsAll(commands: readonly Uint8Array[]): boolean {
    const { storeBytesMax, indexBytesMax, sendsRefused } = this.#options;
    let bytes = this.#state.storeBytes + this.#bytes + commands.length * recordOverheadBytes;
    for (const command of commands) bytes += command.length;
    const indexBytes = this.#state.indexBytes + indexBytesOf(this.#messages + commands.length, 0);
    return bytes <= storeBytesMax && indexBytes <= indexBytesMax && sendsRefused() === null;
  }

  /** Why the command's message may not go into the log; null: it may, and is added to `before`, those that go into the log with it. */
  refusalOf(command: Uint8Array, before: { messages: number; bytes: number }): Refusal | null {
    const { storeBytesMax, indexBytesMax, sendsRefused } = this.#options;
    const message = this.#reader.read(command);
    if (message === null) return null;
    const bytes = message.size + recordOverheadBytes;
    if (this.#state.storeBytes + this.#bytes + before.bytes + bytes > storeBytesMax) {
      return storeFull(message.destination, storeLimit);
    }
    const indexBytes = this.#state.indexBytes + indexBytesOf(this.#messages + before.messages + 1, 0);
    if (indexBytes > indexBytesMax) return storeFull(message.destination, indexLimit);
    const refused = sendsRefused();
    if (refused !== null) return storeFull(message.destination, refused);
    before.messages++;
    before.bytes += bytes;
    return null;
  }

  proposed(command: Uint8Array): void {
    this.#messages++;
    this.#bytes += command.length + recordOverheadBytes;
  }

  /** A command has been applied, of whomever. */
  applied(command: Uint8Array): void {
    if (!isMessage(command)) return;
    this.#messages = Math.max(0, this.#messages - 1);
    this.#bytes = Math.max(0, this.#bytes - command.length - recordOverheadBytes);
  }
}
