// JMS 2.0 §3.8.1 (as in JMS 1.1), rule by rule, on typed properties. What STOMP's strings make of it is in conversions.test.ts.
import t from 'tap';
import { parsed, table, unknown } from '../support/selector/source.ts';

const order = { quantity: 12, price: 2.5, region: 'eu', note: "it's", urgent: true, big: 2 ** 53 - 1, JMSPriority: 4 };

table('§3.8.1.1, literals: strings', order, [
  ["region = 'eu'", true],
  ["region = 'EU'", false],
  ["note = 'it''s'", true],
  ["note = 'its'", false],
  ["'eu' = region", true],
]);

table('§3.8.1.1, literals: exact numbers, as Java writes them', order, [
  ['quantity = 12', true],
  ['quantity = +12', true],
  ['quantity = -12', false],
  ['quantity = 12L', true],
  ['quantity = 12l', true],
  ['quantity = 0xC', true],
  ['quantity = 0Xc', true],
  ['quantity = 014', true],
  ['quantity = 014L', true],
  ['quantity = 0', false],
  ['9223372036854775807 - 9223372036854775806 = 1', true],
]);

table('§3.8.1.1, literals: approximate numbers, as Java writes them', order, [
  ['price = 2.5', true],
  ['price = 25E-1', true],
  ['price = 25e-1', true],
  ['price = .25E+1', true],
  ['price = 2.5d', true],
  ['price = 2.5F', true],
  ['quantity = 12.', true],
  ['quantity = 12.0', true],
  ['quantity = 1.2E1', true],
  ['quantity > 7E3', false],
]);

table('§3.8.1.1, literals: booleans', order, [
  ['urgent = TRUE', true],
  ['urgent = true', true],
  ['urgent = FALSE', false],
  ['urgent <> FALSE', true],
  ['urgent', true],
  ['NOT urgent', false],
  ['TRUE', true],
  ['FALSE', false],
]);

table(
  "§3.8.1.1, identifiers: Java's, by case; keywords in any case",
  { a: '1', A: '2', _b$: '3', größe: '4', $: '5' },
  [
    ["a = '1' AND A = '2'", true],
    ["a = '2'", false],
    ["_b$ = '3' and größe = '4' And $ = '5'", true],
    ['a iS nOt NuLl', true],
    ["a Like '_'", true],
  ],
);

table('§3.8.1.1, blanks: space, tab, form feed, line ends', order, [
  ["\t quantity\n=\r\n12\f and\tregion\n=\n'eu' ", true],
  ["quantity=12 AND region='eu'AND price<3", true],
]);

table('§3.8.1.1, evaluation: left to right within a level, parentheses change it', order, [
  ['20 - quantity - 5 = 3', true],
  ['20 - (quantity - 5) = 13', true],
  ['24 / 4 / 2 = 3', true],
  ['24 / (4 / 2) = 12', true],
  ['FALSE AND FALSE OR TRUE', true],
  ['FALSE AND (FALSE OR TRUE)', false],
]);

table('§3.8.1.1, logical operators in precedence order: NOT, AND, OR', order, [
  ['TRUE OR TRUE AND FALSE', true],
  ['NOT FALSE AND FALSE', false],
  ['NOT FALSE OR TRUE', true],
  ['NOT (FALSE OR TRUE)', false],
  ['NOT NOT urgent', true],
  ['NOT quantity = 12', false],
  ['NOT quantity = 13', true],
  ["NOT region LIKE 'e%'", false],
  ['TRUE AND TRUE AND FALSE', false],
  ['FALSE OR FALSE OR TRUE', true],
]);

table('§3.8.1.1, comparison operators', order, [
  ['quantity > 11', true],
  ['quantity > 12', false],
  ['quantity >= 12', true],
  ['quantity >= 13', false],
  ['quantity < 13', true],
  ['quantity < 12', false],
  ['quantity <= 12', true],
  ['quantity <= 11', false],
  ['quantity <> 12', false],
  ['quantity <> 11', true],
  ['13 > quantity', true],
  ['12 > quantity', false],
  ['12 <= quantity', true],
  ["region <> 'us'", true],
]);

