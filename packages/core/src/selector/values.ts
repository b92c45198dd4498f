// How values compare (docs/selectors.md, "Strings and numbers"): STOMP headers are strings, so a string is read as a number or boolean where one is asked for.
import { compareNumbers, readNumber } from './numbers.ts';
import type { CompareOperator } from './expression.ts';
import type { SelectorNumber } from './numbers.ts';

/** What a message says under a name. Strings are as they were sent; a null is unknown. Numbers that are not finite count as unknown. */
export interface PropertySource {
  property(name: string): string | number | boolean | null;
}

export type Value = string | SelectorNumber | boolean | null;

/** Three-valued logic (JMS 2.0 §3.8.1.2): what comes out of a condition. */
export type Truth = 0 | 1 | 2;
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;

export function truthOf(holds: boolean): Truth {
  return holds ? TRUE : FALSE;
}

export function opposite(truth: Truth): Truth {
  return truth === UNKNOWN ? UNKNOWN : truth === TRUE ? FALSE : TRUE;
}

/** The number that a value is or says, or null. */
export function numberOf(value: Value): SelectorNumber | null {
  if (typeof value === 'string') return readNumber(value);
  return typeof value === 'boolean' ? null : value;
}

/** `true` and `false` in any case, as ActiveMQ reads them; null for all else. */
export function booleanOf(text: string): boolean | null {
  if (text.length === 4 && text.toLowerCase() === 'true') return true;
  if (text.length === 5 && text.toLowerCase() === 'false') return false;
  return null;
}

/** A value where a condition stands: true when it says so, false for whatever is no boolean, unknown when there is none. */
export function castToTruth(value: Value): Truth {
  if (value === null) return UNKNOWN;
  return truthOf(value === true || (typeof value === 'string' && booleanOf(value) === true));
}

/** `left = right`. Values of different types that can't be read as one type are not equal, so `<>` holds between them. */
export function equal(left: Value, right: Value): Truth {
  if (left === null || right === null) return UNKNOWN;
  if (typeof left === 'string' && typeof right === 'string') return truthOf(left === right);
  if (typeof left === 'boolean' || typeof right === 'boolean') {
    const leftTruth = typeof left === 'string' ? booleanOf(left) : left;
    const rightTruth = typeof right === 'string' ? booleanOf(right) : right;
    return truthOf(leftTruth === rightTruth);
  }
  const leftNumber = numberOf(left);
  const rightNumber = numberOf(right);
  return truthOf(leftNumber !== null && rightNumber !== null && compareNumbers(leftNumber, rightNumber) === 0);
}

/** `<`, `<=`, `>`, `>=`. Two strings are compared as text, by UTF-16 units, as in ActiveMQ; what has no order gives false. */
export function ordered(operator: CompareOperator, left: Value, right: Value): Truth {
  if (left === null || right === null) return UNKNOWN;
  if (typeof left === 'boolean' || typeof right === 'boolean') return FALSE;
  if (typeof left === 'string' && typeof right === 'string') {
    return holds(operator, left < right ? -1 : left > right ? 1 : 0);
  }
  const leftNumber = numberOf(left);
  const rightNumber = numberOf(right);
  if (leftNumber === null || rightNumber === null) return FALSE;
  return holds(operator, compareNumbers(leftNumber, rightNumber));
}

function holds(operator: CompareOperator, order: number): Truth {
  switch (operator) {
    case '=':
      return truthOf(order === 0);
    case '<>':
      return truthOf(order !== 0);
    case '<':
      return truthOf(order < 0);
    case '<=':
      return truthOf(order <= 0);
    case '>':
      return truthOf(order > 0);
    case '>=':
      return truthOf(order >= 0);
  }
}

export function compareValues(operator: CompareOperator, left: Value, right: Value): Truth {
  if (operator === '=') return equal(left, right);
  if (operator === '<>') return opposite(equal(left, right));
  return ordered(operator, left, right);
}
