import { BLANK, COLON, EMPTY, LF, NUL } from './bytes.ts';
import { isConnecting } from './command.ts';
import { escapeText, isSpecial } from './escaping.ts';
import type { Command } from './command.ts';
import type { EscapingRule, StompVersion } from './escaping.ts';

export interface FrameWriterOptions {
  /** What ends a frame: NUL LF on TCP and TLS (php-stomp needs the LF), NUL alone in a WebSocket message. */
  readonly frameEnd?: 'nul-lf' | 'nul';
}

const PIECE_BYTES_MIN = 256;
const PIECE_BYTES_MAX = 64 * 1024;
/** A longer body goes out as a chunk of its own instead of being copied. */
const COPIED_BODY_BYTES_MAX = 16 * 1024;
/** Longer text is encoded natively; below, the call costs more than the loop (bench/codec.ts, "write MESSAGE"). */
const LOOPED_TEXT_MAX = 48;

/**
 * Writes frames of one connection, any number of them, and hands them over as few chunks: `begin`, headers in the
 * order in which they shall stand, `end`. Nothing is checked: names and values of any content are made safe, whether
 * the frame makes sense is the caller's affair. Holds no memory between `take` and the next frame.
 */
export class FrameWriter {
  /** Escaping of the frames begun from now on, CONNECT, STOMP and CONNECTED excepted. */
  version: StompVersion = '1.0';
  readonly #endsWithLf: boolean;
  #rule: EscapingRule = '1.0';
  #skipsEmpty = true;
  #piece: Buffer = EMPTY;
  /** Where the bytes begin that are not yet in `#chunks`. */
  #start = 0;
  #at = 0;
  #chunks: Uint8Array[] = [];
  /** Where in `#chunks` each message ends; of frames that end with NUL alone. */
  #messageEnds: number[] = [];
  #sealedBytes = 0;
  #nextPieceBytes = PIECE_BYTES_MIN;

  constructor(options: FrameWriterOptions = {}) {
    this.#endsWithLf = options.frameEnd !== 'nul';
  }

  /** Bytes written since the last `take`. */
  get pendingBytes(): number {
    return this.#sealedBytes + this.#at - this.#start;
  }

  begin(command: Command): void {
    const plain = isConnecting(command);
    this.#rule = plain ? 'plain' : this.version;
    this.#skipsEmpty = this.version === '1.0' || command === 'CONNECTED';
    this.#reserve(command.length + 1);
    for (let i = 0; i < command.length; i++) this.#piece[this.#at++] = command.charCodeAt(i);
    this.#piece[this.#at++] = LF;
  }

