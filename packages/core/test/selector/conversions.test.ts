// docs/selectors.md, "Strings and numbers". STOMP headers are strings; what ActiveMQ 5.17 makes of these is in the document's table.
import { table, unknown } from '../support/selector/source.ts';

const headers = {
  count: '4',
  price: '10.5',
  big: '3000000000',
  id: '9007199254740993',
  flag: 'true',
  loud: 'TRUE',
  off: 'False',
  word: 'abc',
  nine: '9',
  ten: '10',
  blanks: ' 5\t',
  zeros: '007',
  hex: '0x10',
  nan: 'NaN',
  infinity: 'Infinity',
  suffixed: '5d',
  empty: '',
  negative: '-3',
  plus: '+3',
  exponent: '1e3',
  huge: '1e400',
  digits: '1'.repeat(400),
  fits: `${'0'.repeat(399)}5`,
  tooLong: `${'0'.repeat(400)}5`,
  page: 'x'.repeat(60_000),
  long: '99999999999999999999',
  padded: '0000000000000000000000005',
  priority: 4,
  redelivered: false,
};

table('a string beside a number is read as one', headers, [
  ['count = 4', true],
  ['4 = count', true],
  ['count = 4.0', true],
  ['count > 3', true],
  ['3 < count', true],
  ['count <> 4', false],
  ['price > 10', true],
  ['price BETWEEN 10 AND 11', true],
  ['big > 5', true],
  ['blanks = 5', true],
  ['zeros = 7', true],
  ['negative = -3', true],
  ['plus = 3', true],
  ['exponent = 1000', true],
  ['padded = 5', true],
  ['fits = 5', true],
  ['long > 9223372036854775807', true],
  ['long = 1E20', true],
  ["priority = '4'", true],
  ["priority <> '4.0'", false],
  ['count = priority', true],
  ['count <= priority', true],
]);

table('integers of 64 bits are exact', headers, [
  ['id = 9007199254740993', true],
  ['id = 9007199254740992', false],
  ['id > 9007199254740992', true],
  ['id - 1 = 9007199254740992', true],
  ['id IN (9007199254740992)', false],
  ['id IN (9007199254740993)', true],
]);

table('a string that says no number is equal to none, and has no order with any', headers, [
  ['word = 5', false],
  ['word <> 5', true],
  ['word > 5', false],
  ['NOT (word > 5)', true],
  ['word NOT BETWEEN 1 AND 5', false],
  ['word BETWEEN 1 AND 5', false],
  ['hex = 16', false],
  ['suffixed = 5', false],
  ['empty = 0', false],
  ['nan <> 1', true],
  ['infinity > 1', false],
  ['huge > 1', false],
  ['digits > 1', false],
  ['tooLong = 5', false],
]);

table('two strings are compared as text, numbers or not', headers, [
  ['ten < nine', true],
  ['ten = nine', false],
  ['ten > nine', false],
  ["count = '4'", true],
  ["count = '4.0'", false],
  ['word >= word', true],
  ['word <= word', true],
  ['word > word', false],
  ['word < word', false],
  ['ten - nine > 0', true],
]);

table('a string beside a boolean is read as one, and where a condition stands', headers, [
  ['flag = TRUE', true],
  ['TRUE = flag', true],
  ['off = FALSE', true],
  ['off <> TRUE', true],
  ['word = FALSE', false],
  ['word = TRUE', false],
  ['word <> TRUE', true],
  ['flag', true],
  ['loud', true],
  ['loud = TRUE', true],
  ['off', false],
  ['NOT off', true],
  ['word', false],
  ['NOT word', true],
  ['count', false],
  ["redelivered = 'false'", true],
  ['redelivered < 1', false],
  ['priority = TRUE', false],
  ['(count > 3) = TRUE', true],
  ['(count > 3) <> (price > 3)', false],
]);

table('arithmetic reads strings as numbers', headers, [
  ['count + 1 = 5', true],
  ['1 + count = 5', true],
  ['count * price = 42', true],
  ['count + price = 14.5', true],
  ['-count = -4', true],
  ['+count + 1 = 5', true],
  ['count + priority = 8', true],
]);

unknown('arithmetic with what is no number is unknown', headers, [
  'word + 1 > 0',
  'word * 2 = 0',
  '1 - word < 5',
  '-word < 5',
  '+word < 5',
  'empty + 0 = 0',
  'redelivered + 1 = 1',
]);

table('+ beside a string of the text joins', headers, [
  ["word + '!' = 'abc!'", true],
  ["'<' + word + '>' = '<abc>'", true],
  ["word + '-' + count = 'abc-4'", true],
  ["'p' + priority = 'p4'", true],
  ["'' + redelivered = 'false'", true],
  ["word + '!' LIKE '%!'", true],
  ["word + '!' IN ('abc!')", true],
  ["count + 1 + '' = '5'", true],
]);

unknown('what is joined has at most 65,536 characters', headers, [
  "page + '' + page LIKE 'x%'",
  "page + '' + page <> 'x'",
]);

unknown('+ joins nothing to what is unknown', headers, ["nothing + '!' = '!'", "'!' + nothing <> '!'"]);

table('IN compares as = does', headers, [
  ["count IN ('4')", true],
  ['count IN (4)', true],
  ['count IN (4.0)', true],
  ["count IN ('4.0')", false],
  ["count IN ('x', 4)", true],
  ["priority IN ('4.0')", true],
  ["redelivered IN ('FALSE')", true],
  ["redelivered IN ('no', 0)", false],
  ['word IN (1, 2)', false],
  ['word NOT IN (1, 2)', true],
]);

table('LIKE takes strings alone', headers, [
  ["priority LIKE '4'", false],
  ["priority NOT LIKE '4'", true],
  ["redelivered LIKE '%'", false],
]);

table(
  'names that are no identifiers stand in double quotes; points need none',
  { 'content-type': 'text/plain', 'order.region': 'eu', 'say "hi"': 'x', and: 'y', 'a.2': 'z' },
  [
    ['"content-type" = \'text/plain\'', true],
    ['"content-type" LIKE \'text/%\'', true],
    ["order.region = 'eu'", true],
    ['"say ""hi""" = \'x\'', true],
    ['"and" = \'y\'', true],
    ["a.2 = 'z'", true],
    ['"correlation-id" IS NULL', true],
  ],
);

table("ActiveMQ's prefix changes nothing", headers, [
  ['convert_string_expressions:count > 3', true],
  ['convert_string_expressions: ', true],
]);
