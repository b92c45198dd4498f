import { BACKSLASH, BLANK, COLON, CR, LF, matchesAscii, NUL } from './bytes.ts';
import { findUndefinedEscape } from './escaping.ts';
import { printable } from './stomp-error.ts';
import type { EscapingRule } from './escaping.ts';
import type { StompErrorCode } from './stomp-error.ts';

/** What is wrong with a head: the words behind `COMMAND: `, and the header it is about. */
export interface HeadFault {
  readonly code: StompErrorCode;
  readonly message: string;
  readonly header?: string;
}

const CONTENT_LENGTH = 'content-length';

/**
 * Reads header lines octet by octet, once, however the bytes come: it goes on where it stopped. All its offsets count
 * from the frame's first octet, since the bytes move when chunks are joined.
 */
export class HeadScanner {
  /** Name start, colon, end of each header line so far. A new array for each head: the frame keeps it. */
  lines: number[] = [];
  hasBackslash = false;
  hasCarriageReturn = false;
  /** The blank line has been read; the body starts at `bodyStart`, the header lines end at `end`. */
  end = 0;
  bodyStart = 0;
  fault: HeadFault | null = null;
  readonly #bytesMax: number;
  readonly #headersMax: number;
  #at = 0;
  #lineStart = 0;
  #colon = -1;
  #contentLengthLine = -1;

  constructor(bytesMax: number, headersMax: number) {
    this.#bytesMax = bytesMax;
    this.#headersMax = headersMax;
  }

  /** Begins a head whose command line has ended right before `at`. */
  start(at: number): void {
    this.lines = [];
    this.hasBackslash = false;
    this.hasCarriageReturn = false;
    this.fault = null;
    this.#at = at;
    this.#lineStart = at;
    this.#colon = -1;
    this.#contentLengthLine = -1;
  }

