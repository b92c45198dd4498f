// What may stand with what (JMS 2.0 §3.8.1.1, Comparison operators and below), as far as the text alone tells: what can't ever be true is refused.
import { readNumber } from './numbers.ts';
import { SelectorFault, shownPiece } from './selector-error.ts';
import type { CompareOperator, Expression, ExpressionType } from './expression.ts';

const NAMED: Readonly<Record<ExpressionType, string>> = {
  open: 'a name',
  string: 'a string',
  number: 'a number',
  truth: 'a condition',
};

/** @throws SelectorFault for what is no condition: a string or a number. */
export function requireCondition(expression: Expression): void {
  if (expression.type === 'truth' || expression.kind === 'name') return;
  throw new SelectorFault(expression.at, `expected a condition, found ${NAMED[expression.type]} alone`);
}

export function requireNumber(expression: Expression): void {
  if (expression.type === 'open' || expression.type === 'number') return;
  throw new SelectorFault(expression.at, `expected a number, found ${NAMED[expression.type]}`);
}

/** Strings and booleans have no order in selectors; names may, if the message's values have. */
export function requireOrdered(expression: Expression): void {
  if (expression.type === 'open' || expression.type === 'number') return;
  throw new SelectorFault(
    expression.at,
    `expected a number, found ${NAMED[expression.type]}, which only = and <> can compare`,
  );
}

export function requireComparable(text: string, operator: CompareOperator, left: Expression, right: Expression): void {
  refuseHyphens(text, left, right);
  refuseHyphens(text, right, left);
  if (operator !== '=' && operator !== '<>') {
    requireOrdered(left);
    requireOrdered(right);
    return;
  }
  const types = [left.type, right.type];
  if (types.includes('open')) return;
  if (types.includes('truth') && left.type !== right.type) {
    throw new SelectorFault(right.at, `${NAMED[right.type]} cannot be equal to ${NAMED[left.type]}`);
  }
  if (left.type === 'number') requireNumeric(right);
  if (right.type === 'number') requireNumeric(left);
}

/** For LIKE. */
export function requireText(text: string, expression: Expression): void {
  if (expression.type === 'open' || expression.type === 'string') return;
  throw new SelectorFault(
    expression.at,
    hyphenated(text, expression) ?? `LIKE asks about a string, found ${NAMED[expression.type]}`,
  );
}

export function requireName(text: string, expression: Expression): void {
  if (expression.kind === 'name') return;
  throw new SelectorFault(
    expression.at,
    hyphenated(text, expression) ?? `IS NULL asks about a name, found ${NAMED[expression.type]}`,
  );
}

/** For IN: the items are compared as by =. */
export function requireListed(text: string, expression: Expression, items: readonly unknown[]): void {
  if (expression.type === 'truth') throw new SelectorFault(expression.at, 'IN asks about a string, found a condition');
  if (expression.type !== 'number') return;
  const strange = items.find((item) => typeof item === 'string' && readNumber(item) === null);
  if (strange === undefined) return;
  throw new SelectorFault(
    expression.at,
    hyphenated(text, expression) ?? `a number is never among strings that are none`,
  );
}

function requireNumeric(expression: Expression): void {
  if (expression.kind !== 'literal' || typeof expression.value !== 'string') return;
  if (readNumber(expression.value) !== null) return;
  throw new SelectorFault(expression.at, `the string '${shownPiece(expression.value)}' is never equal to a number`);
}

/** `content-type = 'text/plain'`: what a client writes who thinks of a header's name. */
function refuseHyphens(text: string, difference: Expression, other: Expression): void {
  if (other.kind !== 'literal' || typeof other.value !== 'string' || readNumber(other.value) !== null) return;
  const message = hyphenated(text, difference);
  if (message !== null) throw new SelectorFault(difference.at, message);
}

function hyphenated(text: string, { kind, at }: Expression): string | null {
  if (kind !== 'arithmetic') return null;
  const [run = ''] = /^[\p{L}\p{N}_$.-]+/u.exec(text.slice(at, at + 200)) ?? [];
  if (!run.includes('-')) return null;
  const shown = shownPiece(run);
  return `${shown} is a subtraction; the header of that name is written "${shown}"`;
}
