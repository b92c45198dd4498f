import t from 'tap';
import { FrameParser, HeaderNameSet, stripHeaders, transcodeHeaderBlock } from '../../src/codec/index.ts';
import { octets, roomy } from './support.ts';
import type { Frame, StompVersion } from '../../src/codec/index.ts';

const dropped = new HeaderNameSet(['receipt', 'transaction', 'rec:eipt'], ['lockstep-']);

function frameOf(text: string, version: StompVersion = '1.2'): Frame {
  const parser = new FrameParser(roomy);
  parser.version = version;
  parser.feed(octets(text));
  return parser.next()!;
}

function strip(headerLines: string, version?: StompVersion): string {
  return Buffer.from(stripHeaders(frameOf(`SEND\n${headerLines}\n\0`, version), dropped)).toString('latin1');
}

function transcode(block: string, from: StompVersion, to: StompVersion): string {
  return Buffer.from(transcodeHeaderBlock(Buffer.from(block), from, to)).toString();
}

t.test('stripHeaders leaves the other lines raw and in order, repeated ones too', async (t) => {
  t.equal(strip('b:2\nreceipt:1\na:1\nb:3\n'), 'b:2\na:1\nb:3\n');
  t.equal(strip('receipt:1\nb:2\nc:\n'), 'b:2\nc:\n');
  t.equal(strip('a:x\\cy\\\\\n'), 'a:x\\cy\\\\\n');
  t.equal(strip('receipt:1\ntransaction:2\n'), '');
  t.equal(strip(''), '');
});

t.test('stripHeaders drops by prefix and not by likeness', async (t) => {
  t.equal(
    strip('lockstep-:1\nlockstep-origin:2\nlockstep:3\nreceipts:4\nReceipt:5\n'),
    'lockstep:3\nreceipts:4\nReceipt:5\n',
  );
});

t.test('stripHeaders goes by the decoded name', async (t) => {
  t.equal(strip('rec\\ceipt:1\nlockstep-\\cx:2\na:1\n', '1.2'), 'a:1\n');
  t.equal(strip('rec\\ceipt:1\na:1\n', '1.0'), 'rec\\ceipt:1\na:1\n', '1.0 has no escapes');
});

t.test('stripHeaders takes the CR of line ends away (STOMP 1.2, STOMP Frames)', async (t) => {
  t.equal(strip('a:1\r\nreceipt:2\r\nb:3\r\n\r'), 'a:1\nb:3\n');
  t.equal(strip('a:1\nb:3\r\n'), 'a:1\nb:3\n');
});

t.test('stripHeaders copies long lines as well as short ones', async (t) => {
  const long = `a:${'x'.repeat(500)}\n`;
  t.equal(strip(`${long}receipt:1\n${long}b:1\n`), `${long}${long}b:1\n`);
});

t.test('stripHeaders gives a view when nothing has to move', async (t) => {
  const frame = frameOf('SEND\na:1\nb:2\n\n\0');
  t.equal(stripHeaders(frame, dropped).buffer, frame.headerBlock.buffer);
  const outer = frameOf('SEND\nreceipt:1\na:1\nb:2\ntransaction:3\n\n\0');
  t.equal(stripHeaders(outer, dropped).byteOffset, outer.headerBlock.byteOffset + 10, 'or only at the ends');
});

t.test('transcodeHeaderBlock gives the same view when nothing has to change', async (t) => {
  const plain = octets('destination:/queue/a\nx:1 2\n');
  for (const from of ['1.0', '1.1', '1.2'] as const) {
    for (const to of ['1.0', '1.1', '1.2'] as const) t.equal(transcodeHeaderBlock(plain, from, to), plain);
  }
  const bareColon = octets('a:b:c\n');
  t.equal(transcodeHeaderBlock(bareColon, '1.1', '1.2'), bareColon, 'as its sender wrote it');
  for (const version of ['1.1', '1.2'] as const) {
    const escaped = octets('a\\cb:\\\\\\n\nempty:\nb:c:d\n');
    t.equal(transcodeHeaderBlock(escaped, version, version), escaped);
  }
});

t.test('escapes are rewritten for the reader (STOMP 1.1 and 1.2, Value Encoding)', async (t) => {
  t.equal(transcode('a\\cb:c\\cd\\\\e\\n\n', '1.2', '1.1'), 'a\\cb:c\\cd\\\\e\\n\n');
  t.equal(transcode('a:c\\cd\\\\e\n', '1.2', '1.0'), 'a:c:d\\e\n');
  t.equal(transcode('a:c:d\\e\n', '1.0', '1.1'), 'a:c\\cd\\\\e\n');
  t.equal(transcode('a:c:d\\e\n', '1.0', '1.2'), 'a:c\\cd\\\\e\n');
  t.equal(transcode('a:x\ry\n', '1.1', '1.2'), 'a:x\\ry\n', '1.1 has its CR bare');
  t.equal(transcode('größe:\\\\語\n', '1.2', '1.0'), 'größe:\\語\n');
});

t.test('what the reader cannot be told becomes a blank', async (t) => {
  t.equal(transcode('a:x\\ny\n', '1.1', '1.0'), 'a:x y\n', 'LF in 1.0');
  t.equal(transcode('a:x\\ry\n', '1.2', '1.0'), 'a:x y\n', 'CR in 1.0');
  t.equal(transcode('a:x\\ry\n', '1.2', '1.1'), 'a:x y\n', 'CR in 1.1');
  t.equal(transcode('a\\cb:x\n', '1.1', '1.0'), 'a b:x\n', 'a colon in a name in 1.0');
});

t.test('1.0 is given no header without a value', async (t) => {
  t.equal(transcode('a:\nb:1\nc:\n', '1.2', '1.0'), 'b:1\n');
  t.equal(transcode('a:\nb:\\c\n', '1.0', '1.0'), 'b:\\c\n', 'also when it came from 1.0');
  t.equal(transcode('a:\nb:1\n', '1.2', '1.1'), 'a:\nb:1\n');
});
