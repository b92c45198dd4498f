import { encodeText } from '@lockstep/kernel';
import { ByteWriter } from './commands/byte-writer.ts';
import { writeEnqueue, writeImportEnd, writeOpen } from './commands/encoder.ts';
import type { ImportedPast } from './commands/encoder.ts';
import { commandType } from './commands/format.ts';
import type { Message } from './effects.ts';
import type { NewMessage } from './requests.ts';

const scratchBytesKept = 4 * 1024 * 1024;

/** A message from elsewhere, with what it had been through there. */
export interface ImportedMessage extends NewMessage {
  /** The queue in which it lies, `/queue/…`; of a dead letter that of the dead letters. */
  readonly queue: string;
  readonly timestampMs: number;
  /** Counted deliveries. */
  readonly count: number;
  readonly deadLetter: Message['deadLetter'];
}

/**
 * The commands that bring messages into a log that nobody else proposes to: `begin`, a `message` for each, `end`. They take effect
 * with `end`, all or none. The bytes returned are good until the next call.
 */
export class ImportWriter {
  readonly #out = new ByteWriter(scratchBytesKept);
  readonly #pasts: ImportedPast[] = [];
  #parts = 0;

  /** Voids what an import that broke off has left. */
  begin(wallMs: number): Uint8Array {
    this.#out.clear();
    // The next master says otherwise.
    writeOpen(this.#out, wallMs, { idsMax: 0, ageMs: 0 });
    return this.#written();
  }

  message(message: ImportedMessage): Uint8Array {
    const { queue, timestampMs, count, deadLetter } = message;
    const part = this.#parts++;
    if (count > 0 || deadLetter !== null) this.#pasts.push({ part, count, deadLetter });
    this.#out.clear();
    writeEnqueue(this.#out, commandType.transactionPart, encodeText(queue), timestampMs, message);
    return this.#written();
  }

  end(): Uint8Array {
    this.#out.clear();
    writeImportEnd(this.#out, this.#parts, this.#pasts);
    return this.#written();
  }

  #written(): Uint8Array {
    return this.#out.view(0, this.#out.length);
  }
}
