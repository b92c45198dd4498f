import t from 'tap';
import { encodeFrame, FrameParser } from '../../src/codec/index.ts';
import { bytewise, octets, parse, roomy } from './support.ts';
import type { Frame } from '../../src/codec/index.ts';

const MEBIBYTE = 1024 * 1024;
const generous = { headerBytesMax: 16 * 1024, headersMax: 100, bodyBytesMax: 16 * MEBIBYTE };

function pull(parser: FrameParser, chunks: Iterable<Uint8Array>): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    parser.feed(chunk);
    for (let frame = parser.next(); frame !== null; frame = parser.next()) frames.push(frame);
  }
  return frames;
}

t.test('an announced body costs nothing until it comes', async (t) => {
  // Counts what the codec takes from Node while a client announces 16 MB and sends little of it.
  const parser = new FrameParser(generous);
  const asked: number[] = [];
  const { allocUnsafe, allocUnsafeSlow } = Buffer;
  t.teardown(() => Object.assign(Buffer, { allocUnsafe, allocUnsafeSlow }));
  Object.assign(Buffer, {
    allocUnsafe: (size: number) => (asked.push(size), allocUnsafe(size)),
    allocUnsafeSlow: (size: number) => (asked.push(size), allocUnsafeSlow(size)),
  });
  t.equal(pull(parser, [octets(`SEND\ncontent-length:${16 * MEBIBYTE}\n\n`)]).length, 0);
  pull(parser, [new Uint8Array(1000)]);
  t.ok(asked.reduce((sum, size) => sum + size, 0) <= 65 * 1024, `took ${asked.join(', ')}`);
  for (let i = 0; i < 64; i++) pull(parser, [new Uint8Array(16 * 1024)]);
  t.ok(Math.max(...asked) <= 2 * (MEBIBYTE + 1000) + 1024, 'grows as bytes come');
});

t.test('a large body that comes in pieces is whole, in a buffer of its own size', async (t) => {
  const body = Buffer.alloc(3 * MEBIBYTE + 17, 'abc\0d');
  const headers: [string, string][] = [
    ['destination', '/queue/a'],
    ['content-length', String(body.length)],
  ];
  const bytes = encodeFrame({ command: 'SEND', headers, body, version: '1.2' });
  const cuts = [0, 9, 70_000, 2 * MEBIBYTE, bytes.length];
  const chunks = cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
  const after = octets('ACK\nid:1\n\n\0');
  const frames = pull(new FrameParser(generous), [...chunks, after]);
  t.equal(Buffer.compare(frames[0]!.body, body), 0);
  t.strictSame(frames[0]!.headers(), headers);
  t.equal(frames[0]!.body.buffer.byteLength, body.length, 'nothing is taken beyond the announced length');
  t.equal(frames[1]!.header('id'), '1');
});

t.test('frames stay as they were when more is fed', async (t) => {
  const bytes = Buffer.concat(
    Array.from({ length: 50 }, (_, i) => octets(`SEND\nn:${i}\ncontent-length:3\n\n${String(i).padStart(3)}\0\n`)),
  );
  const chunks = Array.from({ length: Math.ceil(bytes.length / 37) }, (_, i) => bytes.subarray(i * 37, i * 37 + 37));
  const frames = pull(new FrameParser(roomy), chunks);
  t.equal(frames.length, 50);
  for (const [i, frame] of frames.entries()) {
    t.equal(frame.header('n'), String(i));
    t.equal(Buffer.from(frame.body).toString(), String(i).padStart(3));
  }
});

t.test('the parser can be fed ahead of being pulled', async (t) => {
  const parser = new FrameParser(roomy);
  for (const octet of bytewise(octets('SEND\na:1\n\nx\0\nSEND\na:2\n\ny\0'))) parser.feed(octet);
  t.equal(parser.bufferedBytes, 25);
  t.equal(parser.next()?.header('a'), '1');
  t.equal(parser.next()?.header('a'), '2');
  t.equal(parser.next(), null);
  t.equal(parser.bufferedBytes, 0);
});

