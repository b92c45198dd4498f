// Selectors once more, as a tree that tests make and not a text that is read; slow, and written another way on purpose: Kleene's logic as minimum
// and maximum, integers always as bigints, comparisons as those of fractions, LIKE by a table.
export type NaiveTerm =
  | { readonly kind: 'number'; readonly text: string; readonly value: NaiveNumber }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'truth'; readonly value: boolean }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'sign'; readonly sign: '+' | '-'; readonly of: NaiveTerm }
  | { readonly kind: 'calculation'; readonly operator: string; readonly left: NaiveTerm; readonly right: NaiveTerm }
  | { readonly kind: 'join'; readonly left: NaiveTerm; readonly right: NaiveTerm };

export type NaiveCondition =
  | { readonly kind: 'is'; readonly term: NaiveTerm }
  | { readonly kind: 'compare'; readonly operator: string; readonly left: NaiveTerm; readonly right: NaiveTerm }
  | {
      readonly kind: 'same';
      readonly operator: '=' | '<>';
      readonly left: NaiveCondition;
      readonly right: NaiveCondition;
    }
  | {
      readonly kind: 'between';
      readonly not: boolean;
      readonly of: NaiveTerm;
      readonly low: NaiveTerm;
      readonly high: NaiveTerm;
    }
  | { readonly kind: 'in'; readonly not: boolean; readonly of: NaiveTerm; readonly items: readonly NaiveTerm[] }
  | {
      readonly kind: 'like';
      readonly not: boolean;
      readonly of: NaiveTerm;
      readonly pattern: string;
      readonly escape: string | null;
    }
  | { readonly kind: 'null'; readonly not: boolean; readonly name: string }
  | { readonly kind: 'not'; readonly of: NaiveCondition }
  | { readonly kind: 'and' | 'or'; readonly left: NaiveCondition; readonly right: NaiveCondition };

/** Exact (`integer`), or a double that is no safe integer. */
export type NaiveNumber = { readonly integer: bigint } | { readonly double: number };

export type NaiveValue = NaiveNumber | { readonly text: string } | { readonly truth: boolean } | null;

export type Properties = ReadonlyMap<string, string | number | boolean>;

// Kleene: false 0, unknown a half, true 1.
type Kleene = 0 | 0.5 | 1;

export function selects(condition: NaiveCondition, properties: Properties): boolean {
  return weigh(condition, properties) === 1;
}

function weigh(condition: NaiveCondition, properties: Properties): Kleene {
  const term = (node: NaiveTerm): NaiveValue => evaluate(node, properties);
  switch (condition.kind) {
    case 'is': {
      const value = term(condition.term);
      if (value === null) return 0.5;
      return 'truth' in value ? sure(value.truth) : sure('text' in value && /^true$/i.test(value.text));
    }
    case 'compare':
      return compare(condition.operator, term(condition.left), term(condition.right));
    case 'same': {
      const sides = [condition.left, condition.right].map((side) => weigh(side, properties));
      if (sides.includes(0.5)) return 0.5;
      return sure((sides[0] === sides[1]) === (condition.operator === '='));
    }
    case 'between': {
      const [value, low, high] = [term(condition.of), term(condition.low), term(condition.high)];
      return condition.not
        ? larger(compare('<', value, low), compare('>', value, high))
        : smaller(compare('>=', value, low), compare('<=', value, high));
    }
    case 'in': {
      const value = term(condition.of);
      let found: Kleene = 0;
      for (const item of condition.items) found = larger(found, compare('=', value, term(item)));
      return condition.not ? inverse(found) : found;
    }
    case 'like': {
      const value = term(condition.of);
      if (value === null) return 0.5;
      return sure(('text' in value && isLike(value.text, condition.pattern, condition.escape)) !== condition.not);
    }
    case 'null':
      return sure(properties.has(condition.name) === condition.not);
    case 'not':
      return inverse(weigh(condition.of, properties));
    case 'and':
      return smaller(weigh(condition.left, properties), weigh(condition.right, properties));
    case 'or':
      return larger(weigh(condition.left, properties), weigh(condition.right, properties));
  }
}

function sure(holds: boolean): Kleene {
  return holds ? 1 : 0;
}

function inverse(weight: Kleene): Kleene {
  return (1 - weight) as Kleene;
}

function smaller(left: Kleene, right: Kleene): Kleene {
  return Math.min(left, right) as Kleene;
}

function larger(left: Kleene, right: Kleene): Kleene {
  return Math.max(left, right) as Kleene;
}

function evaluate(node: NaiveTerm, properties: Properties): NaiveValue {
  switch (node.kind) {
    case 'number':
      return node.value;
    case 'string':
      return { text: node.text };
    case 'truth':
      return { truth: node.value };
    case 'name': {
      const value = properties.get(node.name);
      if (value === undefined) return null;
      if (typeof value === 'string') return { text: value };
      return typeof value === 'number' ? fromDouble(value) : { truth: value };
    }
    case 'sign': {
      const value = toNumber(evaluate(node.of, properties));
      if (value === null || node.sign === '+') return value;
      return 'integer' in value ? fromInteger(-value.integer) : fromDouble(-value.double);
    }
    case 'calculation': {
      const left = toNumber(evaluate(node.left, properties));
      const right = toNumber(evaluate(node.right, properties));
      return left === null || right === null ? null : calculate(node.operator, left, right);
    }
    case 'join': {
      const sides = [evaluate(node.left, properties), evaluate(node.right, properties)].map(written);
      return sides.includes(null) ? null : { text: sides.join('') };
    }
  }
}

