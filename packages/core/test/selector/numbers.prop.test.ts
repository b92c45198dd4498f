import fc from 'fast-check';
import t from 'tap';
import { readNumber } from '../../src/selector/numbers.ts';

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), maxLength: 18 });
const exponent = fc.oneof(
  fc.constant(''),
  fc.integer({ min: -330, max: 330 }).map((power) => `e${power}`),
);
const sign = fc.constantFrom('', '-', '+');

t.test('a decimal is rounded as JavaScript rounds it, to the last bit', (t) => {
  fc.assert(
    fc.property(sign, digits, digits, exponent, (prefix, whole, fraction, power) => {
      const text = `${prefix}${whole}.${fraction}${power}`;
      const expected = whole + fraction === '' || !Number.isFinite(Number(text)) ? null : Number(text) + 0;
      const value = readNumber(text);
      if (value !== expected) throw new Error(`${text}: ${value}, not ${expected}`);
    }),
    { numRuns: 5000 },
  );
  t.end();
});

t.test('an integer of 64 bits keeps every digit', (t) => {
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(fc.property(long, (value) => BigInt(readNumber(value.toString())!) === value));
  t.equal(readNumber('9223372036854775807'), 2n ** 63n - 1n);
  t.equal(readNumber('9223372036854775808'), 2 ** 63);
  t.equal(readNumber('-9223372036854775808'), -(2n ** 63n));
  t.equal(readNumber('-9223372036854775809'), -(2 ** 63));
  t.end();
});

t.test('never is there a negative zero, which could be told from zero', (t) => {
  for (const text of ['-0', '-0.0', '-0e5', '-.0', '-00000000000000000000', '-1e-400']) {
    t.ok(Object.is(readNumber(text), 0), text);
  }
  t.end();
});

t.test('text that says no number gives none', (t) => {
  for (const text of [
    '',
    ' ',
    '+',
    '-',
    '.',
    '-.',
    'e5',
    '.e5',
    '1e',
    '1e+',
    '1 2',
    '--1',
    '1_0',
    '0x1',
    '1n',
    '٣',
    '1e400',
  ]) {
    t.equal(readNumber(text), null, `'${text}'`);
  }
  t.end();
});
