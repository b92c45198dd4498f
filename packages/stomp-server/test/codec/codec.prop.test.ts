import { deepStrictEqual as strictEqual } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import {
  encodeFrame,
  FrameParser,
  FrameWriter,
  HeaderNameSet,
  StompError,
  stripHeaders,
  transcodeHeaderBlock,
} from '../../src/codec/index.ts';
import { bytewise, parse, roomy, seen, split } from './support.ts';
import type { Command, StompVersion } from '../../src/codec/index.ts';
import type { Seen } from './support.ts';

const version = fc.constantFrom<StompVersion>('1.0', '1.1', '1.2');
const command = fc.constantFrom<Command>(
  ...(['SEND', 'MESSAGE', 'ERROR', 'SUBSCRIBE', 'UNSUBSCRIBE', 'ACK', 'NACK', 'BEGIN', 'COMMIT'] as const),
  ...(['ABORT', 'DISCONNECT', 'RECEIPT', 'CONNECT', 'STOMP', 'CONNECTED'] as const),
);
const unit = fc.oneof(
  {
    arbitrary: fc.constantFrom('\\', ':', '\n', '\r', 'n', 'c', 'r', ' ', 'é', '語', '😀'),
    weight: 2,
  },
  { arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }), weight: 3 },
);
const text = fc.string({ unit, maxLength: 12 });

/** What the version can carry: the rest becomes a blank on the way out, which has tests of its own. */
function expressible(raw: string, rule: StompVersion | 'plain', isName: boolean): string {
  if (rule === '1.2') return raw;
  if (rule === '1.1') return raw.replace(/\r/g, '');
  const plain = raw.replace(isName ? /[\r\n:]/g : /[\r\n]/g, '');
  return rule === '1.0' && !isName ? plain.replace(/^ +| +$/g, '') : plain;
}

const frame = fc
  .record({
    version,
    command,
    pairs: fc.array(fc.tuple(text, text), { maxLength: 6 }),
    body: fc.uint8Array({ maxLength: 200 }),
    counted: fc.boolean(),
  })
  .map((raw) => {
    const connecting = ['CONNECT', 'STOMP', 'CONNECTED'].includes(raw.command);
    const rule = connecting ? '1.0' : raw.version;
    const headers = raw.pairs
      .map(([name, value]): [string, string] => [expressible(name, rule, true), expressible(value, rule, false)])
      .filter(([name]) => name !== '' && !['content-length', 'version', 'accept-version'].includes(name));
    const kept = headers.filter(([, value]) => value !== '' || (raw.version !== '1.0' && raw.command !== 'CONNECTED'));
    const body = raw.counted ? raw.body : raw.body.map((octet) => octet || 1);
    const length: [string, string][] = raw.counted ? [['content-length', String(body.length)]] : [];
    const expected: Seen = {
      command: raw.command,
      headers: [...kept, ...length],
      body: Buffer.from(body).toString('latin1'),
      counted: raw.counted,
    };
    const bytes = encodeFrame({ ...raw, headers: [...headers, ...length], body });
    return { version: raw.version, bytes, expected };
  });

const cuts = fc.array(fc.nat(), { maxLength: 12 });

t.test('what is written is read back, in every version, however it is split', async () => {
  fc.assert(
    fc.property(frame, cuts, ({ version: rule, bytes, expected }, at) => {
      const outcome = parse(split(bytes, at), rule);
      strictEqual(outcome, { frames: [expected], error: null, midFrame: false });
    }),
    { numRuns: 1000 },
  );
});

t.test('a stream of frames of one version comes out whole and in order, under any split', async () => {
  fc.assert(
    fc.property(version, fc.array(frame, { maxLength: 5 }), cuts, (rule, frames, at) => {
      const sameVersion = frames.filter((one) => one.version === rule);
      const bytes = Buffer.concat(sameVersion.map((one) => one.bytes));
      const whole = parse([bytes], rule);
      strictEqual(
        whole.frames,
        sameVersion.map((one) => one.expected),
      );
      strictEqual(parse(split(bytes, at), rule), whole);
      strictEqual(parse(bytewise(bytes), rule), whole);
    }),
    { numRuns: 300 },
  );
});

t.test('a body of any size comes out whole, however it is split', async () => {
  const sizes = fc.constantFrom(0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000, 200_001);
  fc.assert(
    fc.property(version, sizes, fc.boolean(), fc.nat(255), cuts, (rule, size, counted, first, at) => {
      const body = Uint8Array.from(
        { length: size },
        (_, i) => ((first + i * 7) % (counted ? 256 : 255)) + (counted ? 0 : 1),
      );
      const length: [string, string][] = counted ? [['content-length', String(size)]] : [];
      const one = encodeFrame({ command: 'SEND', headers: length, body, version: rule });
      const outcome = parse(split(Buffer.concat([one, one]), at), rule);
      const expected = { command: 'SEND', headers: length, body: Buffer.from(body).toString('latin1'), counted };
      strictEqual(outcome, { frames: [expected, expected], error: null, midFrame: false });
    }),
    { numRuns: 150 },
  );
});

