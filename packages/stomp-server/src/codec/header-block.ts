import { asBuffer, BACKSLASH, COLON, copyRange, CR, decodeRange, EMPTY, LF, matchesAscii } from './bytes.ts';
import { escapeText, unescapeText } from './escaping.ts';
import type { EscapingRule, StompVersion } from './escaping.ts';
import type { Frame } from './frame.ts';

/** A set of header names, made once, to compare with bytes instead of decoding them. Names are ASCII without `:` and `\`. */
export class HeaderNameSet {
  readonly #byLength: string[][] = [];
  readonly #prefixes: readonly string[];

  /** `prefixes`: every name that begins so is in the set, too. */
  constructor(names: Iterable<string>, prefixes: readonly string[] = []) {
    this.#prefixes = prefixes;
    for (const name of names) (this.#byLength[name.length] ??= []).push(name);
  }

  has(name: string): boolean {
    if (this.#byLength[name.length]?.includes(name) === true) return true;
    return this.#prefixes.some((prefix) => name.startsWith(prefix));
  }

  /** As `has`, for the name in `[start, end)` as it stands on the wire. */
  hasBytes(bytes: Uint8Array, start: number, end: number): boolean {
    const candidates = this.#byLength[end - start];
    if (candidates !== undefined) for (const name of candidates) if (matchesAscii(bytes, start, name)) return true;
    for (const prefix of this.#prefixes) {
      if (end - start >= prefix.length && matchesAscii(bytes, start, prefix)) return true;
    }
    return false;
  }
}

/**
 * The frame's header lines without those whose (decoded) name is in `dropped`: raw, in order, each ended by a single
 * LF, in the escaping of `frame.version`. This is the form in which header blocks are stored and passed on.
 * It is a view of the frame's bytes where nothing had to be moved; copy what outlives the turn.
 */
export function stripHeaders(frame: Frame, dropped: HeaderNameSet): Uint8Array {
  const { bytes, base, lines, start, end, hasCarriageReturn } = frame.head;
  let kept: number[] | null = hasCarriageReturn ? [] : null;
  for (let i = 0; i < lines.length; i += 3) {
    const drop = isDropped(frame, i, dropped);
    if (drop && kept === null) kept = lines.slice(0, i);
    if (!drop && kept !== null) kept.push(lines[i]!, lines[i + 1]!, lines[i + 2]!);
  }
  if (kept === null) return bytes.subarray(base + start, base + end);
  if (kept.length === 0) return EMPTY;
  const last = kept[kept.length - 1]!;
  let length = 0;
  for (let i = 0; i < kept.length; i += 3) length += kept[i + 2]! - kept[i]! + 1;
  // Dropped headers often stand first or last.
  if (!hasCarriageReturn && length === last + 1 - kept[0]!) return bytes.subarray(base + kept[0]!, base + last + 1);
  const block = Buffer.allocUnsafe(length);
  let at = 0;
  for (let i = 0; i < kept.length; i += 3) {
    at = copyRange(bytes, base + kept[i]!, base + kept[i + 2]!, block, at);
    block[at++] = LF;
  }
  return block;
}

function isDropped(frame: Frame, line: number, dropped: HeaderNameSet): boolean {
  const { bytes, base, lines, hasBackslash } = frame.head;
  const start = base + lines[line]!;
  const end = base + lines[line + 1]!;
  if (dropped.hasBytes(bytes, start, end)) return true;
  if (!hasBackslash) return false;
  return dropped.has(unescapeText(decodeRange(bytes, start, end), frame.rule));
}

/**
 * A stored header block (well-formed lines, each ended by LF) as a client of version `to` must see it. The same view
 * when nothing has to change, which is all but always. What `to` cannot express becomes a blank; for 1.0, headers
 * without a value are left out.
 */
export function transcodeHeaderBlock(block: Uint8Array, from: StompVersion, to: StompVersion): Uint8Array {
  const dropEmpty = to === '1.0';
  if (from === to && !dropEmpty) return block;
  if (!needsChange(block, from, to)) return block;
  const bytes = asBuffer(block);
  let text = '';
  for (let start = 0; start < bytes.length;) {
    let end = bytes.indexOf(LF, start);
    if (end < 0) end = bytes.length;
    const colon = bytes.indexOf(COLON, start);
    if (!(dropEmpty && colon === end - 1)) {
      const name = transcode(bytes, start, colon, from, to, true);
      text += `${name}:${transcode(bytes, colon + 1, end, from, to, false)}\n`;
    }
    start = end + 1;
  }
  return Buffer.from(text, 'utf8');
}

/** Decides by one pass over the octets. Colons in values are raw in 1.0 alone. */
function needsChange(block: Uint8Array, from: StompVersion, to: StompVersion): boolean {
  let inValue = false;
  for (let at = 0; at < block.length; at++) {
    const byte = block[at]!;
    if (byte > BACKSLASH) continue;
    if (byte === LF) inValue = false;
    else if (byte === BACKSLASH || byte === CR) {
      if (from !== to) return true;
    } else if (byte === COLON) {
      if (inValue) {
        if (from === '1.0' && to !== '1.0') return true;
      } else {
        inValue = true;
        if (to === '1.0' && (at + 1 === block.length || block[at + 1] === LF)) return true;
      }
    }
  }
  return false;
}

function transcode(
  bytes: Buffer,
  start: number,
  end: number,
  from: EscapingRule,
  to: EscapingRule,
  isName: boolean,
): string {
  const text = decodeRange(bytes, start, end);
  return from === to ? text : escapeText(unescapeText(text, from), to, isName);
}
