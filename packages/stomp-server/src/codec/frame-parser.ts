import { BudgetShare, InputBudget } from '../input-budget.ts';
import { asBuffer, BLANK, CR, decodeRange, EMPTY, LF, matchesAscii, NUL } from './bytes.ts';
import { COMMAND_BYTES_MAX, findCommand, isConnecting, mayHaveBody } from './command.ts';
import { findUndefinedEscape, unescapeText } from './escaping.ts';
import { Frame } from './frame.ts';
import { GrowingBody } from './growing-body.ts';
import { HeadScanner } from './head-scanner.ts';
import { printable, StompError } from './stomp-error.ts';
import type { Command } from './command.ts';
import type { EscapingRule, StompVersion } from './escaping.ts';
import type { FrameHead } from './frame.ts';
import type { StompErrorCode } from './stomp-error.ts';

/** Checked before anything is allocated. All inclusive. */
export interface CodecLimits {
  /** The command line, the header lines and the blank line together. */
  readonly headerBytesMax: number;
  readonly headersMax: number;
  readonly bodyBytesMax: number;
}

const BETWEEN_FRAMES = 0;
const COMMAND_LINE = 1;
const HEADERS = 2;
const COUNTED_BODY = 3;
const GATHERED_BODY = 4;
const BODY_TO_NUL = 5;
/** Failed, or closed. */
const OVER = 6;

/** Bodies of frames that should have none (STOMP 1.2, Body) are taken in and ignored up to here: some clients send a line end. */
const STRAY_BODY_BYTES_MAX = 1024;
/** A counted body longer than this that is not all there gets a buffer of its own, instead of joined chunks. */
const GATHER_ABOVE_BYTES = 16 * 1024;
/** Up to here the held part of an unfinished frame is not counted in the budget, so that small frames never touch it. */
const UNCOUNTED_BYTES = 16 * 1024;

/**
 * Cuts a byte stream into frames, for either side of a connection. Pull-shaped: `feed` a chunk, then call `next`
 * until it returns null; whoever must wait just stops pulling.
 *
 * Memory: what was fed and not yet returned, and at most twice that while a frame is incomplete; so a caller that
 * feeds only after `next` returned null stays within the limits and one chunk. An announced length costs nothing
 * until the bytes come. What is taken for an unfinished frame is counted in the budget that all parsers of a node share,
 * as it grows; when the budget is spent, whoever asks for more fails. Each byte is looked at a bounded number of times, however the stream is split.
 *
 * Line ends between frames (heart-beats) are skipped: any fed byte is a sign of life, so the session needs no more.
 */
export class FrameParser {
  /**
   * The escaping in force for the frames that `next` has yet to return. CONNECT, STOMP and CONNECTED are never
   * unescaped; the session sets this when the version is agreed, before it pulls the next frame.
   */
  version: StompVersion = '1.0';
  readonly #bodyBytesMax: number;
  readonly #scanner: HeadScanner;
  readonly #share: BudgetShare;
  #state = BETWEEN_FRAMES;
  #window: Buffer = EMPTY;
  /** The first byte of the window that belongs to no returned frame: in a frame, its first byte. */
  #at = 0;
  #end = 0;
  /** The window is the parser's own memory, which may have room behind `#end`; a chunk's ends at `#end`. */
  #owned = false;
  #command: Command = 'SEND';
  #rule: EscapingRule = '1.0';
  #bodyLength = 0;
  /** BODY_TO_NUL: offset from `#at` up to which there is no NUL. */
  #searched = 0;
  #gathered: GrowingBody | null = null;
  #gatheredHead: Buffer = EMPTY;
  #error: StompError | null = null;

  constructor(limits: CodecLimits, budget: InputBudget = new InputBudget(Infinity)) {
    this.#share = new BudgetShare(budget);
    this.#bodyBytesMax = limits.bodyBytesMax;
    this.#scanner = new HeadScanner(limits.headerBytesMax, limits.headersMax);
  }

  /** The bytes held for frames not yet returned. */
  get bufferedBytes(): number {
    const gathered = this.#gathered === null ? 0 : this.#gathered.filled + this.#gatheredHead.length;
    return this.#end - this.#at + gathered;
  }

  /** After `next` returned null: the stream stands inside a frame, so that its end now would cut the frame short. */
  get midFrame(): boolean {
    return this.#state !== BETWEEN_FRAMES && this.#state !== OVER;
  }

