import { compileLike } from './like-pattern.ts';
import { calculate, negated, numberKey } from './numbers.ts';
import {
  booleanOf,
  castToTruth,
  compareValues,
  FALSE,
  numberOf,
  opposite,
  ordered,
  TRUE,
  truthOf,
  UNKNOWN,
} from './values.ts';
import type { CompareOperator, Expression } from './expression.ts';
import type { SelectorNumber } from './numbers.ts';
import type { PropertySource, Truth, Value } from './values.ts';

export type Condition = (source: PropertySource) => Truth;
type Term = (source: PropertySource) => Value;

type Kind<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

/** The expression as functions of a message: what can be decided once is decided here. They make no objects when called. */
export function compileCondition(expression: Expression): Condition {
  switch (expression.kind) {
    case 'comparison':
      return compileComparison(expression);
    case 'between':
      return compileBetween(expression);
    case 'in':
      return compileIn(expression);
    case 'like':
      return compileLikeCondition(expression);
    case 'isNull':
      return compileIsNull(expression);
    case 'not': {
      const operand = compileCondition(expression.operand);
      return (source) => opposite(operand(source));
    }
    case 'and':
      return compileChain(expression, FALSE, TRUE);
    case 'or':
      return compileChain(expression, TRUE, FALSE);
    case 'name':
    case 'literal':
    case 'sign':
    case 'arithmetic':
    case 'concatenation': {
      const term = compileTerm(expression);
      return (source) => castToTruth(term(source));
    }
  }
}

/** JMS 2.0 §3.8.1.2: one operand that is `decisive` settles it, whatever is unknown; else an unknown one makes it unknown. */
function compileChain({ operands }: Kind<'and' | 'or'>, decisive: Truth, otherwise: Truth): Condition {
  const conditions = operands.map(compileCondition);
  if (conditions.length === 2) {
    const [first, second] = conditions as [Condition, Condition];
    return (source) => {
      const left = first(source);
      if (left === decisive) return decisive;
      const right = second(source);
      return left === UNKNOWN && right !== decisive ? UNKNOWN : right;
    };
  }
  return (source) => {
    let result = otherwise;
    for (const condition of conditions) {
      const truth = condition(source);
      if (truth === decisive) return decisive;
      if (truth === UNKNOWN) result = UNKNOWN;
    }
    return result;
  };
}

function compileTerm(expression: Expression): Term {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return () => value;
    }
    case 'name': {
      const { name } = expression;
      return (source) => {
        const value = source.property(name);
        return typeof value === 'number' && !Number.isFinite(value) ? null : value;
      };
    }
    case 'sign':
      return compileSign(expression);
    case 'arithmetic':
      return compileArithmetic(expression);
    case 'concatenation':
      return compileConcatenation(expression);
    case 'comparison':
    case 'between':
    case 'in':
    case 'like':
    case 'isNull':
    case 'not':
    case 'and':
    case 'or': {
      const condition = compileCondition(expression);
      return (source) => {
        const truth = condition(source);
        return truth === UNKNOWN ? null : truth === TRUE;
      };
    }
  }
}

function compileSign({ negative, operand }: Kind<'sign'>): Term {
  const term = compileTerm(operand);
  return (source) => {
    const number = numberOf(term(source));
    return negative && number !== null ? negated(number) : number;
  };
}

/** JMS 2.0 §3.8.1.2: arithmetic with an unknown value is unknown; so it is with what is no number. */
function compileArithmetic({ operator, left, right }: Kind<'arithmetic'>): Term {
  const leftTerm = compileTerm(left);
  const rightTerm = compileTerm(right);
  return (source) => {
    const leftNumber = numberOf(leftTerm(source));
    if (leftNumber === null) return null;
    const rightNumber = numberOf(rightTerm(source));
    return rightNumber === null ? null : calculate(operator, leftNumber, rightNumber);
  };
}

/** A longer text is unknown: nested sums of one long header would make texts of megabytes. UTF-16 units. */
const JOINED_LENGTH_MAX = 64 * 1024;

