// What a frame costs in the codec alone, on one core. `pnpm --filter @lockstep/stomp-server bench [name]`
import { Bench } from 'tinybench';
import { FrameParser, FrameWriter, HeaderNameSet, stripHeaders } from '@lockstep/stomp-server/codec';
import type { Frame } from '@lockstep/stomp-server/codec';

const FRAMES_PER_ROUND = 200;
const limits = { headerBytesMax: 16 * 1024, headersMax: 100, bodyBytesMax: 16 * 1024 * 1024 };
const dropped = new HeaderNameSet(
  ['receipt', 'transaction', 'content-length', 'message-id', 'subscription', 'ack', 'redelivered', 'delivery-count'],
  ['lockstep-'],
);
const body = Buffer.alloc(256, 'x');

function send(i: number, counted: boolean, cr = ''): Buffer {
  const length = counted ? `content-length:${body.length}${cr}\n` : '';
  const head = `SEND${cr}\ndestination:/queue/orders.europe${cr}\nreceipt:message-${i}${cr}\npersistent:true${cr}\n`;
  return Buffer.concat([
    Buffer.from(`${head}${length}content-type:text/plain${cr}\n${cr}\n`),
    body,
    Buffer.from('\0\n'),
  ]);
}

function stream(counted: boolean, cr = ''): Buffer {
  return Buffer.concat(Array.from({ length: FRAMES_PER_ROUND }, (_, i) => send(i, counted, cr)));
}

/** Keeps the optimiser from dropping what nobody reads. */
let sink = 0;

function session(frame: Frame): void {
  sink += frame.header('destination')!.length + frame.header('receipt')!.length + frame.bodyLength;
  if (frame.header('transaction') !== undefined || frame.header('expires') !== undefined) sink++;
  if (frame.header('persistent') === 'false') sink++;
  sink += stripHeaders(frame, dropped).length + frame.body.length;
}

function parseAll(parser: FrameParser, chunks: readonly Uint8Array[], use: (frame: Frame) => void): void {
  for (const chunk of chunks) {
    parser.feed(chunk);
    for (let frame = parser.next(); frame !== null; frame = parser.next()) use(frame);
  }
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

const stored = Buffer.from('destination:/queue/orders.europe\npersistent:true\ncontent-type:text/plain\n');

function writeMessages(writer: FrameWriter): void {
  for (let i = 0; i < FRAMES_PER_ROUND; i++) {
    writer.begin('MESSAGE');
    writer.header('subscription', 'sub-0');
    writer.number('message-id', 4_000_000 + i);
    writer.number('ack', 4_000_000 + i);
    writer.number('delivery-count', 1);
    writer.number('timestamp', 1_790_000_000_000 + i);
    writer.number('content-length', body.length);
    writer.headerBlock(stored);
    writer.end(body);
  }
  for (const chunk of writer.take()) sink += chunk.length;
}

const bench = new Bench({ time: 1500, warmupTime: 500 });
const parser = new FrameParser(limits);
parser.version = '1.2';
const writer = new FrameWriter();
writer.version = '1.2';
const counted = stream(true);
bench
  .add('parse SEND, frames only', () => parseAll(parser, [counted], (frame) => (sink += frame.bodyLength)))
  .add('parse SEND, as a session reads it', () => parseAll(parser, [counted], session));
const uncounted = [stream(false)];
bench.add('parse SEND, no content-length', () => parseAll(parser, uncounted, session));
const crlf = [stream(true, '\r')];
bench.add('parse SEND, CR LF', () => parseAll(parser, crlf, session));
const small = cut(counted, 1448);
bench.add('parse SEND, chunks of 1,448 bytes', () => parseAll(parser, small, session));
bench
  .add('write MESSAGE', () => writeMessages(writer))
  .add('write RECEIPT', () => {
    for (let i = 0; i < FRAMES_PER_ROUND; i++) writer.receipt(`message-${i}`);
    for (const chunk of writer.take()) sink += chunk.length;
  });

await bench.run();
for (const task of bench.tasks) {
  const result = task.result;
  if (result.state !== 'completed') throw new Error(`${task.name}: ${result.state}`);
  const perSecond = (FRAMES_PER_ROUND * 1000) / result.latency.p50;
  console.log(`${task.name.padEnd(36)} ${Math.round(perSecond).toLocaleString('en').padStart(12)} frames/s (median)`);
}
if (sink === 0) throw new Error('nothing was measured');
