import fc from 'fast-check';
import t from 'tap';
import { compileLike } from '../../src/selector/like-pattern.ts';
import { isLike } from '../support/selector/naive-selector.ts';

t.test("an escape character before what it can't escape stands for itself, as in ActiveMQ", (t) => {
  const rows: [string, string, string, boolean][] = [
    ['_foo', '%_%', '%', true],
    ['XD7_', '_D7$_', '$', true],
    ['XD7_', '_D7__', '_', true],
    ['XD7_', '%D7%_', '%', true],
    ['XD7_', '%D7%', '%', true],
    ['XD7_', '%D7%%', '%', false],
    ['a!b', 'a!b', '!', true],
    ['a!', 'a!', '!', true],
    ['a!', 'a!!', '!', true],
    ['a!!', 'a!!', '!', false],
  ];
  for (const [text, pattern, escape, expected] of rows) {
    t.equal(compileLike(pattern, escape)(text), expected, `'${text}' LIKE '${pattern}' ESCAPE '${escape}'`);
  }
  t.end();
});

t.test('nothing stays from one text to the next', (t) => {
  const matches = compileLike('%a_b%', null);
  t.equal(matches('ax'), false);
  t.equal(matches('b'), false);
  t.equal(matches('axb'), true);
  t.equal(matches(''), false);
  t.end();
});

function agrees(text: string, pattern: string, escape: string | null): void {
  const expected = isLike(text, pattern, escape);
  if (compileLike(pattern, escape)(text) !== expected) {
    throw new Error(`${JSON.stringify(text)} LIKE ${JSON.stringify(pattern)} ESCAPE ${escape} is not ${expected}`);
  }
}

t.test('agrees with a table of what each part of the pattern can reach', (t) => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}', '_', '%'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}', '_', '%', '%'), maxLength: 9 });
  fc.assert(fc.property(text, pattern, fc.constantFrom(null, '_', '%', 'a', '\u{1f600}'), agrees), { numRuns: 2000 });
  t.end();
});

t.test('agrees with it where segments are longer than a word of bits, or than the native search is used for', (t) => {
  const run = fc.string({ unit: fc.constantFrom('a', 'a', 'a', 'a', 'b'), minLength: 20, maxLength: 150 });
  const cut = fc.record({ text: run, from: fc.nat(100), length: fc.nat(150), blanked: fc.array(fc.nat(149)) });
  fc.assert(
    fc.property(cut, fc.boolean(), ({ text, from, length, blanked }, extra) => {
      const part = Array.from(text.slice(from, from + length));
      for (const at of blanked) if (at < part.length) part[at] = '_';
      agrees(text, `%${part.join('')}${extra ? 'b' : ''}%`, null);
      agrees(`${text}${text}`, `a%${part.join('')}%${part.join('')}%`, null);
    }),
    { numRuns: 400 },
  );
  t.end();
});

t.test('work grows with the length of text and pattern, not with the ways to match', (t) => {
  // A backtracking matcher would not come back from any of these.
  const text = 'a'.repeat(30_000);
  t.equal(compileLike(`${'%a'.repeat(2000)}%b`, null)(text), false);
  t.equal(compileLike(`${'%_a'.repeat(2000)}%b`, null)(text), false);
  t.equal(compileLike(`%${'_a'.repeat(8000)}b%`, null)(text), false);
  t.equal(compileLike(`%b${'a'.repeat(16_000)}%`, null)(text), false);
  t.equal(compileLike(`%${'a'.repeat(16_000)}%`, null)(text), true);
  t.end();
});
