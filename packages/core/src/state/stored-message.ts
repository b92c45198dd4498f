import type { JournalPosition } from '@lockstep/kernel';
import type { Message } from '../effects.ts';

/** What a message costs in memory beside its bytes, roughly; counted, so that a flood of empty messages meets the limit too. */
export const messageOverheadBytes = 160;

/** A live message: its bytes lie in a buffer that it shares with its neighbours in the queue, and never change. */
export class StoredMessage implements Message {
  readonly position: JournalPosition;
  readonly destination: string;
  readonly timestampMs: number;
  readonly envelope: number;
  readonly deadLetter: { readonly reason: string; readonly originalDestination: string } | null;
  readonly #bytes: Uint8Array;
  readonly #from: number;
  readonly #headerLength: number;
  readonly #length: number;

  /** `bytes` from `from` on: `headerLength` bytes of header block, then the body, `length` in all. Kept, not copied. */
  constructor(
    position: JournalPosition,
    destination: string,
    timestampMs: number,
    envelope: number,
    deadLetter: { readonly reason: string; readonly originalDestination: string } | null,
    bytes: Uint8Array,
    from: number,
    headerLength: number,
    length: number,
  ) {
    this.position = position;
    this.destination = destination;
    this.timestampMs = timestampMs;
    this.envelope = envelope;
    this.deadLetter = deadLetter;
    this.#bytes = bytes;
    this.#from = from;
    this.#headerLength = headerLength;
    this.#length = length;
  }

  get volatileId(): null {
    return null;
  }

  withDeadLetter(deadLetter: StoredMessage['deadLetter']): StoredMessage {
    const { position, destination, timestampMs, envelope } = this;
    return new StoredMessage(
      position,
      destination,
      timestampMs,
      envelope,
      deadLetter,
      this.#bytes,
      this.#from,
      this.#headerLength,
      this.#length,
    );
  }

  /** Header block and body together. */
  get size(): number {
    return this.#length;
  }

  get headerLength(): number {
    return this.#headerLength;
  }

  get headerBlock(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#from + this.#headerLength);
  }

  get body(): Uint8Array {
    return this.#bytes.subarray(this.#from + this.#headerLength, this.#from + this.#length);
  }

  /** Header block and body, one behind the other. */
  get content(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#from + this.#length);
  }
}