t.test('what is held stays within the limits and one chunk, whatever is sent', async (t) => {
  const limits = { headerBytesMax: 1000, headersMax: 10, bodyBytesMax: 5000 };
  const chunkBytes = 512;
  const streams = [
    `SEND\na:${'x'.repeat(100_000)}`,
    `SEND\n\n${'x'.repeat(100_000)}`,
    `SEND\ncontent-length:5000\n\n${'\0'.repeat(100_000)}`,
    '\n'.repeat(100_000),
    'SEND\na:b\n\nhello\0'.repeat(5000),
  ];
  for (const stream of streams) {
    const parser = new FrameParser(limits);
    const bytes = octets(stream);
    let most = 0;
    const feedAll = (): void => {
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        parser.feed(bytes.subarray(at, at + chunkBytes));
        most = Math.max(most, parser.bufferedBytes);
        while (parser.next() !== null);
      }
    };
    try {
      feedAll();
    } catch {
      t.equal(parser.bufferedBytes, 0, 'nothing is held after a fault');
    }
    t.ok(most <= 1000 + 5000 + chunkBytes, `${stream.slice(0, 12)}: held ${most}`);
  }
});

t.test('a few waiting bytes do not keep a large chunk alive', async (t) => {
  const chunk = Buffer.alloc(64 * 1024, '\n');
  chunk.write('SEND\na:b', chunk.length - 8);
  const parser = new FrameParser(roomy);
  parser.feed(chunk);
  t.equal(parser.next(), null);
  chunk.fill('!'); // a caller must not do this; here it shows that the parser no longer looks
  parser.feed(octets('\n\n\0'));
  t.equal(parser.next()?.header('a'), 'b');
});

t.test('what waits of a small frame does not keep a chunk alive, however much of the chunk it is', async (t) => {
  const chunk = Buffer.alloc(60 * 1024, '\n');
  chunk.fill('x', chunk.length - 16_000);
  chunk.write('SEND\na:b\n\n', chunk.length - 16_000);
  const parser = new FrameParser(roomy);
  t.equal(pull(parser, [chunk]).length, 0);
  chunk.fill('!');
  t.equal(pull(parser, [octets('\0')])[0]?.header('a'), 'b');
});

t.test('a few bytes behind a large frame do not keep its memory alive', async (t) => {
  const first = `SEND\n\n${'x'.repeat(100_000)}\0SEND\n\nab`;
  const cuts = [0, 30_000, 60_000, 90_000, 95_000, first.length];
  const chunks = cuts.slice(1).map((end, i) => octets(first.slice(cuts[i], end)));
  const [large, small] = pull(new FrameParser(roomy), [...chunks, octets('c\0')]);
  t.equal(large?.body.length, 100_000);
  t.ok(large!.body.buffer.byteLength > 100_100, 'there was room for the small one behind it');
  t.equal(Buffer.from(small!.body).toString(), 'abc');
  t.not(small?.body.buffer, large?.body.buffer);
});

t.test('a trickling sender costs linear work', async (t) => {
  // Work is counted, not timed: octets searched and copied for one uncounted body that comes octet by octet.
  let searched = 0;
  let copied = 0;
  const { indexOf, copy } = Buffer.prototype;
  t.teardown(() => Object.assign(Buffer.prototype, { indexOf, copy }));
  Object.assign(Buffer.prototype, {
    indexOf(this: Buffer, value: number, from: number): number {
      searched += this.length - from;
      return indexOf.call(this, value, from);
    },
    copy(this: Buffer, target: Buffer, at: number, from: number, to: number): number {
      copied += to - from;
      return copy.call(this, target, at, from, to);
    },
  });
  const length = 50_000;
  const { frames } = parse(bytewise(octets(`SEND\n\n${'x'.repeat(length)}\0`)), '1.2');
  t.equal(frames[0]!.body.length, length);
  t.ok(searched < 4 * length, `searched ${searched} octets`);
  t.ok(copied < 4 * length, `copied ${copied} octets`);
});
