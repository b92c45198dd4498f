import fc from 'fast-check';
import { fromDouble, fromInteger } from './naive-selector.ts';
import type { NaiveCondition, NaiveNumber, NaiveTerm } from './naive-selector.ts';
import type { Style } from './print-selector.ts';

const NAMES = ['a', 'b', 'c', 'order.region', 'content-type', 'say "hi"', 'JMSPriority', '\u00fcnit'];

const longs = fc.oneof(
  fc.bigInt({ min: 0n, max: 20n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: 2n ** 63n - 3n, max: 2n ** 63n + 3n }),
);

const integerLiteral: fc.Arbitrary<NaiveTerm> = fc
  .record({ value: longs, form: fc.constantFrom('decimal', 'L', 'hex', 'octal') })
  .map(({ value, form }) => {
    const digits = value.toString();
    if (form === 'hex') return number(`0x${value.toString(16).toUpperCase()}`, fromInteger(value));
    if (form === 'octal') return number(`0${value.toString(8)}`, fromInteger(value));
    return number(form === 'L' ? `${digits}l` : digits, fromInteger(value));
  });

const decimalLiteral: fc.Arbitrary<NaiveTerm> = fc
  .constantFrom('0.5', '.25', '7.', '1E3', '1.5e-3', '1E16', '10000000000000000.0', '2.0d', '1e308', '5f')
  .map((text) => number(text, fromDouble(Number(text.replace(/[df]$/, '')))));

function number(text: string, value: NaiveNumber | null): NaiveTerm {
  return { kind: 'number', text, value: value! };
}

const word = fc.oneof(
  fc.constantFrom('', 'eu', "d'accord", 'true', 'FALSE', '10', '9', '1.0', ' 7', '-3', '+3', '0x10', '1e400', '007'),
  longs.map(String),
  longs.map((value) => `-${value}`),
  fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\u{1f600}', "'", '1'), maxLength: 8 }),
);

const stringLiteral: fc.Arbitrary<NaiveTerm> = word.map((text) => ({ kind: 'string', text }));
const truthLiteral: fc.Arbitrary<NaiveTerm> = fc.boolean().map((value) => ({ kind: 'truth', value }));
const name: fc.Arbitrary<NaiveTerm> = fc.constantFrom(...NAMES).map((each) => ({ kind: 'name', name: each }));

const { numeric } = fc.letrec<{ numeric: NaiveTerm }>((tie) => ({
  numeric: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    integerLiteral,
    name,
    decimalLiteral,
    fc.record({ kind: fc.constant('sign'), sign: fc.constantFrom('+', '-'), of: tie('numeric') }),
    fc.record({
      kind: fc.constant('calculation'),
      operator: fc.constantFrom('+', '-', '*', '/', '%'),
      left: tie('numeric'),
      right: tie('numeric'),
    }),
  ) as fc.Arbitrary<NaiveTerm>,
}));

const join = fc.record({ kind: fc.constant('join'), left: fc.oneof(name, numeric), right: stringLiteral });
const textual = fc.oneof(name, stringLiteral, join) as fc.Arbitrary<NaiveTerm>;

const equality = fc.constantFrom('=', '<>');
const ordering = fc.constantFrom('=', '<>', '<', '<=', '>', '>=');
const compare = fc.constant('compare');

/** Two sides that may stand around a comparison: what can't ever hold is refused by the parser. */
const comparison = fc.oneof(
  fc.record({ kind: compare, operator: ordering, left: numeric, right: numeric }),
  fc.record({ kind: compare, operator: equality, left: textual, right: name }),
  fc.record({ kind: compare, operator: equality, left: name, right: fc.oneof(textual, truthLiteral) }),
  fc.record({ kind: compare, operator: equality, left: truthLiteral, right: name }),
);

const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\u{1f600}', "'", '1'), maxLength: 6 });

const predicate = fc.oneof(
  { weight: 5, arbitrary: comparison },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('is'), term: fc.oneof(name, truthLiteral) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('between'), not: fc.boolean(), of: numeric, low: numeric, high: numeric }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('in'),
      not: fc.boolean(),
      of: name,
      items: fc.array(fc.oneof(stringLiteral, integerLiteral, decimalLiteral), { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('like'),
      not: fc.boolean(),
      of: textual,
      pattern,
      escape: fc.constantFrom(null, '%', '_', '!', 'a', '\u{1f600}'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('null'), not: fc.boolean(), name: fc.constantFrom(...NAMES) }),
  },
) as fc.Arbitrary<NaiveCondition>;

/** A name alone beside = is a value, not a condition. */
function side(each: fc.Arbitrary<NaiveCondition>): fc.Arbitrary<NaiveCondition> {
  return each.filter(({ kind }) => kind !== 'is');
}

export const condition: fc.Arbitrary<NaiveCondition> = fc.letrec<{ condition: NaiveCondition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    predicate,
    fc.record({ kind: fc.constantFrom('and', 'or'), left: tie('condition'), right: tie('condition') }),
    fc.record({ kind: fc.constant('not'), of: tie('condition') }),
    fc.record({
      kind: fc.constant('same'),
      operator: equality,
      left: side(tie('condition')),
      right: side(tie('condition')),
    }),
  ) as fc.Arbitrary<NaiveCondition>,
})).condition;

const value = fc.oneof(word, word, fc.boolean(), fc.integer({ min: -5, max: 20 }), fc.constantFrom(0.5, 1e16, 1e308));

export const properties: fc.Arbitrary<Map<string, string | number | boolean>> = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), value), { selector: ([key]) => key })
  .map((entries) => new Map(entries));

export const style: fc.Arbitrary<Style> = fc.record({
  keywords: fc.constantFrom('upper', 'lower', 'mixed'),
  blank: fc.constantFrom(' ', '  ', '\t', ' \n'),
  parentheses: fc.array(fc.boolean(), { maxLength: 4 }),
});
