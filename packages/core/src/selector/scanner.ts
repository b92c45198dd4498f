import { exactInteger, readNumber } from './numbers.ts';
import { SelectorFault, shownPiece } from './selector-error.ts';
import type { SelectorNumber } from './numbers.ts';

const KEYWORDS = new Set(['AND', 'BETWEEN', 'ESCAPE', 'FALSE', 'IN', 'IS', 'LIKE', 'NOT', 'NULL', 'OR', 'TRUE']);

export type TokenKind = 'keyword' | 'name' | 'string' | 'number' | 'symbol' | 'end';

// JMS 2.0 §3.8.1.1: identifiers are Java's.
const NAME_START = /[\p{L}\p{Nl}\p{Sc}\p{Pc}]/u;
const NAME_PART = /[\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mn}\p{Mc}]/u;
const ASCII_NAME_PART = /[\w$]/;

const POINT = 0x2e;

// Nothing in it can match in two ways, so it takes linear time.
const NUMBER = /0[xX][0-9a-fA-F]+[lL]?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[lLdDfF]?/y;

const SYMBOLS = ['<>', '<=', '>=', '=', '<', '>', '+', '-', '*', '/', '%', '(', ')', ','];

/** What people write who think of other languages, and what they mean. */
const MISTAKES: readonly (readonly [string, string])[] = [
  ['==', 'equality is written ='],
  ['!=', 'inequality is written <>'],
  ['&&', 'write AND'],
  ['||', 'write OR'],
  ['!', 'write NOT'],
  ['\u2018', "strings stand in '"],
  ['\u2019', "strings stand in '"],
  ['\u201c', "strings stand in '"],
  ['`', 'names that need quotes stand in "'],
  ['[', 'names that need quotes stand in "'],
  // JMS 2.0 §3.8.1.3.
  ['/*', 'selectors have no comments'],
  [';', 'nothing may follow a selector'],
];

/** Splits a selector into tokens, one at a time: the fields describe the current one. */
export class SelectorScanner {
  kind: TokenKind = 'end';
  /** Of the current token, UTF-16 units. */
  at = 0;
  /** Keywords in capitals; symbols; names and strings without their quotes. */
  value = '';
  number: SelectorNumber = 0;
  readonly #text: string;
  #next = 0;

  /** Begins at `start`. */
  constructor(text: string, start: number) {
    this.#text = text;
    this.#next = start;
    this.advance();
  }

  /** @throws SelectorFault where no token can begin, or one does not end. */
  advance(): void {
    const text = this.#text;
    let at = this.#next;
    while (at < text.length && ' \t\n\r\f'.includes(text[at]!)) at++;
    this.at = at;
    if (at === text.length) return this.#set('end', '', at);
    const first = text[at]!;
    if (first === "'") return this.#string();
    if (first === '"') return this.#quotedName();
    if (isDigit(first) || (first === '.' && isDigit(text[at + 1] ?? ''))) return this.#number();
    if (nameStarts(text, at)) return this.#name();
    for (const [mistake, remedy] of MISTAKES) {
      if (text.startsWith(mistake, at)) throw new SelectorFault(at, `found ${mistake}: ${remedy}`);
    }
    for (const symbol of SYMBOLS) {
      if (text.startsWith(symbol, at)) return this.#set('symbol', symbol, at + symbol.length);
    }
    const strange = String.fromCodePoint(text.codePointAt(at)!);
    throw new SelectorFault(at, `found ${shownPiece(strange)}, which means nothing in a selector`);
  }

  is(kind: 'keyword' | 'symbol', value: string): boolean {
    return this.kind === kind && this.value === value;
  }

  /** The token as messages name it. */
  describe(): string {
    switch (this.kind) {
      case 'end':
        return 'the end';
      case 'string':
        return `the string '${shownPiece(this.value)}'`;
      case 'name':
        return `the name ${shownPiece(this.value)}`;
      case 'number':
        return `the number ${shownPiece(this.#text.slice(this.at, this.#next))}`;
      case 'keyword':
      case 'symbol':
        return this.value;
    }
  }

