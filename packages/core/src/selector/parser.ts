import { negated } from './numbers.ts';
import { SelectorScanner } from './scanner.ts';
import { SelectorFault } from './selector-error.ts';
import {
  requireComparable,
  requireCondition,
  requireListed,
  requireName,
  requireNumber,
  requireOrdered,
  requireText,
} from './typing.ts';
import type { CompareOperator, Expression, ExpressionType } from './expression.ts';
import type { ArithmeticOperator, SelectorNumber } from './numbers.ts';

/** Parentheses, NOT and signs in one another; and what stands in one another when it is evaluated. */
const DEPTH_MAX = 100;

/** Each of them may search a header of 64 KiB, and takes the longer the longer its pattern is (UTF-16 units of all of them). */
const LIKES_MAX = 64;
const PATTERNS_LENGTH_MAX = 4096;

const COMPARE: ReadonlySet<string> = new Set<CompareOperator>(['=', '<>', '<', '<=', '>', '>=']);

interface Placing {
  readonly at: number;
  readonly type: ExpressionType;
  readonly depth: number;
}

/**
 * Recursive descent, one method for each level of precedence (JMS 2.0 §3.8.1.1): OR, AND, NOT, comparisons, `+ -`, `* / %`, signs. NOT binds as in
 * SQL-92, so `NOT a = 1` is `NOT (a = 1)`.
 */
