import type { NaiveCondition, NaiveTerm } from './naive-selector.ts';

/** How a selector is written, where that is of no meaning. */
export interface Style {
  readonly keywords: 'upper' | 'lower' | 'mixed';
  readonly blank: string;
  /** Each takes its turn: parentheses that are not needed. */
  readonly parentheses: readonly boolean[];
}

const LEVELS = { or: 0, and: 1, not: 2, predicate: 3, sum: 4, product: 5, sign: 6, primary: 7 } as const;
type Level = (typeof LEVELS)[keyof typeof LEVELS];

/** Writes a selector with no more parentheses than precedence asks for, and those of the style. */
export class SelectorPrinter {
  readonly #style: Style;
  #turn = 0;

  constructor(style: Style) {
    this.#style = style;
  }

  condition(node: NaiveCondition, level: Level = LEVELS.or): string {
    const [own, words] = this.#condition(node);
    return this.#wrapped(own, level, words);
  }

  #condition(node: NaiveCondition): [Level, string[]] {
    const not = 'not' in node && node.not ? [this.#keyword('not')] : [];
    switch (node.kind) {
      case 'is':
        return [LEVELS.sum, [this.#term(node.term, LEVELS.sum)]];
      case 'compare':
        return [
          LEVELS.predicate,
          [this.#term(node.left, LEVELS.sum), node.operator, this.#term(node.right, LEVELS.sum)],
        ];
      case 'same': {
        const sides = [node.left, node.right].map((side) => this.condition(side, LEVELS.sum));
        return [LEVELS.predicate, [sides[0]!, node.operator, sides[1]!]];
      }
      case 'between': {
        const [of, low, high] = [node.of, node.low, node.high].map((term) => this.#term(term, LEVELS.sum));
        return [LEVELS.predicate, [of!, ...not, this.#keyword('between'), low!, this.#keyword('and'), high!]];
      }
      case 'in': {
        const items = node.items.map((item) => this.#term(item, LEVELS.primary)).join(',');
        return [LEVELS.predicate, [this.#term(node.of, LEVELS.sum), ...not, this.#keyword('in'), `(${items})`]];
      }
      case 'like': {
        const escape = node.escape === null ? [] : [this.#keyword('escape'), quoted(node.escape)];
        const of = this.#term(node.of, LEVELS.sum);
        return [LEVELS.predicate, [of, ...not, this.#keyword('like'), quoted(node.pattern), ...escape]];
      }
      case 'null':
        return [LEVELS.predicate, [nameOf(node.name), this.#keyword('is'), ...not, this.#keyword('null')]];
      case 'not':
        return [LEVELS.not, [this.#keyword('not'), this.condition(node.of, LEVELS.not)]];
      case 'and':
      case 'or': {
        const level = LEVELS[node.kind];
        const higher = node.kind === 'and' ? LEVELS.not : LEVELS.and;
        return [
          level,
          [this.condition(node.left, level), this.#keyword(node.kind), this.condition(node.right, higher)],
        ];
      }
    }
  }

  #term(node: NaiveTerm, level: Level): string {
    switch (node.kind) {
      case 'number':
        return node.text;
      case 'string':
        return quoted(node.text);
      case 'truth':
        return this.#keyword(node.value ? 'true' : 'false');
      case 'name':
        return nameOf(node.name);
      case 'sign':
        return this.#wrapped(LEVELS.sign, level, [node.sign, this.#term(node.of, LEVELS.sign)]);
      case 'calculation':
      case 'join': {
        const operator = node.kind === 'join' ? '+' : node.operator;
        const isSum = operator === '+' || operator === '-';
        const [own, higher] = isSum ? [LEVELS.sum, LEVELS.product] : [LEVELS.product, LEVELS.sign];
        return this.#wrapped(own, level, [this.#term(node.left, own), operator, this.#term(node.right, higher)]);
      }
    }
  }

  #wrapped(own: Level, level: Level, words: readonly string[]): string {
    const text = words.join(this.#style.blank);
    const { parentheses } = this.#style;
    const extra = parentheses.length > 0 && parentheses[this.#turn++ % parentheses.length] === true;
    return own < level || extra ? `(${text})` : text;
  }

  #keyword(word: string): string {
    const { keywords } = this.#style;
    if (keywords === 'lower') return word;
    return keywords === 'upper' ? word.toUpperCase() : word[0]!.toUpperCase() + word.slice(1);
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function nameOf(name: string): string {
  return /^[\p{L}_$][\p{L}\d_$.]*$/u.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
