import t from 'tap';
import { explainSelectorError } from '../../src/selector/selector-error.ts';
import { parseSelector, Selector } from '../../src/selector/selector.ts';
import type { SelectorError } from '../../src/selector/selector-error.ts';

function refused(text: string): SelectorError {
  const result = parseSelector(text);
  if (result instanceof Selector) throw new Error(`${text} is taken`);
  return result;
}

/** In each text `^` stands before the place. */
const rows: readonly (readonly [string, string])[] = [
  ['price > ^AND region', 'expected a name or a value, found AND'],
  ['price >^', 'expected a name or a value, found the end'],
  ['price^ 5', 'expected an operator or the end, found the number 5'],
  ["price = 5^ 'x'", "expected AND, OR or the end, found the string 'x'"],
  ['a = b^ = c', 'expected AND, OR or the end, found ='],
  ['a = 1^ b', 'expected AND, OR or the end, found the name b'],
  ['(a = 1^', 'expected AND, OR or ), found the end'],
  ['(a^', 'expected an operator or ), found the end'],
  ['a = 1^)', 'expected AND, OR or the end, found )'],
  ['^= 5', 'expected a name or a value, found ='],
  ['^NULL', 'found NULL: write IS NULL or IS NOT NULL'],
  ['a = ^NULL', 'found NULL: write IS NULL or IS NOT NULL'],
  ['a IS^ 5', 'expected NULL or NOT NULL, found the number 5'],
  ['a IS NOT^ TRUE', 'expected NULL, found TRUE'],
  ['^5 IS NULL', 'IS NULL asks about a name, found a number'],
  ['a NOT^ = 5', 'expected BETWEEN, IN or LIKE, found ='],
  ['a BETWEEN 1^ OR 2', 'expected AND and the upper bound, found OR'],
  ["a BETWEEN 1 AND ^'x'", 'expected a number, found a string, which only = and <> can compare'],
  ['a IN^ 5', 'expected ( and a list of strings, found the number 5'],
  ['a IN (^)', 'expected a string, found )'],
  ["a IN ('x'^ 'y')", "expected , or ), found the string 'y'"],
  ["a IN ('x',^ b)", 'expected a string, found the name b'],
  ["a IN (-^'x')", "expected a number, found the string 'x'"],
  ["^(a = 1) IN ('x')", 'IN asks about a string, found a condition'],
  ["^a * 2 IN ('x')", 'a number is never among strings that are none'],
  ['a LIKE^ 5', "expected a pattern in ', found the number 5"],
  ["a LIKE 'x' ESCAPE^ b", "expected one character in ', found the name b"],
  ["a LIKE 'x' ESCAPE ^'!!'", 'ESCAPE names one character'],
  ["a LIKE 'x' ESCAPE ^''", 'ESCAPE names one character'],
  ["^a * 2 LIKE 'x'", 'LIKE asks about a string, found a number'],
  ['^5', 'expected a condition, found a number alone'],
  ["^'a'", 'expected a condition, found a string alone'],
  ['TRUE AND ^3 + 5', 'expected a condition, found a number alone'],
  ['NOT ^5', 'expected a condition, found a number alone'],
  ["a < ^'m'", 'expected a number, found a string, which only = and <> can compare'],
  ['a >= ^TRUE', 'expected a number, found a condition, which only = and <> can compare'],
  ["^'a' * 2 = 1", 'expected a number, found a string'],
  ["-^'a' = 1", 'expected a number, found a string'],
  ['^TRUE + 1 = 1', 'expected a number, found a condition'],
  ["'a' + ^TRUE = 1", 'expected a number, found a condition'],
  ["a * 2 = ^'x'", "the string 'x' is never equal to a number"],
  ['TRUE = ^5', 'a number cannot be equal to a condition'],
  ["^content-type = 'text/plain'", 'content-type is a subtraction; the header of that name is written "content-type"'],
  ["'x' <> ^x-my.header", 'x-my.header is a subtraction; the header of that name is written "x-my.header"'],
  ['^correlation-id IS NULL', 'correlation-id is a subtraction; the header of that name is written "correlation-id"'],
  ["^reply-to LIKE '/q%'", 'reply-to is a subtraction; the header of that name is written "reply-to"'],
  ["^reply-to IN ('/q')", 'reply-to is a subtraction; the header of that name is written "reply-to"'],
  ['a = ^"eu"', 'found "eu": strings stand in \', and this name needs no quotes'],
  ['a = ^""', 'found "": a name has a character at least'],
  ["a = ^'eu", "the string that begins here has no closing '"],
  ["a = ^'eu''", "the string that begins here has no closing '"],
  ['^"content-type = 5', 'the name that begins here has no closing "'],
  ['a ^== 5', 'found ==: equality is written ='],
  ['a ^!= 5', 'found !=: inequality is written <>'],
  ['a ^&& b', 'found &&: write AND'],
  ['a ^|| b', 'found ||: write OR'],
  ['^!a', 'found !: write NOT'],
  ['a = ^\u2019eu\u2019', "found \u2019: strings stand in '"],
  ['a = 1^;', 'found ;: nothing may follow a selector'],
  ['a ^# b', 'found #, which means nothing in a selector'],
  ['a ^\u{1f600} b', 'found \u{1f600}, which means nothing in a selector'],
  ['a^..b = 1', 'found ., which means nothing in a selector'],
  ['a = ^09', '09 begins with 0, so is octal, but is not'],
  ['a = ^0x', 'a number ends in the middle of a word: 0...'],
  ['a = ^5apples', 'a number ends in the middle of a word: 5...'],
  ['a = ^1.2.3', 'a number ends in the middle of a word: 1.2...'],
  ['a = ^1e400', '1e400 is no number, or too large'],
  ['a = ^1.5L', '1.5L is no number, or too large'],
  ["^REGEX('a', b)", 'found a function: selectors have none'],
  ["^XPATH '//a'", 'found XPATH: selectors look at headers, not into bodies'],
  ['a = 1 ^/* why */', 'found /*: selectors have no comments'],
  ['convert_string_expressions:a >^', 'expected a name or a value, found the end'],
];

