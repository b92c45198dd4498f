import { ok, strictEqual } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import { FrameParser, StompError } from '../../src/codec/index.ts';
import { InputBudget } from '../../src/input-budget.ts';
import { bytewise, octets, roomy, split } from './support.ts';
import type { CodecLimits } from '../../src/codec/index.ts';

const KIB = 1024;
const longHead: CodecLimits = { ...roomy, headerBytesMax: 64 * KIB };

function parserRefusal(used: number): string {
  return `SEND: this node holds ${used} bytes of half-sent frames and open transactions, limits.halfSentBytes allows 20480; try again`;
}

function feedAll(parser: FrameParser, ...chunks: readonly Uint8Array[]): number {
  let frames = 0;
  for (const chunk of chunks) {
    parser.feed(chunk);
    while (parser.next() !== null) frames++;
  }
  return frames;
}

const body = 'x'.repeat(100 * KIB);
/** Unfinished, then the rest; both are more than a parser may hold uncounted. */
const unfinished: readonly (readonly [name: string, begin: string, rest: string])[] = [
  ['a counted body', `SEND\ncontent-length:${body.length}\n\n${body.slice(5)}`, `${body.slice(0, 5)}\0`],
  ['a counted body but for its NUL', `SEND\ncontent-length:${body.length}\n\n${body}`, '\0'],
  ['a body without content-length', `SEND\n\n${body.slice(5)}`, `${body.slice(0, 5)}\0`],
  ['a long head', `SEND\nk:${body.slice(60 * KIB)}`, '\n\n\0'],
];

for (const [name, begin, rest] of unfinished) {
  const held = (budget: InputBudget): FrameParser => {
    const parser = new FrameParser(longHead, budget);
    strictEqual(feedAll(parser, ...split(octets(begin), [1, 20_000, 50_000])), 0);
    ok(budget.used >= parser.bufferedBytes, `${budget.used} counted, ${parser.bufferedBytes} held`);
    ok(budget.used <= 2 * parser.bufferedBytes, `${budget.used} counted, ${parser.bufferedBytes} held`);
    return parser;
  };

  t.test(`${name}: counted while it is unfinished, and no longer`, async (t) => {
    const budget = new InputBudget(1e9);
    t.equal(feedAll(held(budget), octets(rest)), 1);
    t.equal(budget.used, 0, 'at the end of the frame');
    t.equal(feedAll(held(budget), octets(`${rest}SEND\n`)), 1);
    t.equal(budget.used, 0, 'with the beginning of the next behind it');
    const closed = held(budget);
    closed.close();
    t.equal(budget.used, 0, 'closed');
    closed.close();
    t.equal(feedAll(closed, octets(rest)), 0, 'a closed parser takes no more');
    t.equal(closed.bufferedBytes, 0);
    t.equal(budget.used, 0);
  });

  t.test(`${name}: a fault`, async (t) => {
    const budget = new InputBudget(1e9);
    const parser = held(budget);
    const excess = new Uint8Array(2 * roomy.bodyBytesMax).fill(0x78);
    t.throws(() => feedAll(parser, excess), { name: 'StompError' });
    t.equal(budget.used, 0);
    parser.close();
    t.throws(() => parser.next(), { name: 'StompError' }, 'told again');
    t.equal(budget.used, 0);
  });

  t.test(`${name}: refused when others have taken the budget, without loss to them`, async (t) => {
    const budget = new InputBudget(150 * KIB);
    const others = 130 * KIB;
    budget.reserve(others);
    const parser = new FrameParser(longHead, budget);
    t.throws(() => feedAll(parser, ...split(octets(begin), [1, 20_000, 50_000])), {
      code: 'input-budget',
      message: /^SEND: this node holds \d+ bytes of half-sent frames .*limits.halfSentBytes allows 153600; try again$/,
    });
    t.equal(budget.used, others);
    t.equal(parser.bufferedBytes, 0);
    budget.release(others);
    t.equal(feedAll(new FrameParser(longHead, budget), octets(begin), octets(rest)), 1, 'there is place again');
  });
}

t.test('the refused frame may have asked for a receipt', async (t) => {
  const parser = new FrameParser(roomy, new InputBudget(20 * KIB));
  const send = octets(`SEND\nreceipt:r\ncontent-length:${body.length}\n\nx`);
  t.throws(() => feedAll(parser, send), new StompError('input-budget', parserRefusal(0), { receipt: 'r' }));
});

t.test('an announced body is counted as it comes', async (t) => {
  const budget = new InputBudget(1e9);
  const parser = new FrameParser({ ...roomy, bodyBytesMax: 1e8 }, budget);
  feedAll(parser, octets('SEND\ncontent-length:100000000\n\n'));
  t.ok(budget.used <= 65 * KIB, `${budget.used} bytes`);
});

t.test('whole frames, and small ones however they are split, need no budget', async (t) => {
  const none = new InputBudget(0);
  t.equal(feedAll(new FrameParser(roomy, none), octets(`SEND\ncontent-length:${body.length}\n\n${body}\0`)), 1);
  const small = octets(
    `SEND\nk:v\n\n${body.slice(0, 7 * KIB)}\0SEND\ncontent-length:7168\n\n${body.slice(0, 7 * KIB)}\0`,
  );
  t.equal(feedAll(new FrameParser(roomy, none), ...bytewise(small)), 2);
  const many = Buffer.concat(Array.from({ length: 40 }, () => small));
  t.equal(feedAll(new FrameParser(roomy, none), ...split(many, [65_000, 130_000, 195_000, 260_000])), 80);
});

t.test(
  'any stream, cut anyhow: within the budget at every step, counted for what is held, and all given back',
  async () => {
    const size = fc.oneof(fc.nat(100), fc.nat(120 * KIB));
    const frame = fc.record({
      head: fc.oneof(fc.nat(20), fc.nat(60 * KIB)),
      size,
      counted: fc.boolean(),
      bad: fc.nat(19),
    });
    const run = fc.record({
      max: fc.oneof(fc.constant(1e9), fc.nat(300 * KIB)),
      frames: fc.array(frame, { maxLength: 5 }),
      cuts: fc.array(fc.nat(600 * KIB), { maxLength: 12 }),
    });
    fc.assert(
      fc.property(run, ({ max, frames, cuts }) => {
        const budget = new InputBudget(max);
        const parser = new FrameParser(longHead, budget);
        const text = frames.map(
          ({ head, size: length, counted, bad }) =>
            `SEND\nk:${'v'.repeat(head)}\n${counted ? `content-length:${length}\n` : ''}\n${'x'.repeat(length)}${bad === 0 ? 'y' : ''}\0\n`,
        );
        try {
          for (const chunk of split(octets(text.join('')), cuts)) {
            parser.feed(chunk);
            while (parser.next() !== null) strictEqual(budget.used, 0, 'after a frame');
            ok(budget.used <= max);
            ok(parser.bufferedBytes <= budget.used + 16 * KIB, `${parser.bufferedBytes} held, ${budget.used} counted`);
            if (!parser.midFrame) strictEqual(budget.used, 0, 'between frames');
          }
        } catch (error) {
          if (!(error instanceof StompError)) throw error;
          strictEqual(budget.used, 0, 'after a fault');
        }
        parser.close();
        strictEqual(budget.used, 0, 'closed');
      }),
      { numRuns: 100 },
    );
  },
);
