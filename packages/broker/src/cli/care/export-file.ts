import { createHash } from 'node:crypto';

import type { ImportedMessage } from '@lockstep/core';
import { askedFor, readAttributes } from './export-attributes.ts';
import { decodeTextStrictly, encodeText } from '@lockstep/kernel';

/*
 * An export is lines of JSON: a head, a line for each message, and an end.
 *
 *   {"lockstep":"export","version":1,"broker":"paris"}
 *   {"queue":"/queue/a","timestamp":1790000000000,"envelope":2,"headers":"k:v\n","body":"text"}
 *   {"lockstep":"end","messages":1,"sha256":"…"}          of all bytes before this line
 *
 * A message also has `attributes` where its sender asked for something (only what it asked for), `deliveries` where it was delivered in vain, and `deadLetter` ({reason, originalDestination}) where it is one. `headersBase64` and
 * `bodyBase64` stand in place of `headers` and `body` where those are not UTF-8. `headers` are the sender's own lines, as they came over the wire;
 * `envelope` is a note on how: bits that the program keeps and gives back.
 */
export const exportVersion = 1;
const deliveriesMax = 0xffff;
const queueBytesMax = 1024;

export function headLine(broker: string): string {
  return JSON.stringify({ lockstep: 'export', version: exportVersion, broker });
}

function textOrBase64(name: 'headers' | 'body', bytes: Uint8Array): Record<string, string> {
  const text = decodeTextStrictly(bytes);
  if (text !== null) return { [name]: text };
  return { [`${name}Base64`]: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
}

export function messageLine(message: ImportedMessage): string {
  const { queue, timestampMs, count, deadLetter, envelope, headerBlock, body, attributes } = message;
  return JSON.stringify({
    queue,
    timestamp: timestampMs,
    ...(count === 0 ? {} : { deliveries: count }),
    ...(deadLetter === null ? {} : { deadLetter }),
    envelope,
    ...(attributes === null ? {} : { attributes: askedFor(attributes) }),
    ...textOrBase64('headers', headerBlock),
    ...textOrBase64('body', body),
  });
}

export function endLine(messages: number, sha256: string): string {
  return JSON.stringify({ lockstep: 'end', messages, sha256 });
}

/** A file that is not an export, or not a whole one; `message` says where and why. */
export class ExportFileError extends Error {
  override readonly name = 'ExportFileError';
}

function isNatural(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

type Fields = Readonly<Record<string, unknown>>;

function bytesOf(fields: Fields, name: string): Uint8Array | null {
  const text = fields[name];
  if (typeof text === 'string') return encodeText(text);
  const coded = fields[`${name}Base64`];
  return typeof coded === 'string' ? Buffer.from(coded, 'base64') : null;
}

/** Undefined: it is none. */
function deadLetterOf(value: unknown): ImportedMessage['deadLetter'] | undefined {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null) return undefined;
  const { reason, originalDestination } = value as Fields;
  return typeof reason === 'string' && typeof originalDestination === 'string'
    ? { reason, originalDestination }
    : undefined;
}

/** What is wrong with it, or the message. */
function messageOf(fields: Fields): ImportedMessage | string {
  const { queue, timestamp, deliveries = 0, envelope } = fields;
  if (typeof queue !== 'string' || !/^\/queue\/./.test(queue)) return '`queue` must be /queue/NAME';
  if (encodeText(queue).length > queueBytesMax) return `\`queue\` is longer than ${queueBytesMax} bytes`;
  if (!isNatural(timestamp, Number.MAX_SAFE_INTEGER)) return '`timestamp` must be milliseconds since 1970';
  if (!isNatural(deliveries, deliveriesMax)) return `\`deliveries\` must be a number from 0 to ${deliveriesMax}`;
  if (!isNatural(envelope, 0xff)) return '`envelope` must be a number from 0 to 255';
  const deadLetter = deadLetterOf(fields['deadLetter']);
  if (deadLetter === undefined) return '`deadLetter` must have `reason` and `originalDestination`';
  const attributes = readAttributes(fields['attributes']);
  if (attributes === undefined) return '`attributes` has what no message has';
  const headerBlock = bytesOf(fields, 'headers');
  const body = bytesOf(fields, 'body');
  if (headerBlock === null) return 'there is neither `headers` nor `headersBase64`';
  if (body === null) return 'there is neither `body` nor `bodyBase64`';
  return { queue, timestampMs: timestamp, count: deliveries, deadLetter, envelope, headerBlock, body, attributes };
}

/** Reads an export line by line, and judges it as a whole at its end. Nothing that it returned counts unless `finish` has passed. */
export class ExportFileReader {
  readonly #hash = createHash('sha256');
  #lines = 0;
  #messages = 0;
  #ended = false;

  get messages(): number {
    return this.#messages;
  }

  /** Null: a line that is no message. @throws ExportFileError */
  line(text: string): ImportedMessage | null {
    this.#lines++;
    if (this.#ended) this.#refuse('something follows the closing line');
    const fields = this.#parse(text);
    if (this.#lines === 1) this.#head(fields);
    else if (fields['lockstep'] === 'end') {
      this.#end(fields);
      return null;
    }
    this.#hash.update(`${text}\n`);
    if (this.#lines === 1) return null;
    const message = messageOf(fields);
    if (typeof message === 'string') this.#refuse(message);
    this.#messages++;
    return message;
  }

  /** The file ends here. @throws ExportFileError */
  finish(): void {
    if (!this.#ended) throw new ExportFileError('the closing line is missing: the file was cut short');
  }

  #parse(text: string): Fields {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // Said below.
    }
    if (typeof value === 'object' && value !== null) return value as Fields;
    return this.#refuse('it is not a JSON object');
  }

  #head({ lockstep, version }: Fields): void {
    if (lockstep !== 'export') this.#refuse('it is not the head of an export made by `lockstep export`');
    if (version === exportVersion) return;
    this.#refuse(`the export has version ${String(version)}, and this program knows version ${exportVersion}`);
  }

  #end({ messages, sha256 }: Fields): void {
    this.#ended = true;
    if (messages !== this.#messages) {
      this.#refuse(`by the closing line there are ${String(messages)} messages, but there are ${this.#messages}`);
    }
    if (sha256 !== this.#hash.digest('hex')) this.#refuse('the checksum does not match: the file was changed');
  }

  #refuse(why: string): never {
    throw new ExportFileError(`line ${this.#lines}: ${why}`);
  }
}