table('§3.8.1.1, exact and approximate numbers compare by numeric promotion, exactly', order, [
  ['quantity > 11.5', true],
  ['quantity < 12.5', true],
  ['quantity = price', false],
  ['quantity > price', true],
  ['big = 9007199254740991', true],
  ['9007199254740993 > 9007199254740992', true],
  ['9007199254740993 = 9007199254740992', false],
  ['9223372036854775807 < 9223372036854775808.0', true],
]);

table('§3.8.1.1, arithmetic operators in precedence order: signs; * /; + -', order, [
  ['-quantity = -12', true],
  ['- -quantity = 12', true],
  ['+quantity = 12', true],
  ['quantity + 2 * 3 = 18', true],
  ['(quantity + 2) * 3 = 42', true],
  ['quantity - 6 / 2 = 9', true],
  ['-quantity + 12 = 0', true],
  ['-2 * -3 = 6', true],
  ['quantity % 5 = 2', true],
  ['-7 % 4 = -3', true],
  ['quantity / 5 = 2.4', true],
  ['quantity * price = 30', true],
  ['1 = quantity - 11', true],
]);

table('§3.8.1.1, BETWEEN: the same as >= AND <=', order, [
  ['quantity BETWEEN 12 AND 13', true],
  ['quantity BETWEEN 11 AND 12', true],
  ['quantity BETWEEN 13 AND 20', false],
  ['quantity BETWEEN 13 AND 11', false],
  ['quantity NOT BETWEEN 13 AND 20', true],
  ['quantity NOT BETWEEN 12 AND 20', false],
  ['quantity BETWEEN price AND price * 10', true],
  ['quantity BETWEEN 1 AND 20 AND urgent', true],
  ['NOT quantity BETWEEN 13 AND 20 AND urgent', true],
]);

table('§3.8.1.1, IN: the same as = … OR = …', order, [
  ["region IN ('us', 'eu')", true],
  ["region IN ('us')", false],
  ["region NOT IN ('us', 'uk')", true],
  ["region NOT IN ('us', 'eu')", false],
  ["note IN ('it''s')", true],
  ['quantity IN (11, 12, 13)', true],
  ['quantity IN (-12, +11, 12.5)', false],
  ['quantity IN (0xC)', true],
]);

const likes = {
  phone: '12993',
  word: 'lose',
  under: '_foo',
  percent: '10%',
  emoji: '\u{1f600}x',
  empty: '',
  lines: 'a\nb',
};

table('§3.8.1.1, LIKE', likes, [
  ["phone LIKE '12%3'", true],
  ["word LIKE 'l_se'", true],
  ["word LIKE 'l__se'", false],
  ["under LIKE '\\_%' ESCAPE '\\'", true],
  ["word LIKE '\\_%' ESCAPE '\\'", false],
  ["phone NOT LIKE '12%3'", false],
  ["word NOT LIKE '%x%'", true],
  ["percent LIKE '%!%' ESCAPE '!'", true],
  ["phone LIKE '%!%' ESCAPE '!'", false],
  ["word LIKE 'LOSE'", false],
  ["word LIKE 'los'", false],
  ["word LIKE 'ose'", false],
  ["word LIKE '%'", true],
  ["empty LIKE '%'", true],
  ["empty LIKE ''", true],
  ["empty LIKE '_'", false],
  ["emoji LIKE '_x'", true],
  ["lines LIKE 'a_b'", true],
  ["lines LIKE 'a%'", true],
  ["percent LIKE '1.%'", false],
  ["word LIKE 'los%ose'", false],
  ["word LIKE 'lo%se'", true],
  ["word LIKE 'lose%e'", false],
  ["word LIKE 'l%os%se'", false],
]);