  /** Takes bytes; the caller must not change them afterwards. Ignored once the stream has failed or is closed. */
  feed(chunk: Uint8Array): void {
    if (chunk.length === 0 || this.#state === OVER) return;
    if (this.#at === this.#end) {
      this.#window = asBuffer(chunk);
      this.#at = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    const held = this.#end - this.#at;
    if (this.#end + chunk.length > this.#window.length) {
      // Views of returned frames may point into the old window, so its bytes never move. Twice the size when little
      // comes at a time, so that a trickling sender costs linear time.
      const needed = held + chunk.length;
      const joined = Buffer.allocUnsafe(held > chunk.length ? needed * 2 : needed);
      this.#window.copy(joined, 0, this.#at, this.#end);
      this.#window = joined;
      this.#at = 0;
      this.#end = held;
      this.#owned = true;
    }
    this.#window.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next frame; null when more bytes are needed.
   * @throws StompError when the peer broke the protocol or the budget is spent, and at every call from then on.
   */
  next(): Frame | null {
    if (this.#error !== null) throw this.#error;
    if (this.#state === BETWEEN_FRAMES && !this.#skipLineEnds()) return null;
    if (this.#state === COMMAND_LINE && !this.#readCommand()) return this.#wait();
    if (this.#state === HEADERS && !this.#readHeaders()) return this.#wait();
    switch (this.#state) {
      case COUNTED_BODY:
        return this.#readCountedBody();
      case GATHERED_BODY:
        return this.#gatherBody();
      case BODY_TO_NUL:
        return this.#readBodyToNul();
      default:
        return null;
    }
  }

  /** Nothing more will be pulled: lets go of all that is held. May be repeated. */
  close(): void {
    this.#state = OVER;
    this.#gathered = null;
    this.#gatheredHead = EMPTY;
    this.#release();
    this.#share.release();
  }

  #skipLineEnds(): boolean {
    let at = this.#at;
    while (at < this.#end && (this.#window[at] === LF || this.#window[at] === CR)) at++;
    this.#at = at;
    if (at === this.#end) {
      this.#release();
      return false;
    }
    this.#state = COMMAND_LINE;
    return true;
  }

  #readCommand(): boolean {
    const bytes = this.#window;
    const start = this.#at;
    const stop = Math.min(this.#end, start + COMMAND_BYTES_MAX + 2);
    let at = start;
    while (at < stop && bytes[at]! > BLANK && bytes[at]! < 0x7f) at++;
    if (at === this.#end && at - start <= COMMAND_BYTES_MAX) return false;
    const length = at - start;
    if (length <= COMMAND_BYTES_MAX) {
      const lineEnd = bytes[at] === CR ? at + 1 : at;
      if (lineEnd === this.#end) return false;
      const command = bytes[lineEnd] === LF ? findCommand(bytes, start, at) : null;
      if (command !== null) {
        this.#command = command;
        this.#scanner.start(lineEnd + 1 - start);
        this.#state = HEADERS;
        return true;
      }
    }
    const shown = printable(bytes, start, Math.min(at + (length === 0 ? 1 : 0), start + COMMAND_BYTES_MAX));
    throw this.#fail('unknown-command', `unknown command ${length > COMMAND_BYTES_MAX ? `${shown}...` : shown}`);
  }

  #readHeaders(): boolean {
    const scanner = this.#scanner;
    const bytes = this.#window;
    const start = this.#at;
    if (!scanner.scan(bytes, start, this.#end)) {
      if (scanner.fault !== null) throw this.#failHead();
      return false;
    }
    this.#rule = isConnecting(this.#command) ? this.#connectingRule() : this.version;
    if ((scanner.hasBackslash || scanner.hasCarriageReturn) && !scanner.check(bytes, start, this.#rule)) {
      throw this.#failHead();
    }
    const length = scanner.contentLength(bytes, start);
    if (length === -2) throw this.#failHead();
    if (length > this.#bodyLimit()) {
      throw this.#failBody(`content-length ${scanner.contentLengthText(bytes, start)}`, 'content-length');
    }
    this.#bodyLength = length;
    this.#searched = scanner.bodyStart;
    this.#state = length < 0 ? BODY_TO_NUL : COUNTED_BODY;
    return true;
  }

  /** A connecting frame that names no version is of 1.0, whose values may be padded. */
  #connectingRule(): EscapingRule {
    const { lines } = this.#scanner;
    const name = this.#command === 'CONNECTED' ? 'version' : 'accept-version';
    for (let i = 0; i < lines.length; i += 3) {
      const start = lines[i]!;
      if (lines[i + 1]! - start === name.length && matchesAscii(this.#window, this.#at + start, name)) return 'plain';
    }
    return '1.0';
  }

  #readCountedBody(): Frame | null {
    const bodyStart = this.#at + this.#scanner.bodyStart;
    const bodyEnd = bodyStart + this.#bodyLength;
    if (bodyEnd < this.#end) {
      if (this.#window[bodyEnd] !== NUL) throw this.#failNul();
      const frame = this.#frame(this.#window, this.#at, this.#window, bodyStart, this.#bodyLength);
      this.#finish(bodyEnd + 1);
      return frame;
    }
    if (this.#bodyLength <= GATHER_ABOVE_BYTES) return this.#wait();
    this.#gatheredHead = Buffer.from(this.#window.subarray(this.#at, bodyStart));
    this.#gathered = new GrowingBody(this.#bodyLength);
    this.#at = bodyStart;
    this.#state = GATHERED_BODY;
    return this.#gatherBody();
  }

  #gatherBody(): Frame | null {
    const body = this.#gathered!;
    const size = this.#gatheredHead.length + body.sizeAfter(this.#end - this.#at);
    if (!this.#share.resize(size)) throw this.#failBudget();
    this.#at += body.take(this.#window, this.#at, this.#end);
    if (this.#at === this.#end) {
      this.#release();
      return null;
    }
    if (this.#window[this.#at] !== NUL) throw this.#failNul();
    const frame = this.#frame(this.#gatheredHead, 0, body.bytes, 0, this.#bodyLength);
    this.#gathered = null;
    this.#gatheredHead = EMPTY;
    this.#finish(this.#at + 1);
    return frame;
  }

  #readBodyToNul(): Frame | null {
    const bodyStart = this.#at + this.#scanner.bodyStart;
    const from = this.#at + this.#searched;
    // An own window has room behind `#end`, which must not be searched, again and again, for a trickling sender.
    const bytes = this.#owned ? this.#window.subarray(0, this.#end) : this.#window;
    const nul = bytes.indexOf(NUL, from);
    const length = (nul < 0 ? this.#end : nul) - bodyStart;
    if (length > this.#bodyLimit()) throw this.#failBody('no NUL', undefined);
    if (nul < 0) {
      this.#searched = this.#end - this.#at;
      return this.#wait();
    }
    const frame = this.#frame(this.#window, this.#at, this.#window, bodyStart, length);
    this.#finish(nul + 1);
    return frame;
  }

  #frame(headBytes: Buffer, base: number, bodyBytes: Buffer, bodyStart: number, bodyLength: number): Frame {
    const { lines, end, hasBackslash, hasCarriageReturn } = this.#scanner;
    const start = lines.length === 0 ? end : lines[0]!;
    const head: FrameHead = {
      bytes: headBytes,
      base,
      lines,
      start,
      end,
      hasBackslash,
      hasCarriageReturn,
    };
    const counted = this.#bodyLength >= 0;
    return new Frame(this.#command, this.version, this.#rule, head, bodyBytes, bodyStart, bodyLength, counted);
  }

  #finish(at: number): void {
    this.#at = at;
    this.#state = BETWEEN_FRAMES;
    if (this.#share.bytes > 0) this.#share.release();
    if (at === this.#end) this.#release();
  }

  #release(): void {
    this.#window = EMPTY;
    this.#at = 0;
    this.#end = 0;
    this.#owned = false;
  }

  /** A few bytes of a frame must not keep much more memory alive until the rest comes, which may be never. */
  #wait(): null {
    const held = this.#end - this.#at;
    const kept = this.#owned ? this.#window.length : this.#window.buffer.byteLength;
    if (held * 4 <= kept || (held <= UNCOUNTED_BYTES && !this.#owned)) {
      this.#window = Buffer.from(this.#window.subarray(this.#at, this.#end));
      this.#at = 0;
      this.#end = held;
      this.#owned = true;
    }
    if (held > UNCOUNTED_BYTES && !this.#share.resize(this.#window.length)) throw this.#failBudget();
    return null;
  }

  #bodyLimit(): number {
    return mayHaveBody(this.#command) ? this.#bodyBytesMax : Math.min(this.#bodyBytesMax, STRAY_BODY_BYTES_MAX);
  }

  #failBody(what: string, header: string | undefined): StompError {
    return this.#fail('body-too-large', `${this.#command}: ${what}, allowed are ${this.#bodyLimit()} bytes`, header);
  }

  #failNul(): StompError {
    return this.#fail('missing-nul', `${this.#command}: no NUL after ${this.#bodyLength} bytes of body`);
  }

  #failBudget(): StompError {
    return this.#fail('input-budget', `${this.#command}: ${this.#share.refusal}`);
  }

  #failHead(): StompError {
    const fault = this.#scanner.fault!;
    return this.#fail(fault.code, `${this.#command}: ${fault.message}`, fault.header);
  }

  #fail(code: StompErrorCode, message: string, header?: string): StompError {
    const receipt = this.#state === COMMAND_LINE ? undefined : this.#receipt();
    this.#error = new StompError(code, message, { header, receipt });
    this.close();
    return this.#error;
  }

  /** The receipt that the faulty frame asked for, if it can be told. */
  #receipt(): string | undefined {
    const { lines } = this.#scanner;
    const [bytes, base] = this.#gathered === null ? [this.#window, this.#at] : [this.#gatheredHead, 0];
    const rule = isConnecting(this.#command) ? 'plain' : this.version;
    for (let i = 0; i < lines.length; i += 3) {
      const start = base + lines[i]!;
      const colon = base + lines[i + 1]!;
      const end = base + lines[i + 2]!;
      if (colon - start !== 7 || !matchesAscii(bytes, start, 'receipt')) continue;
      if (findUndefinedEscape(bytes, colon + 1, end, rule) >= 0) return undefined;
      const text = unescapeText(decodeRange(bytes, colon + 1, end), rule);
      return rule === '1.0' ? text.replace(/^ +| +$/g, '') : text;
    }
    return undefined;
  }
}
