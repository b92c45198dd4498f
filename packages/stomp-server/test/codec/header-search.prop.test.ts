import fc from 'fast-check';
import t from 'tap';
import { escapeText } from '../../src/codec/escaping.ts';
import { FrameParser, HeaderNameSet, HeaderSearch, stripHeaders } from '../../src/codec/index.ts';
import { roomy } from './support.ts';
import type { Frame, StompVersion } from '../../src/codec/index.ts';

const nothing = new HeaderNameSet([]);

function frameOf(lines: readonly (readonly [string, string])[], version: StompVersion, lineEnd: string): Frame | null {
  const parser = new FrameParser(roomy);
  parser.version = version;
  const written = lines.map(
    ([name, value]) => `${escapeText(name, version, true)}:${escapeText(value, version, false)}`,
  );
  parser.feed(Buffer.from(['SEND', ...written, '', '\0'].join(lineEnd)));
  return parser.next();
}

const name = fc.string({
  unit: fc.constantFrom('a', 'b', '-', ':', '\\', '\n', 'é', 'n', 'c'),
  minLength: 1,
  maxLength: 3,
});
const value = fc.string({ unit: fc.constantFrom('a', 'b', ':', '\\', '\n', 'é', ' ', '\u{1f600}'), maxLength: 5 });
// Long blocks are searched in another way than short ones.
const long = fc.constantFrom(['bulk', 'x'.repeat(300)] as [string, string]);
const line = fc.oneof({ weight: 20, arbitrary: fc.tuple(name, value) }, { weight: 1, arbitrary: long });
const lines = fc.array(line, { maxLength: 8 });
const version = fc.constantFrom<StompVersion>('1.0', '1.1', '1.2');

t.test('finds in a stored block what the frame has under that name', (t) => {
  let found = 0;
  fc.assert(
    fc.property(lines, version, fc.constantFrom('\n', '\r\n'), fc.array(name), (headers, spoken, lineEnd, names) => {
      const frame = frameOf(headers, spoken, spoken === '1.2' ? lineEnd : '\n');
      if (frame === null) throw new Error('the frame is not whole');
      const block = stripHeaders(frame, nothing);
      for (const wanted of [...names, ...headers.map(([each]) => each)]) {
        const expected = frame.header(wanted) ?? null;
        if (expected !== null) found++;
        const got = new HeaderSearch(wanted).valueIn(block, spoken);
        if (got !== expected) throw new Error(`${JSON.stringify({ headers, wanted, got, expected, spoken })}`);
      }
    }),
    { numRuns: 2000 },
  );
  t.ok(found > 1000, 'often there is one');
  t.end();
});

t.test('the first of repeated headers counts, and no likeness (STOMP 1.2, Repeated Header Entries)', (t) => {
  const block = Buffer.from('xregion:0\nregion:1\nregion:2\nregions:3\nnote:region\nother:4\n');
  t.equal(new HeaderSearch('region').valueIn(block, '1.2'), '1');
  t.equal(new HeaderSearch('xregion').valueIn(block, '1.2'), '0');
  t.equal(new HeaderSearch('other').valueIn(block, '1.2'), '4');
  t.equal(new HeaderSearch('note').valueIn(block, '1.2'), 'region');
  t.equal(new HeaderSearch('egion').valueIn(block, '1.2'), null);
  t.equal(new HeaderSearch('').valueIn(block, '1.2'), null);
  t.equal(new HeaderSearch('region').valueIn(new Uint8Array(0), '1.2'), null);
  t.end();
});

t.test('a header without a value is one, but not in 1.0', (t) => {
  const block = Buffer.from('region:\n');
  t.equal(new HeaderSearch('region').valueIn(block, '1.2'), '');
  t.equal(new HeaderSearch('region').valueIn(block, '1.1'), '');
  t.equal(new HeaderSearch('region').valueIn(block, '1.0'), null);
  t.end();
});
