import fc from 'fast-check';
import t from 'tap';
import { explainSelectorError } from '../../src/selector/selector-error.ts';
import { parseSelector, Selector, selectorLengthMax } from '../../src/selector/selector.ts';
import { parsed, sourceOf } from '../support/selector/source.ts';

function messageOf(text: string): string {
  const result = parseSelector(text);
  return result instanceof Selector ? 'taken' : result.message;
}

t.test('a selector is taken up to its greatest length', (t) => {
  const text = `a = '${'x'.repeat(selectorLengthMax - 6)}'`;
  t.equal(text.length, selectorLengthMax);
  t.equal(messageOf(text), 'taken');
  t.same(parseSelector(`${text} `), { message: 'a selector has at most 32768 characters', at: 32768 });
  t.equal(messageOf('('.repeat(1_000_000)), 'a selector has at most 32768 characters');
  t.end();
});

t.test('expressions stand in one another a hundred deep, of whatever kind', (t) => {
  const tooDeep = 'more than 100 expressions in one another';
  const nested: Record<string, (count: number) => string> = {
    parentheses: (n) => `${'('.repeat(n)}a${')'.repeat(n)}`,
    negations: (n) => `${'NOT '.repeat(n)}a`,
    signs: (n) => `${'- '.repeat(n)}a = 1`,
    sums: (n) => `a${' + a'.repeat(n)} = 1`,
    products: (n) => `a${' * a'.repeat(n)} = 1`,
    joins: (n) => `''${' + a'.repeat(n)} = a`,
    mixture: (n) => `${'NOT (a = 1 OR '.repeat(n)}b${')'.repeat(n)}`,
    'sums of sums': (n) => `${'('.repeat(n / 10)}a${`${' + a'.repeat(10)})`.repeat(n / 10)} = 1`,
  };
  for (const [kind, write] of Object.entries(nested)) {
    t.equal(messageOf(write(30)), 'taken', kind);
    t.equal(messageOf(write(1000)), tooDeep, kind);
  }
  t.end();
});

t.test('what stands behind one another does not count as deep', (t) => {
  t.equal(messageOf(`(a)${' AND (NOT a OR - a = 1)'.repeat(300)}`), 'taken');
  t.end();
});

t.test('LIKE stands in a selector 64 times at most, with 4,096 characters of patterns', (t) => {
  const likes = (count: number): string => Array.from({ length: count }, () => "a LIKE '%_b%'").join(' OR ');
  t.equal(messageOf(likes(64)), 'taken');
  t.same(parseSelector(likes(65)), { message: 'more than 64 LIKE in one selector', at: 64 * 17 });
  const patterns = (first: number, second: number): string =>
    `a LIKE '${'_'.repeat(first)}' OR a LIKE '${'_'.repeat(second)}'`;
  t.equal(messageOf(patterns(4000, 96)), 'taken');
  const tooLong = { message: 'more than 4096 characters in patterns of LIKE', at: 'a LIKE  OR a LIKE '.length + 4002 };
  t.same(parseSelector(patterns(4000, 97)), tooLong);
  t.end();
});

t.test('AND, OR and IN may be as long as the text', (t) => {
  const any = parsed(Array.from({ length: 2500 }, (_, i) => `a = ${i}`).join(' OR '));
  t.equal(any.matches(sourceOf({ a: '2499' })), true);
  t.equal(any.matches(sourceOf({ a: '2500' })), false);
  const all = parsed(Array.from({ length: 2000 }, (_, i) => `a <> ${i}`).join(' AND '));
  t.equal(all.matches(sourceOf({ a: '2000' })), true);
  t.equal(all.matches(sourceOf({ a: '1999' })), false);
  const one = parsed(`a IN (${Array.from({ length: 3000 }, (_, i) => `'k${i}'`).join()})`);
  t.equal(one.matches(sourceOf({ a: 'k2999' })), true);
  t.equal(one.matches(sourceOf({ a: 'k3000' })), false);
  t.end();
});

const pieces = fc.constantFrom(
  ...['AND', 'OR', 'NOT', 'BETWEEN', 'IN', 'LIKE', 'ESCAPE', 'IS', 'NULL', 'TRUE', 'XPATH', 'a', 'b.c', '"x-y"', "'s'"],
  ...[
    "''",
    "'%_'",
    '5',
    '0x1F',
    '017',
    '1e3',
    '9007199254740993',
    '(',
    ')',
    ',',
    '=',
    '<>',
    '<',
    '<=',
    '>',
    '+',
    '-',
    '*',
  ],
  ...['/', '%', ' ', '\n', '.', "'", '"', ':', 'convert_string_expressions:', '\u{1f600}', '\ud800', '\0', '1.', 'L'],
);

t.test('any text at all gives a selector or an error with a place in it, and nothing throws', (t) => {
  const source = sourceOf({ a: '5', 'b.c': 'x', 'x-y': '' });
  let taken = 0;
  const check = (text: string): void => {
    const result = parseSelector(text);
    if (result instanceof Selector) {
      taken++;
      if (typeof result.matches(source) !== 'boolean') throw new Error(text);
      return;
    }
    if (!(result.at >= 0 && result.at <= text.length)) throw new Error(`${text}: ${result.at}`);
    if (!(result.message.length > 0 && result.message.length <= 150)) throw new Error(`${text}: ${result.message}`);
    if (explainSelectorError(text, result).split('\n').length !== 3) throw new Error(text);
  };
  const words = fc.array(pieces, { maxLength: 12 });
  fc.assert(
    fc.property(words, (tokens) => check(tokens.join(' '))),
    { numRuns: 1500 },
  );
  fc.assert(
    fc.property(words, (tokens) => check(tokens.join(''))),
    { numRuns: 1500 },
  );
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), check), { numRuns: 500 });
  const octets = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
  fc.assert(fc.property(octets, check), { numRuns: 500 });
  t.ok(taken > 20, 'some of it are selectors');
  t.end();
});
