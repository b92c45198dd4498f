/**
 * - `unknown-command`: the first line is no STOMP command, or nothing that could become one
 * - `headers-too-large`, `too-many-headers`, `body-too-large`: a limit is passed
 * - `malformed-header`: no colon, an empty name, a NUL before the blank line, or (1.2) a bare CR
 * - `undefined-escape`: a backslash that the version in force gives no meaning
 * - `bad-content-length`: not a decimal count of octets
 * - `missing-nul`: the octet behind a counted body is not NUL
 * - `input-budget`: no fault of the peer's; all peers together have half sent what they may (`InputBudget`)
 */
export type StompErrorCode =
  | 'unknown-command'
  | 'headers-too-large'
  | 'too-many-headers'
  | 'body-too-large'
  | 'malformed-header'
  | 'undefined-escape'
  | 'bad-content-length'
  | 'missing-nul'
  | 'input-budget';

export interface StompErrorDetails {
  readonly header?: string | undefined;
  readonly receipt?: string | undefined;
}

/**
 * The peer broke the protocol, or there is no room for what it sends; the stream can't be read on. `message` is fit for an ERROR frame's `message` header:
 * one line of printable text, whatever the peer sent.
 */
export class StompError extends Error {
  override readonly name = 'StompError';
  readonly code: StompErrorCode;
  /** The offending header's name, cleaned and cut short. */
  readonly header: string | undefined;
  /** The `receipt` that the faulty frame asked for, where it stood before the fault: the ERROR's `receipt-id`. */
  readonly receipt: string | undefined;
  constructor(code: StompErrorCode, message: string, details: StompErrorDetails = {}) {
    super(message);
    this.code = code;
    this.header = details.header;
    this.receipt = details.receipt;
  }
}

const SHOWN_MAX = 48;

/** What a peer sent, made fit for a message: printable ASCII stays, the rest is a dot, and it is cut short. */
export function printable(bytes: Uint8Array, start: number, end: number): string {
  const stop = Math.min(end, start + SHOWN_MAX);
  let text = '';
  for (let i = start; i < stop; i++) {
    const byte = bytes[i]!;
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return stop < end ? `${text}...` : text;
}