  #set(kind: TokenKind, value: string, next: number): void {
    this.kind = kind;
    this.value = value;
    this.#next = next;
  }

  #name(): void {
    const end = nameEnd(this.#text, this.at);
    const name = this.#text.slice(this.at, end);
    const keyword = name.toUpperCase();
    if (KEYWORDS.has(keyword)) this.#set('keyword', keyword, end);
    else this.#set('name', name, end);
  }

  /** `"content-type"`: a name that is no identifier. SQL-92 has them; JMS and ActiveMQ have not. */
  #quotedName(): void {
    const name = this.#quoted('"', 'the name that begins here has no closing "');
    if (name === '') throw new SelectorFault(this.at, 'found "": a name has a character at least');
    // Else `region = "eu"` would be a comparison of two names, and never hold.
    if (isPlainName(name)) {
      throw new SelectorFault(
        this.at,
        `found "${shownPiece(name)}": strings stand in ', and this name needs no quotes`,
      );
    }
    this.kind = 'name';
  }

  #string(): void {
    this.#quoted("'", "the string that begins here has no closing '");
    this.kind = 'string';
  }

  /** A doubled quote stands for one. */
  #quoted(quote: string, unclosed: string): string {
    const text = this.#text;
    let end = text.indexOf(quote, this.at + 1);
    while (end >= 0 && text[end + 1] === quote) end = text.indexOf(quote, end + 2);
    if (end < 0) throw new SelectorFault(this.at, unclosed);
    this.#set('string', text.slice(this.at + 1, end).replaceAll(quote + quote, quote), end + 1);
    return this.value;
  }

  #number(): void {
    NUMBER.lastIndex = this.at;
    const written = NUMBER.exec(this.#text)![0];
    const end = this.at + written.length;
    const value = readLiteral(written);
    if (value === null || namePart(this.#text, end) > 0 || this.#text[end] === '.') {
      throw new SelectorFault(this.at, numberMessage(written, value));
    }
    this.#set('number', '', end);
    this.number = value;
  }
}

/**
 * As Java writes numbers: decimal, `0x` hexadecimal, `0` octal, each with `L` or without; with a point or an exponent, and `d` or `f` or without.
 */
function readLiteral(written: string): SelectorNumber | null {
  const digits = written.replace(/[lL]$/, '');
  if (/^0[xX]/.test(digits)) return exactInteger(BigInt(digits));
  if (/^0\d+$/.test(digits)) return /^[0-7]+$/.test(digits) ? exactInteger(BigInt(`0o${digits}`)) : null;
  if (digits.length < written.length) return /^\d+$/.test(digits) ? readNumber(digits) : null;
  return readNumber(written.replace(/[dDfF]$/, ''));
}

function numberMessage(written: string, value: SelectorNumber | null): string {
  const shown = shownPiece(written);
  if (value !== null) return `a number ends in the middle of a word: ${shown}...`;
  return /^0\d+[lL]?$/.test(written)
    ? `${shown} begins with 0, so is octal, but is not`
    : `${shown} is no number, or too large`;
}

function nameStarts(text: string, at: number): boolean {
  const first = text.codePointAt(at);
  return first !== undefined && NAME_START.test(String.fromCodePoint(first));
}

/** How many units of a name stand at `at`. A point counts between two others: names of headers often have one. */
function namePart(text: string, at: number): number {
  const point = text.codePointAt(at);
  if (point === undefined) return 0;
  if (point === POINT) return text[at + 1] !== '.' && namePart(text, at + 1) > 0 ? 1 : 0;
  if (point < 0x80) return ASCII_NAME_PART.test(text[at]!) ? 1 : 0;
  const character = String.fromCodePoint(point);
  return NAME_PART.test(character) ? character.length : 0;
}

/** Where the name that begins at `at` ends. */
function nameEnd(text: string, at: number): number {
  let end = at;
  for (let units = namePart(text, end); units > 0; units = namePart(text, end)) end += units;
  return end;
}

function isPlainName(name: string): boolean {
  return nameStarts(name, 0) && nameEnd(name, 0) === name.length && !KEYWORDS.has(name.toUpperCase());
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}