  /**
   * Reads on in the frame that begins at `base`, with bytes up to `end`. True when the head is complete; false when
   * more bytes are needed or `fault` has been set. The outcome does not depend on how the bytes were split.
   */
  scan(bytes: Uint8Array, base: number, end: number): boolean {
    const limit = base + this.#bytesMax;
    const stop = end < limit ? end : limit;
    let lineStart = base + this.#lineStart;
    let colon = this.#colon;
    let at = base + this.#at;
    for (; at < stop; at++) {
      const byte = bytes[at]!;
      // Nearly all octets of a head: lower-case letters; then digits, blanks, most punctuation.
      if (byte > BACKSLASH || (byte > CR && byte < COLON)) continue;
      if (byte === COLON) {
        if (colon < 0) colon = at - base;
      } else if (byte === LF) {
        const lineEnd = at > lineStart && bytes[at - 1] === CR ? at - 1 : at;
        if (lineEnd === lineStart) {
          this.end = lineStart - base;
          this.bodyStart = at + 1 - base;
          return true;
        }
        if (!this.#line(bytes, base, lineStart, colon, lineEnd)) return false;
        lineStart = at + 1;
        colon = -1;
      } else if (byte === BACKSLASH) this.hasBackslash = true;
      else if (byte === CR) this.hasCarriageReturn = true;
      else if (byte === NUL) return this.#failAtNul(bytes, lineStart, colon < 0 ? at : base + colon);
    }
    this.#at = at - base;
    this.#lineStart = lineStart - base;
    this.#colon = colon;
    if (at < limit) return false;
    this.fault = {
      code: 'headers-too-large',
      message: `more than ${this.#bytesMax} bytes before the body`,
    };
    return false;
  }

  /** After a complete scan: whether every header is well-formed under `rule`. Cheap unless a backslash or CR was seen. */
  check(bytes: Uint8Array, base: number, rule: EscapingRule): boolean {
    const { lines } = this;
    for (let i = 0; i < lines.length && this.hasBackslash; i += 3) {
      const at = findUndefinedEscape(bytes, base + lines[i]!, base + lines[i + 2]!, rule);
      if (at < 0) continue;
      const header = printable(bytes, base + lines[i]!, base + lines[i + 1]!);
      const escape = printable(bytes, at, Math.min(at + 2, base + lines[i + 2]!));
      const message = `undefined escape ${escape} in header ${header} (STOMP ${rule})`;
      this.fault = { code: 'undefined-escape', message, header };
      return false;
    }
    if (!this.hasCarriageReturn || rule !== '1.2') return true;
    // STOMP 1.2, Augmented BNF: a CR belongs to a line end or is written as \r. Earlier versions leave it to the value.
    for (let i = 0; i < lines.length; i += 3) {
      for (let at = base + lines[i]!; at < base + lines[i + 2]!; at++) {
        if (bytes[at] !== CR) continue;
        const header = printable(bytes, base + lines[i]!, base + lines[i + 1]!);
        this.fault = {
          code: 'malformed-header',
          message: `bare CR in header ${header} (STOMP 1.2)`,
          header,
        };
        return false;
      }
    }
    return true;
  }

  /** The announced body length, -1 when none is announced, or -2 with `fault` set when it is no count. May exceed any limit. */
  contentLength(bytes: Uint8Array, base: number): number {
    if (this.#contentLengthLine < 0) return -1;
    let at = base + this.lines[this.#contentLengthLine + 1]! + 1;
    let end = base + this.lines[this.#contentLengthLine + 2]!;
    // Padding is forgiven here in every version: 1.0's examples have it, and no other reading is possible.
    while (at < end && bytes[at] === BLANK) at++;
    while (at < end && bytes[end - 1] === BLANK) end--;
    let length = at < end ? 0 : -1;
    for (; at < end && length >= 0; at++) {
      const digit = bytes[at]! - 0x30;
      length = digit >= 0 && digit <= 9 ? Math.min(length * 10 + digit, Number.MAX_SAFE_INTEGER) : -1;
    }
    if (length >= 0) return length;
    const shown = this.contentLengthText(bytes, base);
    const message = `content-length ${shown === '' ? 'is empty' : `is no number of bytes: ${shown}`}`;
    this.fault = { code: 'bad-content-length', message, header: CONTENT_LENGTH };
    return -2;
  }

  /** The announced body length as the peer wrote it, fit for a message. There is one. */
  contentLengthText(bytes: Uint8Array, base: number): string {
    const at = base + this.lines[this.#contentLengthLine + 1]! + 1;
    return printable(bytes, at, base + this.lines[this.#contentLengthLine + 2]!).trim();
  }

  #line(bytes: Uint8Array, base: number, lineStart: number, colon: number, lineEnd: number): boolean {
    if (colon < 0) {
      const header = printable(bytes, lineStart, lineEnd);
      this.fault = {
        code: 'malformed-header',
        message: `header line without a colon: ${header}`,
        header,
      };
      return false;
    }
    const start = lineStart - base;
    if (colon === start) {
      const message = `header line without a name: ${printable(bytes, lineStart, lineEnd)}`;
      this.fault = { code: 'malformed-header', message };
      return false;
    }
    if (this.lines.length >= this.#headersMax * 3) {
      this.fault = { code: 'too-many-headers', message: `more than ${this.#headersMax} headers` };
      return false;
    }
    if (
      colon - start === CONTENT_LENGTH.length &&
      this.#contentLengthLine < 0 &&
      matchesAscii(bytes, lineStart, CONTENT_LENGTH)
    ) {
      this.#contentLengthLine = this.lines.length; // the first counts (STOMP 1.2, Repeated Header Entries)
    }
    this.lines.push(start, colon, lineEnd - base);
    return true;
  }

  /** A header value may be a secret, so only the name is shown. */
  #failAtNul(bytes: Uint8Array, lineStart: number, nameEnd: number): boolean {
    const header = printable(bytes, lineStart, nameEnd);
    const where = header === '' ? 'instead of the blank line' : `behind ${header}`;
    this.fault = { code: 'malformed-header', message: `NUL among the headers, ${where}`, header };
    return false;
  }
}