function compileConcatenation({ left, right }: Kind<'concatenation'>): Term {
  const leftTerm = compileTerm(left);
  const rightTerm = compileTerm(right);
  return (source) => {
    const before = leftTerm(source);
    const behind = rightTerm(source);
    if (before === null || behind === null) return null;
    const joined = `${before}${behind}`;
    return joined.length > JOINED_LENGTH_MAX ? null : joined;
  };
}

const MIRRORED: Readonly<Record<CompareOperator, CompareOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function compileComparison({ operator, left, right }: Kind<'comparison'>): Condition {
  if (right.kind === 'literal') return compileAgainst(operator, left, right.value);
  if (left.kind === 'literal') return compileAgainst(MIRRORED[operator], right, left.value);
  const leftTerm = compileTerm(left);
  const rightTerm = compileTerm(right);
  return (source) => compareValues(operator, leftTerm(source), rightTerm(source));
}

/** With a literal on the right: by far the most frequent, so the usual types are looked at first (bench/selectors.ts). */
function compileAgainst(
  operator: CompareOperator,
  left: Expression,
  literal: string | boolean | SelectorNumber,
): Condition {
  const term = compileTerm(left);
  if (typeof literal === 'string' && (operator === '=' || operator === '<>')) {
    const wanted = truthOf(operator === '=');
    const others = opposite(wanted);
    return (source) => {
      const value = term(source);
      if (typeof value !== 'string') return compareValues(operator, value, literal);
      return value === literal ? wanted : others;
    };
  }
  return (source) => compareValues(operator, term(source), literal);
}

/** As ActiveMQ: NOT BETWEEN is `< low OR > high`, so it does not hold for what can't be compared. */
function compileBetween({ negative, operand, low, high }: Kind<'between'>): Condition {
  const term = compileTerm(operand);
  const lowTerm = compileTerm(low);
  const highTerm = compileTerm(high);
  const [below, above, decisive]: [CompareOperator, CompareOperator, Truth] = negative
    ? ['<', '>', TRUE]
    : ['>=', '<=', FALSE];
  return (source) => {
    const value = term(source);
    const first = ordered(below, value, lowTerm(source));
    if (first === decisive) return decisive;
    const second = ordered(above, value, highTerm(source));
    return first === UNKNOWN && second !== decisive ? UNKNOWN : second;
  };
}

/** The same as `operand = item1 OR operand = item2 …`, at the cost of one look-up. */
function compileIn({ negative, operand, items }: Kind<'in'>): Condition {
  const term = compileTerm(operand);
  const strings = new Set<string>();
  /** What a string has to say, and what a number has to be, to be among the items. */
  const numbers = new Set<SelectorNumber>();
  const numeric = new Set<SelectorNumber>();
  const booleans = new Set<boolean | null>();
  for (const item of items) {
    const number = numberOf(item);
    if (number !== null) numeric.add(numberKey(number));
    if (typeof item === 'string') {
      strings.add(item);
      booleans.add(booleanOf(item));
    } else numbers.add(numberKey(item));
  }
  const among = truthOf(!negative);
  const others = truthOf(negative);
  return (source) => {
    const value = term(source);
    if (typeof value === 'string') {
      if (strings.has(value)) return among;
      if (numbers.size === 0) return others;
      const number = numberOf(value);
      return number !== null && numbers.has(numberKey(number)) ? among : others;
    }
    if (value === null) return UNKNOWN;
    if (typeof value === 'boolean') return booleans.has(value) ? among : others;
    return numeric.has(numberKey(value)) ? among : others;
  };
}

function compileLikeCondition({ negative, operand, pattern, escape }: Kind<'like'>): Condition {
  const term = compileTerm(operand);
  const matches = compileLike(pattern, escape);
  const among = truthOf(!negative);
  const others = truthOf(negative);
  return (source) => {
    const value = term(source);
    if (value === null) return UNKNOWN;
    return typeof value === 'string' && matches(value) ? among : others;
  };
}

function compileIsNull({ negative, operand }: Kind<'isNull'>): Condition {
  const term = compileTerm(operand);
  return (source) => truthOf((term(source) === null) !== negative);
}
