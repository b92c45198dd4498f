import { BLANK, decodeRange, EMPTY, matchesAscii } from './bytes.ts';
import { unescapeText } from './escaping.ts';
import type { Command } from './command.ts';
import type { EscapingRule, StompVersion } from './escaping.ts';

/** The parser's account of a frame's head. Offsets count from `base`; `lines` holds name start, colon and end of each. */
export interface FrameHead {
  readonly bytes: Buffer;
  readonly base: number;
  readonly lines: readonly number[];
  readonly start: number;
  readonly end: number;
  readonly hasBackslash: boolean;
  readonly hasCarriageReturn: boolean;
}

/**
 * One frame. Its header block and body are views into the bytes that were fed (a large split body has its own
 * buffer): they stay as they are for as long as somebody holds them, and they keep the whole chunk alive; copy what
 * outlives the turn. Header text is decoded when asked for.
 */
export class Frame {
  readonly command: Command;
  /** The version in force when the frame was read: the escaping of `headerBlock`. */
  readonly version: StompVersion;
  /** The frame had a `content-length` (NMS.Stomp tells text from bytes by it). */
  readonly hasContentLength: boolean;
  readonly bodyLength: number;
  readonly head: FrameHead;
  readonly rule: EscapingRule;
  readonly #bodyBytes: Buffer;
  readonly #bodyStart: number;

  constructor(
    command: Command,
    version: StompVersion,
    rule: EscapingRule,
    head: FrameHead,
    bodyBytes: Buffer,
    bodyStart: number,
    bodyLength: number,
    hasContentLength: boolean,
  ) {
    this.command = command;
    this.version = version;
    this.hasContentLength = hasContentLength;
    this.bodyLength = bodyLength;
    this.head = head;
    this.rule = rule;
    this.#bodyBytes = bodyBytes;
    this.#bodyStart = bodyStart;
  }

  /** The body's bytes; a new view at each call. */
  get body(): Uint8Array {
    if (this.bodyLength === 0) return EMPTY;
    return this.#bodyBytes.subarray(this.#bodyStart, this.#bodyStart + this.bodyLength);
  }

  /** The header lines as they came, each with its line end, without the blank line; a new view at each call. */
  get headerBlock(): Uint8Array {
    const { bytes, base, start, end } = this.head;
    return bytes.subarray(base + start, base + end);
  }

  get headerCount(): number {
    return this.head.lines.length / 3;
  }

  /**
   * The first header of that name, decoded; undefined when there is none (STOMP 1.2, Repeated Header Entries). In 1.0 a header
   * has a value (Augmented BNF): one without counts as absent, since no answer could repeat it.
   */
  header(name: string): string | undefined {
    const line = this.#find(name);
    if (line < 0) return undefined;
    const value = this.#value(line);
    return value === '' && this.rule === '1.0' ? undefined : value;
  }

  /** All headers decoded, in order, repeated ones too. For tools and rare frames. */
  headers(): [name: string, value: string][] {
    const list: [string, string][] = [];
    for (let i = 0; i < this.head.lines.length; i += 3) list.push([this.#name(i), this.#value(i)]);
    return list;
  }

  /** The place of the first line of that name; -1 when there is none. */
  #find(name: string): number {
    const { bytes, base, lines, hasBackslash } = this.head;
    if (hasBackslash || !isAscii(name)) {
      for (let i = 0; i < lines.length; i += 3) if (this.#name(i) === name) return i;
      return -1;
    }
    for (let i = 0; i < lines.length; i += 3) {
      const start = lines[i]!;
      if (lines[i + 1]! - start === name.length && matchesAscii(bytes, base + start, name)) return i;
    }
    return -1;
  }

  #name(line: number): string {
    const { bytes, base, lines } = this.head;
    return this.#decode(bytes, base + lines[line]!, base + lines[line + 1]!);
  }

  #value(line: number): string {
    const { bytes, base, lines } = this.head;
    let start = base + lines[line + 1]! + 1;
    let end = base + lines[line + 2]!;
    if (this.rule === '1.0') {
      // STOMP 1.0 pads its own examples (`destination: /queue/a`), and its clients followed; 1.1 and 1.2 forbid to trim.
      while (start < end && bytes[start] === BLANK) start++;
      while (start < end && bytes[end - 1] === BLANK) end--;
    }
    return this.#decode(bytes, start, end);
  }

  #decode(bytes: Buffer, start: number, end: number): string {
    const text = decodeRange(bytes, start, end);
    return this.head.hasBackslash ? unescapeText(text, this.rule) : text;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
