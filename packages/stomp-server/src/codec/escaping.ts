import { BACKSLASH } from './bytes.ts';

export type StompVersion = '1.0' | '1.1' | '1.2';

/**
 * How header text stands on the wire. The versions' own rules, and `plain` for CONNECT, STOMP and CONNECTED: no
 * escapes as in 1.0, but nothing trimmed either.
 */
export type EscapingRule = StompVersion | 'plain';

const LOWER_C = 0x63;
const LOWER_N = 0x6e;
const LOWER_R = 0x72;

/**
 * Where the first undefined escape in `[start, end)` begins, or -1. A backslash at the end is one.
 * 1.1 knows `\n`, `\c`, `\\`; 1.2 also `\r` (Value Encoding); 1.0 knows none, so a backslash is just itself.
 */
export function findUndefinedEscape(bytes: Uint8Array, start: number, end: number, rule: EscapingRule): number {
  if (rule === '1.0' || rule === 'plain') return -1;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== BACKSLASH) continue;
    const next = at + 1 < end ? bytes[at + 1] : -1;
    const defined = next === BACKSLASH || next === LOWER_C || next === LOWER_N || (next === LOWER_R && rule === '1.2');
    if (!defined) return at;
    at++;
  }
  return -1;
}

/** Undoes the escapes of text that findUndefinedEscape has passed. */
export function unescapeText(text: string, rule: EscapingRule): string {
  if (rule === '1.0' || rule === 'plain' || !text.includes('\\')) return text;
  return text.replace(/\\[nrc\\]/g, (escape) => {
    if (escape === '\\n') return '\n';
    if (escape === '\\r') return '\r';
    return escape === '\\c' ? ':' : '\\';
  });
}

/**
 * Header text as it goes out. What the rule cannot express becomes a blank: LF in 1.0, CR in 1.0 and 1.1, a colon in
 * a name of 1.0, and NUL in all.
 */
export function escapeText(text: string, rule: EscapingRule, isName: boolean): string {
  if (rule === '1.0' || rule === 'plain') {
    return isName ? text.replace(/[\r\n\0:]/g, ' ') : text.replace(/[\r\n\0]/g, ' ');
  }
  return text.replace(/[\\\r\n\0:]/g, (octet) => {
    if (octet === '\\') return '\\\\';
    if (octet === '\n') return '\\n';
    if (octet === ':') return '\\c';
    return octet === '\r' && rule === '1.2' ? '\\r' : ' ';
  });
}

/** Whether an octet (or UTF-16 unit) may need escaping or replacing under some rule. */
export function isSpecial(unit: number): boolean {
  return unit === BACKSLASH || unit === 0x3a || unit === 0x0a || unit === 0x0d || unit === 0;
}
