import { asBuffer, BACKSLASH, BLANK, COLON, decodeRange, LF } from './bytes.ts';
import { escapeText, unescapeText } from './escaping.ts';
import type { StompVersion } from './escaping.ts';

const VERSIONS: readonly StompVersion[] = ['1.0', '1.1', '1.2'];

/** In a block of up to so many bytes a loop beats the call into native code (bench/selectors.ts). */
const LOOPED_SEARCH_MAX = 256;

/** Looks for the headers of one name in stored header blocks, and decodes nothing else. */
export class HeaderSearch {
  /** How a line of that name begins, behind the end of the line before; null where a version can't say the name. */
  readonly #needles: Readonly<Record<StompVersion, Buffer | null>>;

  constructor(name: string) {
    const [first = null, second = null, third = null] = VERSIONS.map((version) => needle(name, version));
    this.#needles = { '1.0': first, '1.1': second, '1.2': third };
  }

  /**
   * The value of the first header of that name, as `Frame.header` gives it; null when there is none (STOMP 1.2, Repeated Header Entries). `block`
   * is a stored block: well-formed lines, each ended by LF, in the escaping of `version`.
   */
  valueIn(block: Uint8Array, version: StompVersion): string | null {
    const line = this.#needles[version];
    if (line === null) return null;
    const bytes = asBuffer(block);
    let start = findLine(bytes, line);
    if (start < 0) return null;
    let end = start;
    let hasBackslash = false;
    for (; end < bytes.length && bytes[end] !== LF; end++) if (bytes[end] === BACKSLASH) hasBackslash = true;
    if (version === '1.0') {
      // As a Frame does: 1.0 pads values, and has no empty ones.
      while (start < end && bytes[start] === BLANK) start++;
      while (start < end && bytes[end - 1] === BLANK) end--;
      return start === end ? null : decodeRange(bytes, start, end);
    }
    const text = decodeRange(bytes, start, end);
    return hasBackslash ? unescapeText(text, version) : text;
  }
}

/** What must be escaped in a name can be in one way only, so a name stands on the wire in one way. */
function needle(name: string, version: StompVersion): Buffer | null {
  const written = escapeText(name, version, true);
  if (unescapeText(written, version) !== name) return null;
  return Buffer.concat([Buffer.of(LF), Buffer.from(written), Buffer.of(COLON)]);
}

/** Where the first line ends that begins so, name and colon, or -1. Before the block's first line there is no LF. */
function findLine(bytes: Buffer, line: Buffer): number {
  if (standsAt(bytes, -1, line)) return line.length - 1;
  if (bytes.length > LOOPED_SEARCH_MAX) {
    const at = bytes.indexOf(line);
    return at < 0 ? -1 : at + line.length;
  }
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === LF && standsAt(bytes, at, line)) return at + line.length;
  }
  return -1;
}

/** Whether the line stands behind the LF at `at`. */
function standsAt(bytes: Buffer, at: number, line: Buffer): boolean {
  if (bytes.length < at + line.length) return false;
  for (let i = 1; i < line.length; i++) if (bytes[at + i] !== line[i]) return false;
  return true;
}