function written(value: NaiveValue): string | null {
  if (value === null) return null;
  if ('text' in value) return value.text;
  if ('truth' in value) return value.truth ? 'true' : 'false';
  return 'integer' in value ? value.integer.toString() : `${value.double}`;
}

const LONG = 2n ** 63n;

export function fromInteger(integer: bigint): NaiveNumber | null {
  return integer >= -LONG && integer < LONG ? { integer } : fromDouble(Number(integer));
}

export function fromDouble(double: number): NaiveNumber | null {
  if (Math.abs(double) <= Number.MAX_SAFE_INTEGER && double === Math.trunc(double)) return { integer: BigInt(double) };
  return Math.abs(double) <= Number.MAX_VALUE ? { double } : null;
}

function toNumber(value: NaiveValue): NaiveNumber | null {
  if (value === null || 'truth' in value) return null;
  if (!('text' in value)) return value;
  if (value.text.length > 400) return null;
  const text = value.text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
  const integer = /^([+-]?)(\d+)$/.exec(text);
  if (integer !== null) return fromInteger(BigInt(integer[2]!) * (integer[1] === '-' ? -1n : 1n));
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? fromDouble(Number(text)) : null;
}

function doubleOf(value: NaiveNumber): number {
  return 'integer' in value ? Number(value.integer) : value.double;
}

function calculate(operator: string, left: NaiveNumber, right: NaiveNumber): NaiveNumber | null {
  const divides = operator === '/' || operator === '%';
  if (divides && doubleOf(right) === 0) return null;
  if ('integer' in left && 'integer' in right && operator !== '/') {
    if (operator === '+') return fromInteger(left.integer + right.integer);
    if (operator === '-') return fromInteger(left.integer - right.integer);
    return fromInteger(operator === '*' ? left.integer * right.integer : left.integer % right.integer);
  }
  const [a, b] = [doubleOf(left), doubleOf(right)];
  if (operator === '+') return fromDouble(a + b);
  if (operator === '-') return fromDouble(a - b);
  if (operator === '*') return fromDouble(a * b);
  return fromDouble(operator === '/' ? a / b : a % b);
}

/** Less than 0, 0, more than 0. */
function order(left: NaiveNumber, right: NaiveNumber): bigint {
  const [a, b] = [fraction(left), fraction(right)];
  return a.over * b.under - b.over * a.under;
}

/** A double is a fraction whose lower part is a power of two. */
function fraction(value: NaiveNumber): { over: bigint; under: bigint } {
  if ('integer' in value) return { over: value.integer, under: 1n };
  let under = 1n;
  let over = value.double;
  for (; over !== Math.trunc(over); over *= 2) under *= 2n;
  return { over: BigInt(over), under };
}

function compare(operator: string, left: NaiveValue, right: NaiveValue): Kleene {
  if (left === null || right === null) return 0.5;
  if (operator === '<>') return inverse(compare('=', left, right));
  const leftKind = 'text' in left ? 'text' : 'truth' in left ? 'truth' : 'number';
  const rightKind = 'text' in right ? 'text' : 'truth' in right ? 'truth' : 'number';
  if (leftKind === 'truth' || rightKind === 'truth') {
    const [a, b] = [written(left)!.toLowerCase(), written(right)!.toLowerCase()];
    return sure(operator === '=' && a === b);
  }
  if ('text' in left && 'text' in right) {
    if (operator === '=') return sure(left.text === right.text);
    if (left.text === right.text) return sure(operator.endsWith('='));
    return sure(left.text < right.text === operator.startsWith('<'));
  }
  const [a, b] = [toNumber(left), toNumber(right)];
  if (a === null || b === null) return 0;
  const difference = order(a, b);
  if (difference === 0n) return sure(operator.includes('='));
  return sure(operator.startsWith(difference < 0n ? '<' : '>'));
}

/** Row by row of a table: `reached[i]` says that the pattern so far can match the first i characters. */
export function isLike(text: string, pattern: string, escape: string | null): boolean {
  const characters = Array.from(text);
  const rest = Array.from(pattern);
  let reached = characters.map(() => false);
  reached.unshift(true);
  while (rest.length > 0) {
    let wanted = rest.shift()!;
    const isEscape = wanted === escape && rest.length > 0 && ['_', '%', escape].includes(rest[0]!);
    if (isEscape) wanted = rest.shift()!;
    const before = reached;
    if (wanted === '%' && !isEscape) reached = before.map((_, i) => before.slice(0, i + 1).includes(true));
    else {
      const any = wanted === '_' && !isEscape;
      reached = before.map((_, i) => i > 0 && before[i - 1]! && (any || characters[i - 1] === wanted));
    }
  }
  return reached[characters.length]!;
}