table('§3.8.1.1, IS NULL', { a: '' }, [
  ['a IS NULL', false],
  ['a IS NOT NULL', true],
  ['b IS NULL', true],
  ['b IS NOT NULL', false],
  ['(b) IS NULL', true],
]);

const some = { yes: true, no: false, n: 1 };

table('§3.8.1.2, AND, OR and NOT over unknown values', some, [
  ['yes AND nothing', false],
  ['NOT (yes AND nothing)', false],
  ['NOT (no AND nothing)', true],
  ['NOT (nothing AND no)', true],
  ['yes OR nothing', true],
  ['nothing OR yes', true],
  ['NOT (no OR nothing)', false],
  ['nothing OR nothing OR yes', true],
  ['NOT (nothing AND nothing AND no)', true],
  ['NOT (nothing AND yes AND yes)', false],
]);

unknown('§3.8.1.2, a comparison or an arithmetic with an unknown value is unknown', some, [
  'nothing',
  'nothing = 1',
  "nothing <> 'x'",
  'nothing <> n',
  'n <> nothing',
  'nothing = nothing',
  'n < nothing',
  'nothing BETWEEN 0 AND 2',
  'n BETWEEN nothing AND 2',
  'n NOT BETWEEN 1 AND nothing',
  "nothing IN ('a')",
  "nothing NOT IN ('a')",
  "nothing LIKE '%'",
  "nothing NOT LIKE '%'",
  'n + nothing = 1',
  'nothing * 0 = 0',
  '-nothing < 5',
  'nothing = TRUE',
  'nothing OR no',
  'yes AND nothing',
  '(nothing = 1) = TRUE',
]);

table('§3.8.1.2, what the bounds of BETWEEN alone decide', some, [
  ['NOT (n BETWEEN 2 AND nothing)', true],
  ['n NOT BETWEEN 2 AND nothing', true],
]);

table("§3.8.1.3, the delivery mode is 'PERSISTENT' or 'NON_PERSISTENT'", { JMSDeliveryMode: 'PERSISTENT' }, [
  ["JMSDeliveryMode = 'PERSISTENT'", true],
  ["JMSDeliveryMode IN ('NON_PERSISTENT')", false],
]);

unknown('division by zero and what is beyond a double are unknown', { zero: 0, n: 1, big: 1e308 }, [
  'n / zero > 0',
  'zero / zero = 0',
  'n % 0 = 0',
  '9007199254740993 % zero = 0',
  'n / 0.0 > 5',
  'big * 10 > 0',
  'big / 0.1 > 0',
  '0 - big * 10 < 0',
  'big + big > 0',
]);

unknown('a number of the host that is none is unknown', { nan: NaN, far: Infinity }, [
  'nan = nan',
  'far > 0',
  'nan < 1',
]);

table('integers do not wrap around: beyond 64 bits they go on as doubles', { int: 2147483647 }, [
  ['int + 1 = 2147483648', true],
  ['9223372036854775807 + 1 > 9223372036854775807', true],
  ['9223372036854775807 + 1 = 9223372036854775808.0', true],
  ['9223372036854775807 * 9223372036854775807 > 8E37', true],
  ['-9223372036854775808 < -9223372036854775807', true],
  ['99999999999999999999 > 9223372036854775807', true],
  ['9007199254740992 + 1 = 9007199254740993', true],
  ['9007199254740993 - 1 = 9007199254740992', true],
  ['3037000499 * 3037000499 = 9223372030926249001', true],
  ['9007199254740993 % 10 = 3', true],
]);

t.test('an empty selector says that it selects all', (t) => {
  t.equal(parsed('').selectsAll, true);
  t.equal(parsed(' ').selectsAll, true);
  t.equal(parsed('TRUE').selectsAll, false);
  t.end();
});

table('an empty selector selects all (§3.8.1)', {}, [
  ['', true],
  [' \t', true],
]);
