// LIKE (JMS 2.0 §3.8.1.1): `_` stands for any single character, `%` for any sequence of them, also none.

/** Matched where it stands for one character, whichever. */
const ANY = null;

/** What stands between two `%`: characters (code points), some of them `ANY`. */
type Segment = readonly (string | null)[];

/** Finds a segment in a text. */
interface Finder {
  /** Where the leftmost match at or behind `from` ends, or -1. */
  endOfFirst(text: string, from: number): number;
}

/**
 * A LIKE pattern as a function of a text. Its time is bounded by the text's length times a 32nd of the pattern's, plus 64: there is no
 * backtracking, and no RegExp made of what a client sent. `escape` (one character, or null) takes `_`, `%` and itself for what they are; before any
 * other character it stands for itself, as in ActiveMQ.
 */
export function compileLike(pattern: string, escape: string | null): (text: string) => boolean {
  const segments = splitPattern(Array.from(pattern), escape);
  const first = segments[0]!;
  const startsAs = literalOf(first);
  if (segments.length === 1) {
    return startsAs === null ? (text) => endAt(text, 0, first) === text.length : (text) => text === startsAs;
  }
  const last = segments[segments.length - 1]!;
  const endsAs = literalOf(last);
  const finders = segments
    .slice(1, -1)
    .filter((segment) => segment.length > 0)
    .map(finderOf);
  return (text) => {
    let at = startsAs === null ? endAt(text, 0, first) : text.startsWith(startsAs) ? startsAs.length : -1;
    if (at < 0) return false;
    for (const finder of finders) {
      at = finder.endOfFirst(text, at);
      if (at < 0) return false;
    }
    if (endsAs === null) return startBefore(text, text.length, last) >= at;
    return text.length - endsAs.length >= at && text.endsWith(endsAs);
  };
}

/** A segment as the text that it matches, if there is just one. */
function literalOf(segment: Segment): string | null {
  return segment.includes(ANY) ? null : segment.join('');
}

function splitPattern(pattern: readonly string[], escape: string | null): Segment[] {
  const segments: (string | null)[][] = [[]];
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    const next = pattern[i + 1];
    if (character === escape && (next === '_' || next === '%' || next === escape)) {
      segments[segments.length - 1]!.push(next);
      i++;
    } else if (character === '%') segments.push([]);
    else segments[segments.length - 1]!.push(character === '_' ? ANY : character);
  }
  return segments;
}

/** Where the segment ends if it stands at `start`, else -1. */
function endAt(text: string, start: number, segment: Segment): number {
  let at = start;
  for (const character of segment) {
    if (at >= text.length) return -1;
    if (character === ANY) at += unitsAt(text, at);
    else if (text.startsWith(character, at)) at += character.length;
    else return -1;
  }
  return at;
}

/** Where the segment starts if it ends at `end`, else -1. */
function startBefore(text: string, end: number, segment: Segment): number {
  let at = end;
  for (let i = segment.length - 1; i >= 0; i--) {
    const character = segment[i]!;
    if (at <= 0) return -1;
    if (character === ANY) at -= unitsBefore(text, at);
    else if (text.endsWith(character, at)) at -= character.length;
    else return -1;
  }
  return at;
}

function unitsAt(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

function unitsBefore(text: string, end: number): number {
  return end >= 2 && text.codePointAt(end - 2)! > 0xffff ? 2 : 1;
}

/** Up to this length the native search is quicker, and its worst case bearable. */
const NATIVE_MAX = 64;

function finderOf(segment: Segment): Finder {
  const literal = literalOf(segment);
  return literal !== null && literal.length <= NATIVE_MAX ? new NativeFinder(literal) : new BitFinder(segment);
}

class NativeFinder implements Finder {
  readonly #literal: string;

  constructor(literal: string) {
    this.#literal = literal;
  }

  endOfFirst(text: string, from: number): number {
    const at = text.indexOf(this.#literal, from);
    return at < 0 ? -1 : at + this.#literal.length;
  }
}

/** Shift-And (Baeza-Yates and Gonnet 1992): bit i of the state says that the segment's first i+1 characters end here. */
class BitFinder implements Finder {
  readonly #masks = new Map<number, Uint32Array>();
  /** The same, by code point below 0x80: quicker to reach. */
  readonly #asciiMasks: Uint32Array[] = [];
  readonly #others: Uint32Array;
  readonly #state: Uint32Array;
  readonly #lastBit: number;

  constructor(segment: Segment) {
    const words = Math.ceil(segment.length / 32);
    this.#others = new Uint32Array(words);
    this.#state = new Uint32Array(words);
    this.#lastBit = (1 << ((segment.length - 1) & 31)) >>> 0;
    for (const [i, character] of segment.entries()) {
      if (character === ANY) this.#others[i >>> 5]! |= 1 << (i & 31);
    }
    for (const [i, character] of segment.entries()) {
      if (character === ANY) continue;
      const point = character.codePointAt(0)!;
      let mask = this.#masks.get(point);
      if (mask === undefined) this.#masks.set(point, (mask = this.#others.slice()));
      mask[i >>> 5]! |= 1 << (i & 31);
    }
    for (let point = 0; point < 0x80; point++) this.#asciiMasks.push(this.#masks.get(point) ?? this.#others);
  }

  endOfFirst(text: string, from: number): number {
    const state = this.#state.fill(0);
    const last = state.length - 1;
    for (let at = from; at < text.length;) {
      const point = text.codePointAt(at)!;
      const mask = point < 0x80 ? this.#asciiMasks[point]! : (this.#masks.get(point) ?? this.#others);
      at += point > 0xffff ? 2 : 1;
      let carry = 1;
      for (let word = 0; word <= last; word++) {
        const before = state[word]!;
        state[word] = ((before << 1) | carry) & mask[word]!;
        carry = before >>> 31;
      }
      if ((state[last]! & this.#lastBit) !== 0) return at;
    }
    return -1;
  }
}
