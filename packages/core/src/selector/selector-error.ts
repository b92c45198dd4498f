/** Why a text is no selector. */
export interface SelectorError {
  /** What was expected or found, for people: one line, at most 150 characters, without the place. */
  readonly message: string;
  /** Where in the text, UTF-16 units from 0; its length when something is missing at the end. */
  readonly at: number;
}

/** Ends a parse from any depth of it; never leaves `parseSelector`. */
export class SelectorFault extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const SHOWN_MAX = 30;

/** A piece of the text, fit for a message: one line, and not too long. */
export function shownPiece(piece: string): string {
  const characters = Array.from(oneLine(piece));
  return characters.length > SHOWN_MAX ? `${characters.slice(0, SHOWN_MAX).join('')}...` : characters.join('');
}

const AROUND = 30;

/**
 * Message, place and the text around it with a caret under the place:
 *
 * ```
 * selector, column 9: expected a value, found AND
 *   price > AND region = 'eu'
 *           ^
 * ```
 *
 * Columns count characters from 1. At most 72 characters a line are shown of the text.
 */
export function explainSelectorError(text: string, error: SelectorError): string {
  const before = Array.from(oneLine(text.slice(0, error.at)));
  const behind = Array.from(oneLine(text.slice(error.at, error.at + 2 * AROUND + 2)));
  const lead = before.length > AROUND ? `...${before.slice(-AROUND).join('')}` : before.join('');
  const tail = behind.length > AROUND ? `${behind.slice(0, AROUND).join('')}...` : behind.join('');
  const place = `selector, column ${before.length + 1}: ${error.message}`;
  return `${place}\n  ${lead}${tail}\n  ${' '.repeat(Array.from(lead).length)}^`;
}

function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, ' ');
}
