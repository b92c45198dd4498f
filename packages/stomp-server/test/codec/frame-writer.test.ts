import t from 'tap';
import { encodeFrame, FrameWriter, writeError } from '../../src/codec/index.ts';
import { octets, parse } from './support.ts';
import type { Command, ErrorFrame, StompVersion } from '../../src/codec/index.ts';

function written(write: (writer: FrameWriter) => void, version: StompVersion = '1.2'): string {
  const writer = new FrameWriter();
  writer.version = version;
  write(writer);
  return Buffer.concat(writer.take()).toString('utf8');
}

function headerLine(name: string, value: string, version: StompVersion, command: Command = 'MESSAGE'): string {
  const text = Buffer.from(encodeFrame({ command, headers: [[name, value]], version })).toString('utf8');
  return text.slice(command.length + 1, -3);
}

function errorOf(error: ErrorFrame, version: StompVersion = '1.2'): { headers: Map<string, string>; body: Buffer } {
  const writer = new FrameWriter();
  writer.version = version;
  writeError(writer, error);
  const [frame] = parse(writer.take(), version).frames;
  return { headers: new Map(frame!.headers), body: Buffer.from(frame!.body, 'latin1') };
}

t.test('a frame ends with NUL LF on TCP, with NUL alone in a WebSocket message', async (t) => {
  const receipt = { command: 'RECEIPT', headers: [['receipt-id', '1']], version: '1.2' } as const;
  t.equal(Buffer.from(encodeFrame(receipt)).toString(), 'RECEIPT\nreceipt-id:1\n\n\0\n');
  t.equal(Buffer.from(encodeFrame({ ...receipt, frameEnd: 'nul' })).toString(), 'RECEIPT\nreceipt-id:1\n\n\0');
});

t.test('STOMP 1.2, Value Encoding: each version escapes what it can; the rest becomes a blank', async (t) => {
  const value = 'a:b\\c\nd\re\0f';
  t.equal(headerLine('k', value, '1.0'), 'k:a:b\\c d e f\n');
  t.equal(headerLine('k', value, '1.1'), 'k:a\\cb\\\\c\\nd e f\n');
  t.equal(headerLine('k', value, '1.2'), 'k:a\\cb\\\\c\\nd\\re f\n');
  t.equal(headerLine('k:y', 'v', '1.0'), 'k y:v\n', 'a name in 1.0 has no colon');
  t.equal(headerLine('k:y', 'v', '1.2'), 'k\\cy:v\n');
  const long = `${'x'.repeat(100)}:é`;
  t.equal(headerLine('k', long, '1.1'), `k:${'x'.repeat(100)}\\cé\n`, 'long text, too');
});

t.test('STOMP 1.2, Value Encoding: CONNECT and CONNECTED are not escaped', async (t) => {
  for (const command of ['CONNECT', 'STOMP', 'CONNECTED'] as const) {
    t.equal(headerLine('failover', 'failover:(tcp://a:1)\\', '1.2', command), 'failover:failover:(tcp://a:1)\\\n');
  }
});

t.test('CONNECTED and the frames of 1.0 have no header without a value', async (t) => {
  t.equal(headerLine('k', '', '1.2', 'CONNECTED'), '');
  t.equal(headerLine('k', '', '1.0'), '');
  t.equal(headerLine('k', '', '1.1'), 'k:\n');
});

t.test('numbers', async (t) => {
  for (const value of [0, 9, 10, 99, 100, 999_999, 4_294_967_296, 1_790_000_000_000, Number.MAX_SAFE_INTEGER]) {
    t.equal(
      written((writer) => {
        writer.begin('ACK');
        writer.number('n', value);
        writer.end();
      }),
      `ACK\nn:${value}\n\n\0\n`,
    );
  }
});

t.test('a stored header block stands as it is, where it was asked for', async (t) => {
  const text = written((writer) => {
    writer.begin('MESSAGE');
    writer.header('subscription', '0');
    writer.headerBlock(octets('destination:/queue/a\\cb\nx:\n'));
    writer.end(octets('hi'));
  });
  t.equal(text, 'MESSAGE\nsubscription:0\ndestination:/queue/a\\cb\nx:\n\nhi\0\n');
});

t.test('receipts and heart-beats', async (t) => {
  t.equal(
    written((writer) => {
      writer.receipt('a:1');
      writer.heartBeat();
    }),
    'RECEIPT\nreceipt-id:a\\c1\n\n\0\n\n',
  );
});

t.test('frames of one turn are one chunk; a long body is passed on as it is', async (t) => {
  const writer = new FrameWriter();
  for (let i = 0; i < 3; i++) writer.receipt('1');
  t.equal(writer.pendingBytes, 72);
  t.equal(writer.take().length, 1);
  t.equal(writer.pendingBytes, 0);
  t.strictSame(writer.take(), []);
  const body = new Uint8Array(16 * 1024 + 1);
  writer.begin('MESSAGE');
  writer.end(body);
  t.equal(writer.pendingBytes, 9 + body.length + 2);
  const chunks = writer.take();
  t.equal(chunks.length, 3);
  t.equal(chunks[1], body, 'not a copy');
});

t.test('chunks that were taken are not written to again', async (t) => {
  const writer = new FrameWriter();
  writer.receipt('1');
  const first = Buffer.concat(writer.take());
  const held = writer.take();
  writer.receipt('2');
  const second = writer.take();
  writer.receipt('3');
  writer.take();
  t.equal(first.toString(), 'RECEIPT\nreceipt-id:1\n\n\0\n');
  t.strictSame(held, []);
  t.equal(Buffer.concat(second).toString(), 'RECEIPT\nreceipt-id:2\n\n\0\n');
});

t.test('ERROR: plain text with its length, and the receipt it is about', async (t) => {
  const { headers, body } = errorOf({
    message: 'no such transaction: t1',
    body: 'COMMIT\n',
    receiptId: 'r:1',
    headers: [['version', '1.0,1.1,1.2']],
  });
  t.strictSame(
    [...headers],
    [
      ['message', 'no such transaction: t1'],
      ['receipt-id', 'r:1'],
      ['version', '1.0,1.1,1.2'],
      ['content-type', 'text/plain'],
      ['content-length', '7'],
    ],
  );
  t.equal(body.toString(), 'COMMIT\n');
  t.equal(errorOf({ message: 'x' }).headers.get('content-length'), '0');
});

t.test('ERROR: at most 200 bytes of message and 4,096 of body, cut between characters', async (t) => {
  t.equal(errorOf({ message: 'm'.repeat(200) }).headers.get('message'), 'm'.repeat(200));
  t.equal(errorOf({ message: 'm'.repeat(201) }).headers.get('message'), 'm'.repeat(200));
  t.equal(errorOf({ message: `${'m'.repeat(199)}é` }).headers.get('message'), 'm'.repeat(199));
  t.equal(errorOf({ message: `${'m'.repeat(196)}😀!` }).headers.get('message'), `${'m'.repeat(196)}😀`);
  t.equal(errorOf({ message: ':'.repeat(150) }).headers.get('message'), ':'.repeat(100), 'escapes count');
  t.equal(errorOf({ message: 'x', body: 'b'.repeat(5000) }).body.length, 4096);
  t.equal(errorOf({ message: 'x', body: `${'b'.repeat(4095)}é` }).body.length, 4095);
});
