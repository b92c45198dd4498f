import { assert } from '@lockstep/kernel';
import type { MessageAttributes } from './attributes.ts';
import { readAttributes } from './commands/attributes.ts';
import { ByteReader } from './commands/byte-reader.ts';
import { commandType, commandVersion } from './commands/format.ts';
import type { DeadLetter, Effect, Message, MessageReference, StoredDelivery } from './effects.ts';
import type { JournalPosition } from '@lockstep/kernel';

const input = new ByteReader();

/** A stored message, with views of its record. */
class StoredMessage implements Message {
  readonly position: JournalPosition;
  readonly destination: string;
  readonly deadLetter: DeadLetter | null;
  readonly timestampMs: number;
  readonly envelope: number;
  readonly attributes: MessageAttributes | null;
  readonly #record: Uint8Array;
  readonly #headerFrom: number;
  readonly #headerTo: number;

  constructor({ position, destination, deadLetter }: MessageReference, record: Uint8Array) {
    this.position = position;
    this.destination = destination;
    this.deadLetter = deadLetter;
    input.start(record);
    assert(input.byte() === commandVersion, `the record at ${position} is of an unknown version`);
    let type = input.byte();
    if (type === commandType.streamed) {
      input.number();
      input.number();
      type = input.byte();
    }
    const isMessage = type === commandType.enqueue || type === commandType.transactionPart;
    assert(isMessage, `the record at ${position} holds no message`);
    this.envelope = input.byte();
    this.timestampMs = input.number();
    this.attributes = readAttributes(input);
    input.skip(input.number());
    const headerLength = input.number();
    this.#record = record;
    this.#headerFrom = input.skip(headerLength);
    this.#headerTo = input.at;
  }

  get volatileId(): null {
    return null;
  }

  get headerBlock(): Uint8Array {
    return this.#record.subarray(this.#headerFrom, this.#headerTo);
  }

  get body(): Uint8Array {
    return this.#record.subarray(this.#headerTo);
  }
}

/**
 * The message that a state refers to, from its record: the command as it was applied at `reference.position`. Header block and body are views of it.
 * @throws AssertionError for a record that holds no message.
 */
export function readMessage(record: Uint8Array, reference: MessageReference): Message {
  return new StoredMessage(reference, record);
}

/** What the session is to be given. */
export function toDelivery(delivery: StoredDelivery, record: Uint8Array): Extract<Effect, { type: 'deliver' }> {
  const { session, subscription, position, redelivered, deliveryCount } = delivery;
  const message = new StoredMessage(delivery, record);
  return { type: 'deliver', session, subscription, tag: position, message, redelivered, deliveryCount };
}