t.test('what is wrong, and where', (t) => {
  for (const [marked, message] of rows) {
    const place = marked.indexOf('^');
    const text = marked.replace('^', '');
    const error = refused(text);
    t.equal(error.message, message, text);
    // A caret before blanks means the token behind them.
    const at = place + /^\s*/.exec(text.slice(place))![0].length;
    t.equal(error.at, at, `${text}: the place`);
  }
  t.end();
});

t.test('messages stay short, whatever the selector says', (t) => {
  const long = 'x'.repeat(20_000);
  for (const text of [
    `5 ${long}`,
    `a = "${long}"`,
    `a ${long}`,
    `a = '${long}`,
    `${long}-b = 'x'`,
    `a = 1${long}`,
    `09${'9'.repeat(20_000)}`,
  ]) {
    const { message } = refused(text);
    t.ok(message.length <= 150, message);
  }
  t.end();
});

t.test('the explanation has a caret under the place', (t) => {
  const explain = (text: string): string => explainSelectorError(text, refused(text));
  t.equal(
    explain("price > AND region = 'eu'"),
    "selector, column 9: expected a name or a value, found AND\n  price > AND region = 'eu'\n          ^",
  );
  t.equal(explain('a ='), 'selector, column 4: expected a name or a value, found the end\n  a =\n     ^');
  const behindEmoji = explain("a = '\u{1f600}' AND\n# ");
  t.match(behindEmoji, 'selector, column 13: found #', 'characters, not units');
  t.match(behindEmoji, "  a = '\u{1f600}' AND # \n              ^", 'one line');
  const long = explain(`${'a OR '.repeat(100)}# ${'b '.repeat(100)}`);
  const lines = long.split('\n');
  t.equal(lines[0], 'selector, column 501: found #, which means nothing in a selector');
  t.equal(lines[1]!.indexOf('#'), lines[2]!.indexOf('^'), 'also where much is left out');
  t.ok(lines[1]!.length <= 72, lines[1]!);
  t.end();
});