export class SelectorParser {
  readonly #text: string;
  readonly #scanner: SelectorScanner;
  #nesting = 0;
  #likes = 0;
  #patternsLength = 0;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#scanner = new SelectorScanner(text, start);
  }

  /** The whole text as one condition; null when there is nothing but blanks. */
  parse(): Expression | null {
    if (this.#atEnd()) return null;
    const condition = this.#condition();
    if (!this.#atEnd()) this.#unexpected(this.#afterwards(condition, 'the end'));
    requireCondition(condition);
    return condition;
  }

  #condition(): Expression {
    return this.#chain('or', 'OR', () => this.#conjunction());
  }

  #conjunction(): Expression {
    return this.#chain('and', 'AND', () => this.#negation());
  }

  #chain(kind: 'and' | 'or', keyword: string, next: () => Expression): Expression {
    const { at } = this.#scanner;
    const first = next();
    if (!this.#scanner.is('keyword', keyword)) return first;
    const operands = [first];
    while (this.#takeKeyword(keyword)) operands.push(next());
    for (const operand of operands) requireCondition(operand);
    return { kind, operands, ...this.#placed(at, 'truth', operands) };
  }

  #negation(): Expression {
    const { at } = this.#scanner;
    if (!this.#takeKeyword('NOT')) return this.#predicate();
    const operand = this.#nested(at, () => this.#negation());
    requireCondition(operand);
    return { kind: 'not', operand, ...this.#placed(at, 'truth', [operand]) };
  }

  #predicate(): Expression {
    const operand = this.#sum();
    const scanner = this.#scanner;
    if (scanner.kind === 'symbol' && COMPARE.has(scanner.value)) return this.#comparison(operand);
    if (this.#takeKeyword('IS')) {
      const negative = this.#takeKeyword('NOT');
      if (!this.#takeKeyword('NULL')) this.#unexpected(negative ? 'NULL' : 'NULL or NOT NULL');
      requireName(this.#text, operand);
      return { kind: 'isNull', negative, operand, ...this.#placed(operand.at, 'truth', [operand]) };
    }
    const negative = this.#takeKeyword('NOT');
    if (this.#takeKeyword('BETWEEN')) return this.#between(operand, negative);
    if (this.#takeKeyword('IN')) return this.#in(operand, negative);
    if (this.#takeKeyword('LIKE')) return this.#like(operand, negative);
    if (negative) this.#unexpected('BETWEEN, IN or LIKE');
    return operand;
  }

  #comparison(left: Expression): Expression {
    const operator = this.#scanner.value as CompareOperator;
    this.#scanner.advance();
    const right = this.#sum();
    requireComparable(this.#text, operator, left, right);
    return { kind: 'comparison', operator, left, right, ...this.#placed(left.at, 'truth', [left, right]) };
  }

  #between(operand: Expression, negative: boolean): Expression {
    const low = this.#sum();
    if (!this.#takeKeyword('AND')) this.#unexpected('AND and the upper bound');
    const high = this.#sum();
    const operands = [operand, low, high];
    for (const each of operands) requireOrdered(each);
    return { kind: 'between', negative, operand, low, high, ...this.#placed(operand.at, 'truth', operands) };
  }

  #in(operand: Expression, negative: boolean): Expression {
    if (!this.#takeSymbol('(')) this.#unexpected('( and a list of strings');
    const items: (string | SelectorNumber)[] = [];
    do items.push(this.#item());
    while (this.#takeSymbol(','));
    if (!this.#takeSymbol(')')) this.#unexpected(', or )');
    requireListed(this.#text, operand, items);
    return { kind: 'in', negative, operand, items, ...this.#placed(operand.at, 'truth', [operand]) };
  }

  /** JMS knows strings alone here; numbers may be meant, and signs with them. */
  #item(): string | SelectorNumber {
    if (this.#scanner.kind === 'string') return this.#string('a string');
    const negative = this.#takeSymbol('-');
    if (!negative) this.#takeSymbol('+');
    if (this.#scanner.kind !== 'number') this.#unexpected(negative ? 'a number' : 'a string');
    const { number } = this.#scanner;
    this.#scanner.advance();
    return negative ? (negated(number) ?? number) : number;
  }

  #like(operand: Expression, negative: boolean): Expression {
    if (++this.#likes > LIKES_MAX) throw new SelectorFault(operand.at, `more than ${LIKES_MAX} LIKE in one selector`);
    const { at } = this.#scanner;
    const pattern = this.#string("a pattern in '");
    this.#patternsLength += pattern.length;
    if (this.#patternsLength > PATTERNS_LENGTH_MAX) {
      throw new SelectorFault(at, `more than ${PATTERNS_LENGTH_MAX} characters in patterns of LIKE`);
    }
    let escape: string | null = null;
    if (this.#takeKeyword('ESCAPE')) {
      const { at } = this.#scanner;
      escape = this.#string("one character in '");
      if (Array.from(escape).length !== 1) throw new SelectorFault(at, 'ESCAPE names one character');
    }
    requireText(this.#text, operand);
    return { kind: 'like', negative, operand, pattern, escape, ...this.#placed(operand.at, 'truth', [operand]) };
  }

  #sum(): Expression {
    const { at } = this.#scanner;
    let left = this.#product();
    for (let operator = this.#operator('+-'); operator !== null; operator = this.#operator('+-')) {
      const right = this.#product();
      const isText = operator === '+' && (left.type === 'string' || right.type === 'string');
      left = isText ? this.#concatenation(at, left, right) : this.#arithmetic(at, operator, left, right);
    }
    return left;
  }

  #product(): Expression {
    const { at } = this.#scanner;
    let left = this.#signed();
    for (let operator = this.#operator('*/%'); operator !== null; operator = this.#operator('*/%')) {
      left = this.#arithmetic(at, operator, left, this.#signed());
    }
    return left;
  }

  #arithmetic(at: number, operator: ArithmeticOperator, left: Expression, right: Expression): Expression {
    requireNumber(left);
    requireNumber(right);
    return { kind: 'arithmetic', operator, left, right, ...this.#placed(at, 'number', [left, right]) };
  }

  /** Not JMS, but ActiveMQ: `+` where the text says that one side is a string. */
  #concatenation(at: number, left: Expression, right: Expression): Expression {
    for (const side of [left, right]) if (side.type === 'truth') requireNumber(side);
    return { kind: 'concatenation', left, right, ...this.#placed(at, 'string', [left, right]) };
  }

  #signed(): Expression {
    const { at } = this.#scanner;
    const sign = this.#operator('+-');
    if (sign === null) return this.#primary();
    const operand = this.#nested(at, () => this.#signed());
    requireNumber(operand);
    const negative = sign === '-';
    if (operand.kind === 'literal' && typeof operand.value !== 'string' && typeof operand.value !== 'boolean') {
      return { ...operand, at, value: negative ? (negated(operand.value) ?? operand.value) : operand.value };
    }
    return { kind: 'sign', negative, operand, ...this.#placed(at, 'number', [operand]) };
  }

  #primary(): Expression {
    const scanner = this.#scanner;
    const { at, kind, value } = scanner;
    if (kind === 'name') return this.#name();
    if (kind === 'string') {
      scanner.advance();
      return { kind: 'literal', value, ...this.#placed(at, 'string', []) };
    }
    if (kind === 'number') {
      const { number } = scanner;
      scanner.advance();
      return { kind: 'literal', value: number, ...this.#placed(at, 'number', []) };
    }
    if (this.#takeKeyword('TRUE')) return { kind: 'literal', value: true, ...this.#placed(at, 'truth', []) };
    if (this.#takeKeyword('FALSE')) return { kind: 'literal', value: false, ...this.#placed(at, 'truth', []) };
    if (scanner.is('keyword', 'NULL')) throw new SelectorFault(at, 'found NULL: write IS NULL or IS NOT NULL');
    if (!this.#takeSymbol('(')) this.#unexpected('a name or a value');
    const inner = this.#nested(at, () => this.#condition());
    if (!this.#takeSymbol(')')) this.#unexpected(this.#afterwards(inner, ')'));
    return { ...inner, at };
  }

  #name(): Expression {
    const scanner = this.#scanner;
    const { at, value: name } = scanner;
    scanner.advance();
    if (scanner.is('symbol', '(')) {
      throw new SelectorFault(at, 'found a function: selectors have none');
    }
    if (scanner.kind === 'string' && /^(xpath|xquery)$/i.test(name)) {
      throw new SelectorFault(at, `found ${name.toUpperCase()}: selectors look at headers, not into bodies`);
    }
    return { kind: 'name', name, ...this.#placed(at, 'open', []) };
  }

  #string(expected: string): string {
    if (this.#scanner.kind !== 'string') this.#unexpected(expected);
    const { value } = this.#scanner;
    this.#scanner.advance();
    return value;
  }

  #operator<T extends ArithmeticOperator>(among: '+-' | '*/%'): T | null {
    const { kind, value } = this.#scanner;
    if (kind !== 'symbol' || !among.includes(value)) return null;
    this.#scanner.advance();
    return value as T;
  }

  #takeKeyword(keyword: string): boolean {
    const found = this.#scanner.is('keyword', keyword);
    if (found) this.#scanner.advance();
    return found;
  }

  #takeSymbol(symbol: string): boolean {
    const found = this.#scanner.is('symbol', symbol);
    if (found) this.#scanner.advance();
    return found;
  }

  #atEnd(): boolean {
    return this.#scanner.kind === 'end';
  }

  /** Reads with one level more on the stack. */
  #nested(at: number, read: () => Expression): Expression {
    if (++this.#nesting > DEPTH_MAX) tooDeep(at);
    const expression = read();
    this.#nesting--;
    return expression;
  }

  #placed(at: number, type: ExpressionType, operands: readonly Expression[]): Placing {
    let depth = 0;
    for (const operand of operands) depth = Math.max(depth, operand.depth);
    if (depth >= DEPTH_MAX) tooDeep(at);
    return { at, type, depth: depth + 1 };
  }

  #afterwards(read: Expression, closing: string): string {
    return read.type === 'truth' ? `AND, OR or ${closing}` : `an operator or ${closing}`;
  }

  #unexpected(expected: string): never {
    throw new SelectorFault(this.#scanner.at, `expected ${expected}, found ${this.#scanner.describe()}`);
  }
}

function tooDeep(at: number): never {
  throw new SelectorFault(at, `more than ${DEPTH_MAX} expressions in one another`);
}
