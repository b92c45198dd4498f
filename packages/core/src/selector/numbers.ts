// Numbers in selectors (JMS 2.0 §3.8.1.1: exact ones in the range of Java's long, approximate ones in that of double).

/**
 * A number as selectors compute with it. Integers within 64 bits are exact: a JavaScript number where that holds them
 * exactly, else a bigint. All others are doubles, always finite.
 */
export type SelectorNumber = number | bigint;

const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);
/** So many digits always fit a safe integer. */
const SAFE_DIGITS = 15;
/** So many digits may fit 64 bits; more never do. */
const LONG_DIGITS = 19;

/** Longer texts say no number: a double needs no more, and each comparison reads the text anew. UTF-16 units. */
const LENGTH_MAX = 400;

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** The exact integer in its canonical form; beyond 64 bits it becomes a double. */
export function exactInteger(value: bigint): SelectorNumber | null {
  if (value > LONG_MAX || value < LONG_MIN) return finite(Number(value));
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/**
 * The number that a text says: `7`, `-7.5`, `+.5`, `5.`, `1e-3`, always decimal, blanks around it passed over; null when it says none (so `0x10`,
 * `1d`, `NaN`, what is beyond a double, and more than 400 characters).
 */
export function readNumber(text: string): SelectorNumber | null {
  let at = 0;
  let end = text.length;
  if (end > LENGTH_MAX) return null;
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  while (end > at && isBlank(text.charCodeAt(end - 1))) end--;
  const from = at;
  const sign = at < end ? text.charCodeAt(at) : 0;
  if (sign === MINUS || sign === PLUS) at++;
  const digits = at;
  let value = 0;
  while (at < end) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at++;
  }
  if (at < end) return readDecimal(text, from, digits, at, end, value);
  if (at === digits) return null;
  if (at - digits <= SAFE_DIGITS) return sign === MINUS ? 0 - value : value;
  return readLong(text, digits, end, sign === MINUS);
}

/** Digits alone, more than surely fit a safe integer. */
function readLong(text: string, digits: number, end: number, negative: boolean): SelectorNumber | null {
  let at = digits;
  while (at < end && text.charCodeAt(at) === ZERO) at++;
  if (at === end) return 0;
  // Beyond 64 bits.
  if (end - at > LONG_DIGITS) return finite(negative ? -Number(text.slice(at, end)) : Number(text.slice(at, end)));
  const value = BigInt(text.slice(at, end));
  return exactInteger(negative ? -value : value);
}

/** A fraction or an exponent (or neither) begins at `at`, behind digits that say `whole`. */
function readDecimal(
  text: string,
  from: number,
  digits: number,
  at: number,
  end: number,
  whole: number,
): number | null {
  let next = at;
  let count = at - digits;
  let mantissa = whole;
  let fraction = 0;
  if (text.charCodeAt(next) === DOT) {
    for (next++; next < end && isDigit(text.charCodeAt(next)); next++) {
      mantissa = mantissa * 10 + text.charCodeAt(next) - ZERO;
      fraction++;
    }
    count += fraction;
  }
  if (count === 0) return null;
  if (next === end && count <= SAFE_DIGITS) {
    // Both are exact, so their quotient is rounded once, as Number(text) is (Clinger 1990).
    const value = mantissa / 10 ** fraction;
    return text.charCodeAt(from) === MINUS ? 0 - value : value;
  }
  if (next < end && (text[next] === 'e' || text[next] === 'E')) {
    next++;
    const sign = next < end ? text.charCodeAt(next) : 0;
    if (sign === MINUS || sign === PLUS) next++;
    if (next === end) return null;
    while (next < end && isDigit(text.charCodeAt(next))) next++;
  }
  if (next < end) return null;
  const value = Number(text.slice(from, end));
  // Of '-0e5' there would be a negative zero.
  return value === 0 ? 0 : finite(value);
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE;
}

/** Less than 0, 0, more than 0. Exact between all kinds of numbers. */
export function compareNumbers(left: SelectorNumber, right: SelectorNumber): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}

/** A form of the number that is the same (as a key of a set) for all numbers that are equal. */
export function numberKey(value: SelectorNumber): SelectorNumber {
  if (typeof value === 'bigint' || !Number.isInteger(value)) return value;
  return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';

/**
 * Between exact integers `+`, `-`, `*` and `%` are exact, and go on as doubles beyond 64 bits: nothing wraps around. `/` is of doubles, as in
 * ActiveMQ: 7 / 2 is 3.5. Null, so unknown, for a division by zero and for what is beyond a double.
 */
export function calculate(
  operator: ArithmeticOperator,
  left: SelectorNumber,
  right: SelectorNumber,
): SelectorNumber | null {
  if ((operator === '/' || operator === '%') && compareNumbers(right, 0) === 0) return null;
  if (operator === '/') return finite(Number(left) / Number(right));
  const rough = calculateDouble(operator, Number(left), Number(right));
  const bothSmall = Number.isSafeInteger(left) && Number.isSafeInteger(right);
  if (bothSmall && Number.isSafeInteger(rough)) return rough;
  if (!isExact(left) || !isExact(right)) return finite(rough);
  return exactInteger(calculateExact(operator, BigInt(left), BigInt(right)));
}

export function negated(value: SelectorNumber): SelectorNumber | null {
  return typeof value === 'number' ? 0 - value : exactInteger(-value);
}

function isExact(value: SelectorNumber): boolean {
  return typeof value === 'bigint' || Number.isSafeInteger(value);
}

type IntegerOperator = Exclude<ArithmeticOperator, '/'>;

function calculateDouble(operator: IntegerOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '%':
      return left % right;
  }
}

function calculateExact(operator: IntegerOperator, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '%':
      return left % right;
  }
}