t.test('what is read is written again octet for octet', async () => {
  fc.assert(
    fc.property(frame, cuts, ({ version: rule, bytes }, at) => {
      const parser = new FrameParser(roomy);
      parser.version = rule;
      for (const piece of split(bytes, at)) parser.feed(piece);
      const read = parser.next()!;
      const { command: name, body } = read;
      const again = [
        encodeFrame({ command: name, headers: read.headers(), body, version: rule }),
        encodeFrame({ command: name, headerBlock: read.headerBlock, body, version: rule }),
      ];
      for (const written of again)
        strictEqual(Buffer.from(written).toString('latin1'), Buffer.from(bytes).toString('latin1'));
    }),
    { numRuns: 500 },
  );
});

t.test('a stored header block says the same in every version, but for what that version cannot express', async () => {
  const dropped = ['n', 'r', 'drop me'];
  const name = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(...dropped) });
  const pairs = fc.array(fc.tuple(name, text), { maxLength: 8 });
  fc.assert(
    fc.property(version, version, pairs, (from, to, raw) => {
      const headers = raw
        .map(([name, value]): [string, string] => [expressible(name, from, true), expressible(value, from, false)])
        .filter(([name, value]) => name !== '' && name !== 'content-length' && (from !== '1.0' || value !== ''));
      const parser = new FrameParser(roomy);
      parser.version = from;
      parser.feed(encodeFrame({ command: 'SEND', headers, version: from }));
      const block = stripHeaders(parser.next()!, new HeaderNameSet(dropped));
      const bytes = encodeFrame({
        command: 'MESSAGE',
        headerBlock: transcodeHeaderBlock(block, from, to),
        version: to,
      });
      // What `to` has no way to say is a blank there.
      const shown = (value: string, isName: boolean): string => {
        if (to === '1.2') return value;
        const blanked = value.replace(to === '1.1' ? /\r/g : isName ? /[\r\n:]/g : /[\r\n]/g, ' ');
        return to === '1.0' && !isName ? blanked.replace(/^ +| +$/g, '') : blanked;
      };
      const expected = headers
        .filter(([name, value]) => !dropped.includes(name) && (to !== '1.0' || value !== ''))
        .map(([name, value]) => [shown(name, true), shown(value, false)]);
      strictEqual(parse([bytes], to).frames[0]?.headers, expected);
      if (to === '1.0') return;
      const colons = Buffer.from(bytes)
        .toString()
        .split('\n')
        .map((line) => line.split(':').length - 1);
      strictEqual(
        colons.slice(1, 1 + expected.length),
        expected.map(() => 1),
        'no colon stands bare in a value',
      );
    }),
    { numRuns: 1000 },
  );
});

t.test('damaged frames: frames or one StompError, the same for every split', async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 10, 13, 58, 92, 48, 255)), {
    maxLength: 4,
  });
  const limits = { headerBytesMax: 120, headersMax: 5, bodyBytesMax: 150 };
  fc.assert(
    fc.property(frame, frame, damage, cuts, (first, second, changes, at) => {
      const bytes = Buffer.concat([first.bytes, second.bytes]);
      for (const [offset, octet] of changes) bytes[offset % bytes.length] = octet;
      const whole = parse([bytes], first.version, limits);
      strictEqual(parse(split(bytes, at), first.version, limits), whole);
      strictEqual(parse(bytewise(bytes), first.version, limits), whole);
    }),
    { numRuns: 1000 },
  );
});

t.test('random bytes: never anything but a StompError, nor more memory than was fed', async () => {
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom('SEND\n', 'a:b\n', '\n', '\0', 'content-length:9\n', '\r\n').map((line) => Buffer.from(line)),
  );
  fc.assert(
    fc.property(version, fc.array(chunk, { maxLength: 20 }), (rule, chunks) => {
      const parser = new FrameParser(roomy);
      parser.version = rule;
      let fed = 0;
      try {
        for (const bytes of chunks) {
          parser.feed(bytes);
          fed += bytes.length;
          for (let one = parser.next(); one !== null; one = parser.next()) seen(one);
          if (parser.bufferedBytes > fed) throw new Error(`holds ${parser.bufferedBytes} of ${fed} bytes`);
        }
      } catch (error) {
        if (!(error instanceof StompError)) throw error;
      }
    }),
    { numRuns: 1000 },
  );
});

t.test('a FrameWriter writes what encodeFrame writes, however the frames are gathered', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(frame, fc.boolean()), { maxLength: 8 }),
      fc.integer({ min: 0, max: 1 }),
      (list, big) => {
        const writer = new FrameWriter();
        const out: Uint8Array[] = [];
        const alone: Uint8Array[] = [];
        const extra = new Uint8Array(big * 40_000).fill(1);
        for (const [{ version: rule, expected }, flush] of list) {
          const body = Buffer.concat([Buffer.from(expected.body, 'latin1'), extra]);
          writer.version = rule;
          writer.begin(expected.command as Command);
          for (const [name, value] of expected.headers) writer.header(name, value);
          writer.end(body);
          const { headers } = expected;
          alone.push(encodeFrame({ command: expected.command as Command, headers, body, version: rule }));
          if (flush) out.push(...writer.take());
        }
        out.push(...writer.take());
        strictEqual(Buffer.concat(out).equals(Buffer.concat(alone)), true);
      },
    ),
    { numRuns: 200 },
  );
});
