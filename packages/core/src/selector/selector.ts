import { compileCondition } from './compile.ts';
import { SelectorParser } from './parser.ts';
import { SelectorFault } from './selector-error.ts';
import { TRUE } from './values.ts';
import type { Condition } from './compile.ts';
import type { Expression } from './expression.ts';
import type { SelectorError } from './selector-error.ts';
import type { PropertySource } from './values.ts';

/** Longer selectors are refused: with the bounds on depth and LIKE it bounds what one evaluation costs. UTF-16 units. */
export const selectorLengthMax: number = 32 * 1024;

/** ActiveMQ's prefix for the conversions that a selector always has here, as it has there for clients of STOMP. */
const CONVERT_PREFIX = 'convert_string_expressions:';

/** A selector, read and made ready: immutable, to be shared by any number of consumers. */
export class Selector {
  /** As it was given. */
  readonly text: string;
  /** The names that it may ask for, each once, in order of appearance: no others need to be decoded. */
  readonly names: readonly string[];
  readonly #condition: Condition | null;

  /** Use `parseSelector`. */
  constructor(text: string, names: readonly string[], condition: Condition | null) {
    this.text = text;
    this.names = names;
    this.#condition = condition;
  }

  /** It was empty, or blanks alone. */
  get selectsAll(): boolean {
    return this.#condition === null;
  }

  /** Whether the message is selected: neither false nor unknown. Never throws, unless `source` does. */
  matches(source: PropertySource): boolean {
    return this.#condition === null || this.#condition(source) === TRUE;
  }
}

/**
 * Reads a message selector (JMS 2.0 §3.8.1; what departs from it, and from ActiveMQ, is in docs/selectors.md). An empty one, or one of blanks alone,
 * selects all. For any text whatever it returns, and in time that is linear in its length.
 */
export function parseSelector(text: string): Selector | SelectorError {
  if (text.length > selectorLengthMax) {
    return { message: `a selector has at most ${selectorLengthMax} characters`, at: selectorLengthMax };
  }
  try {
    const start = text.startsWith(CONVERT_PREFIX) ? CONVERT_PREFIX.length : 0;
    const expression = new SelectorParser(text, start).parse();
    if (expression === null) return new Selector(text, [], null);
    const names = new Set<string>();
    collectNames(expression, names);
    return new Selector(text, [...names], compileCondition(expression));
  } catch (error) {
    if (error instanceof SelectorFault) return { message: error.message, at: error.at };
    throw error;
  }
}

function collectNames(expression: Expression, names: Set<string>): void {
  if (expression.kind === 'name') names.add(expression.name);
  for (const operand of operandsOf(expression)) collectNames(operand, names);
}

function operandsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'sign':
    case 'not':
    case 'in':
    case 'like':
    case 'isNull':
      return [expression.operand];
    case 'between':
      return [expression.operand, expression.low, expression.high];
    case 'arithmetic':
    case 'concatenation':
    case 'comparison':
      return [expression.left, expression.right];
    case 'and':
    case 'or':
      return expression.operands;
  }
}