  /** A header, escaped. One with an empty value is left out of CONNECTED and of 1.0's frames, where clients trip over it. */
  header(name: string, value: string): void {
    if (value === '' && this.#skipsEmpty) return;
    this.#text(name, true);
    this.#octet(COLON);
    this.#text(value, false);
    this.#octet(LF);
  }

  /** A header whose value is a safe integer, 0 or more. */
  number(name: string, value: number): void {
    this.#text(name, true);
    this.#reserve(18);
    const piece = this.#piece;
    piece[this.#at++] = COLON;
    let digits = 1;
    for (let bound = 10; bound <= value; bound *= 10) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      const tenth = Math.floor(rest / 10);
      piece[at] = 0x30 + (rest - tenth * 10); // in this order: the sum stays a safe integer
      rest = tenth;
    }
    this.#at += digits;
    piece[this.#at++] = LF;
  }

  /** Header lines as stored, each with its LF, already in this version's escaping (`transcodeHeaderBlock`). Copied. */
  headerBlock(block: Uint8Array): void {
    this.#reserve(block.length);
    this.#piece.set(block, this.#at);
    this.#at += block.length;
  }

  /** Ends the frame. The body must not change until the chunks of `take` are gone: a long one is passed on, not copied. */
  end(body: Uint8Array = EMPTY): void {
    this.#octet(LF);
    if (body.length > COPIED_BODY_BYTES_MAX) {
      this.#seal();
      this.#chunks.push(body);
      this.#sealedBytes += body.length;
    } else if (body.length > 0) {
      this.#reserve(body.length);
      this.#piece.set(body, this.#at);
      this.#at += body.length;
    }
    this.#reserve(2);
    this.#piece[this.#at++] = NUL;
    if (this.#endsWithLf) this.#piece[this.#at++] = LF;
    else this.#endMessage();
  }

  /** A RECEIPT frame (STOMP 1.2, RECEIPT). */
  receipt(receiptId: string): void {
    this.begin('RECEIPT');
    this.header('receipt-id', receiptId);
    this.end();
  }

  /** An end of line between frames (STOMP 1.2, Heart-beating). */
  heartBeat(): void {
    this.#octet(LF);
    if (!this.#endsWithLf) this.#endMessage();
  }

  /** As `take`, by frames, where those end with NUL alone: each is a message of its own. */
  takeMessages(): Uint8Array[][] {
    const ends = this.#messageEnds;
    this.#messageEnds = [];
    const chunks = this.take();
    return ends.map((end, index) => chunks.slice(ends[index - 1] ?? 0, end));
  }

  /** All that was written since the last call, in order; mostly one chunk. The writer never touches these bytes again. */
  take(): Uint8Array[] {
    this.#seal();
    const chunks = this.#chunks;
    const bytes = this.#sealedBytes;
    this.#chunks = [];
    if (!this.#endsWithLf) this.#messageEnds = [];
    this.#sealedBytes = 0;
    this.#piece = EMPTY;
    this.#start = 0;
    this.#at = 0;
    // The next turn probably writes about as much as this one.
    this.#nextPieceBytes = Math.min(Math.max(bytes, PIECE_BYTES_MIN), PIECE_BYTES_MAX);
    return chunks;
  }

  #endMessage(): void {
    this.#seal();
    this.#messageEnds.push(this.#chunks.length);
  }

  #octet(octet: number): void {
    this.#reserve(1);
    this.#piece[this.#at++] = octet;
  }

  #text(text: string, isName: boolean): void {
    if (text.length <= LOOPED_TEXT_MAX) {
      this.#reserve(text.length);
      const piece = this.#piece;
      const start = this.#at;
      let i = 0;
      for (; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f || (unit <= 0x5c && isSpecial(unit))) break;
        piece[start + i] = unit;
      }
      if (i === text.length) {
        this.#at = start + i;
        return;
      }
    }
    const escaped = escapeText(text, this.#rule, isName);
    this.#reserve(escaped.length * 3);
    this.#at += this.#piece.write(escaped, this.#at, 'utf8');
  }

  /** Makes room for `count` octets in one piece. */
  #reserve(count: number): void {
    if (this.#at + count <= this.#piece.length) return;
    this.#seal();
    this.#piece = Buffer.allocUnsafe(Math.max(this.#nextPieceBytes, count));
    this.#start = 0;
    this.#at = 0;
    this.#nextPieceBytes = Math.min(this.#nextPieceBytes * 2, PIECE_BYTES_MAX);
  }

  #seal(): void {
    if (this.#at === this.#start) return;
    this.#chunks.push(this.#piece.subarray(this.#start, this.#at));
    this.#sealedBytes += this.#at - this.#start;
    this.#start = this.#at;
  }
}

/** An ERROR frame's headers beyond its own: `version` when no version is shared, for instance. */
export interface ErrorFrame {
  /** Cut to 200 bytes on the wire. */
  readonly message: string;
  /** Plain text, cut to 4,096 bytes. */
  readonly body?: string | undefined;
  readonly receiptId?: string | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

const ERROR_MESSAGE_BYTES_MAX = 200;
const ERROR_BODY_BYTES_MAX = 4096;

/** Writes an ERROR frame that keeps to what clients take (stompit: short header lines, bodies of 4,096 bytes). */
export function writeError(writer: FrameWriter, error: ErrorFrame): void {
  const body = cutToBytes(error.body ?? '', ERROR_BODY_BYTES_MAX, () => 0);
  const isSpecialUnit = (unit: number): number => (unit !== BLANK && isSpecial(unit) ? 1 : 0);
  writer.begin('ERROR');
  writer.header('message', cutToBytes(error.message, ERROR_MESSAGE_BYTES_MAX, isSpecialUnit).toString('utf8'));
  if (error.receiptId !== undefined) writer.header('receipt-id', error.receiptId);
  for (const [name, value] of error.headers ?? []) writer.header(name, value);
  writer.header('content-type', 'text/plain');
  writer.number('content-length', body.length);
  writer.end(body);
}

/** As much of the text, by whole characters, as fits; `extra` is what a UTF-16 unit costs beyond its UTF-8 octets. */
function cutToBytes(text: string, bytesMax: number, extra: (unit: number) => number): Buffer {
  let bytes = 0;
  let units = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const octets = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    bytes += octets + extra(code);
    if (bytes > bytesMax) break;
    units += character.length;
  }
  return Buffer.from(text.slice(0, units), 'utf8');
}
