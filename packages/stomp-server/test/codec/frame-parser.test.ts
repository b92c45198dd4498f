import t from 'tap';
import { encodeFrame, FrameParser, StompError } from '../../src/codec/index.ts';
import { bytewise, octets, parse, roomy } from './support.ts';
import type { Command, StompErrorCode, StompVersion } from '../../src/codec/index.ts';

const versions: readonly StompVersion[] = ['1.0', '1.1', '1.2'];

/** The headers of the one frame that the text holds. */
function headersOf(text: string, version: StompVersion): unknown {
  const outcome = parse([octets(text)], version);
  return outcome.error ?? outcome.frames[0]!.headers;
}

/** How the text fails, whole and octet by octet. */
function failure(text: string, version: StompVersion = '1.2', limits = roomy): unknown {
  const whole = parse([octets(text)], version, limits);
  t.strictSame(parse(bytewise(octets(text)), version, limits), whole, 'the split makes no difference');
  return whole.error?.code ?? `no error: ${JSON.stringify(whole)}`;
}

t.test('every command of STOMP 1.0 to 1.2 is known', async (t) => {
  const commands: Command[] = ['CONNECT', 'STOMP', 'SEND', 'SUBSCRIBE', 'UNSUBSCRIBE', 'ACK', 'NACK', 'BEGIN'];
  commands.push('COMMIT', 'ABORT', 'DISCONNECT', 'CONNECTED', 'MESSAGE', 'RECEIPT', 'ERROR');
  for (const command of commands) {
    const { frames } = parse([encodeFrame({ command, version: '1.2' })], '1.2');
    t.strictSame(frames, [{ command, headers: [], body: '', counted: false }]);
  }
});

t.test('STOMP 1.2, STOMP Frames: commands and header names are case sensitive', async (t) => {
  t.equal(failure('send\n\n\0'), 'unknown-command');
  const [frame] = parse([octets('SEND\nDestination:a\ndestination:b\n\n\0')], '1.2').frames;
  t.strictSame(frame!.headers, [
    ['Destination', 'a'],
    ['destination', 'b'],
  ]);
});

t.test(
  'STOMP 1.2, STOMP Frames: a CR before the LF belongs to the line end; earlier versions forgive it',
  async (t) => {
    for (const version of versions) {
      const { frames } = parse([octets('\r\nSEND\r\na:b\r\nc:\r\n\r\nbody\r\n\0\r\n')], version);
      const expected = { command: 'SEND', body: 'body\r\n', counted: false };
      t.match(frames, [{ ...expected, headers: [['a', 'b'], ['c', '']] }]); // prettier-ignore
    }
  },
);

t.test('a CR inside a header: text in 1.0 and 1.1, malformed in 1.2 (Augmented BNF)', async (t) => {
  t.strictSame(headersOf('SEND\na:b\rc\n\n\0', '1.0'), [['a', 'b\rc']]);
  t.strictSame(headersOf('SEND\na:b\rc\n\n\0', '1.1'), [['a', 'b\rc']]);
  t.equal(failure('SEND\na:b\rc\n\n\0', '1.2'), 'malformed-header');
});

t.test('STOMP 1.2, Heart-beating: line ends between frames are skipped and hold no memory', async (t) => {
  const parser = new FrameParser(roomy);
  parser.feed(octets('\n\r\n\n'));
  t.equal(parser.next(), null);
  t.equal(parser.bufferedBytes, 0);
  t.equal(parser.midFrame, false);
  parser.feed(octets('\nACK\nid:1\n\n\0\n\n'));
  t.equal(parser.next()?.command, 'ACK');
  t.equal(parser.next(), null);
});

t.test('STOMP 1.2, Repeated Header Entries: the first counts, the others stay in their order', async (t) => {
  const parser = new FrameParser(roomy);
  parser.feed(octets('MESSAGE\nfoo:World\nbar:1\nfoo:Hello\n\n\0'));
  const frame = parser.next()!;
  t.equal(frame.header('foo'), 'World');
  t.equal(frame.header('absent'), undefined);
  t.equal(frame.headerCount, 3);
  t.strictSame(frame.headers(), [
    ['foo', 'World'],
    ['bar', '1'],
    ['foo', 'Hello'],
  ]);
  t.equal(Buffer.from(frame.headerBlock).toString(), 'foo:World\nbar:1\nfoo:Hello\n');
});

t.test('the first content-length counts', async (t) => {
  const { frames } = parse([octets('SEND\ncontent-length:2\ncontent-length:9\n\na\0\0')], '1.2');
  t.match(frames, [{ body: 'a\0', counted: true }]);
});

t.test('STOMP 1.2, Value Encoding: each version has its own escapes', async (t) => {
  const wire = 'SEND\nk\\cey:a\\nb\\\\c\\cd\n\n\0';
  t.strictSame(headersOf(wire, '1.0'), [['k\\cey', 'a\\nb\\\\c\\cd']]);
  t.strictSame(headersOf(wire, '1.1'), [['k:ey', 'a\nb\\c:d']]);
  t.strictSame(headersOf(wire, '1.2'), [['k:ey', 'a\nb\\c:d']]);
  t.strictSame(headersOf('SEND\na:x\\ry\n\n\0', '1.2'), [['a', 'x\ry']]);
  t.strictSame(headersOf('SEND\na:\\\\n\n\n\0', '1.2'), [['a', '\\n']], 'an escaped backslash escapes nothing');
});

t.test('STOMP 1.2, Value Encoding: an undefined escape is fatal', async (t) => {
  t.equal(failure('SEND\na:x\\ry\n\n\0', '1.1'), 'undefined-escape');
  t.equal(failure('SEND\na:x\\ty\n\n\0', '1.1'), 'undefined-escape');
  t.equal(failure('SEND\na:x\\ty\n\n\0', '1.2'), 'undefined-escape');
  t.equal(failure('SEND\na\\t:x\n\n\0', '1.2'), 'undefined-escape', 'in a name');
  t.equal(failure('SEND\na:x\\\n\n\0', '1.2'), 'undefined-escape', 'a backslash at the end of a value');
  t.equal(failure('SEND\na\\:nx\n\n\0', '1.2'), 'undefined-escape', 'a backslash at the end of a name');
  const { error } = parse([octets('SEND\nreceipt:r1\nok:1\nbad:x\\ty\n\n\0')], '1.2');
  t.strictSame(error, {
    code: 'undefined-escape',
    message: 'SEND: undefined escape \\t in header bad (STOMP 1.2)',
    header: 'bad',
    receipt: 'r1',
  });
});

t.test('STOMP 1.2, Value Encoding: CONNECT, STOMP and CONNECTED are never unescaped', async (t) => {
  for (const start of ['CONNECT\naccept-version:1.2', 'STOMP\naccept-version:1.2', 'CONNECTED\nversion:1.2']) {
    const headers = headersOf(`${start}\npasscode:a\\tb\\\\ \n\n\0`, '1.2') as [string, string][];
    t.strictSame(headers[1], ['passcode', 'a\\tb\\\\ ']);
  }
});

t.test('the version set before a frame is pulled is the one it is read by', async (t) => {
  const parser = new FrameParser(roomy);
  parser.feed(octets('CONNECT\naccept-version:1.2\n\n\0SEND\ndestination:a\\cb\n\n\0'));
  t.equal(parser.next()?.command, 'CONNECT');
  parser.version = '1.2';
  const send = parser.next();
  t.equal(send?.header('destination'), 'a:b');
  t.equal(send?.version, '1.2');
});

t.test('padding: values of 1.0 are trimmed, as its examples want it; 1.1 and 1.2 forbid it', async (t) => {
  t.strictSame(headersOf('SEND\ndestination: /queue/a \n\n\0', '1.0'), [['destination', '/queue/a']]);
  t.strictSame(headersOf('SEND\ndestination: /queue/a \n\n\0', '1.1'), [['destination', ' /queue/a ']]);
  t.strictSame(headersOf('SEND\ndestination: /queue/a \n\n\0', '1.2'), [['destination', ' /queue/a ']]);
  t.strictSame(headersOf('CONNECT\nlogin: ann\n\n\0', '1.0'), [['login', 'ann']], 'no accept-version: 1.0');
  t.strictSame(headersOf('CONNECT\naccept-version:1.2\nlogin: ann\n\n\0', '1.0'), [
    ['accept-version', '1.2'],
    ['login', ' ann'],
  ]);
});

t.test('a header without a value: empty in 1.1 and 1.2, absent in 1.0 (STOMP 1.0, Augmented BNF)', async (t) => {
  const read = (version: StompVersion, text: string): string | undefined => {
    const parser = new FrameParser(roomy);
    parser.version = version;
    parser.feed(octets(text));
    return parser.next()!.header('receipt');
  };
  t.equal(read('1.2', 'SEND\nreceipt:\n\n\0'), '');
  t.equal(read('1.1', 'SEND\nreceipt:\n\n\0'), '');
  t.equal(read('1.0', 'SEND\nreceipt:\n\n\0'), undefined);
  t.equal(read('1.0', 'SEND\nreceipt:  \n\n\0'), undefined, 'nor does one of blanks have a value');
  t.equal(read('1.0', 'SEND\nreceipt:\nreceipt:1\n\n\0'), undefined, 'the first counts');
});

t.test('a colon in a value may stand bare: the first one ends the name', async (t) => {
  for (const version of versions) t.strictSame(headersOf('SEND\na:b:c:\n\n\0', version), [['a', 'b:c:']]);
});

t.test('headers are UTF-8 (Value Encoding)', async (t) => {
  const bytes = Buffer.from('SEND\nschlüssel:größe 語\n\n\0', 'utf8');
  const parser = new FrameParser(roomy);
  parser.version = '1.2';
  parser.feed(bytes);
  t.equal(parser.next()?.header('schlüssel'), 'größe 語');
});

t.test('a header is found by its decoded name', async (t) => {
  const parser = new FrameParser(roomy);
  parser.version = '1.2';
  parser.feed(octets('SEND\nrec\\ceipt:1\nreceipt:2\n\n\0'));
  const frame = parser.next()!;
  t.equal(frame.header('rec:eipt'), '1');
  t.equal(frame.header('rec\\ceipt'), undefined, 'not by the way it is written');
  t.equal(frame.header('receipt'), '2');
});

t.test('a name beyond ASCII is compared as text, not octet by octet', async (t) => {
  const parser = new FrameParser(roomy);
  parser.feed(Buffer.from('SEND\né:1\n\n\0', 'utf8'));
  const frame = parser.next()!;
  t.equal(frame.header('Ã©'), undefined);
  t.equal(frame.header('é'), '1');
});

t.test('STOMP 1.2, Header content-length: so many octets, NULs among them', async (t) => {
  const { frames, midFrame } = parse([octets('SEND\ncontent-length:5\n\na\0\nb\0\0SEND\n\nab\0')], '1.2');
  t.match(frames, [
    { body: 'a\0\nb\0', counted: true },
    { body: 'ab', counted: false },
  ]);
  t.equal(midFrame, false);
});

t.test('content-length:0 is a count; padding around it is forgiven', async (t) => {
  const { frames } = parse([octets('SEND\ncontent-length:0\n\n\0SEND\ncontent-length: 2 \n\n\0\0\0')], '1.1');
  t.match(frames, [
    { body: '', counted: true },
    { body: '\0\0', counted: true },
  ]);
});

t.test('bad content-lengths', async (t) => {
  for (const value of ['abc', '-1', '1e3', '0x10', '1.5', '', ' ', '1 0', '+4', '٣']) {
    const text = Buffer.from(`SEND\ncontent-length:${value}\n\nab\0`, 'utf8').toString('latin1');
    t.equal(failure(text), 'bad-content-length', value);
  }
});

t.test('a content-length is reported as it was written, cut short', async (t) => {
  const message = (value: string): string | undefined =>
    parse([octets(`SEND\ncontent-length:${value}\n\n`)], '1.2').error?.message;
  t.equal(message('99999999999999999999'), 'SEND: content-length 99999999999999999999, allowed are 1048576 bytes');
  t.equal(message(' 1048577 '), 'SEND: content-length 1048577, allowed are 1048576 bytes');
  t.equal(message('9'.repeat(1000)), `SEND: content-length ${'9'.repeat(48)}..., allowed are 1048576 bytes`);
  t.equal(message('1e3'), 'SEND: content-length is no number of bytes: 1e3');
  t.equal(message(' '), 'SEND: content-length is empty');
});

t.test('a content-length beyond the limit is refused before anything is allocated', async (t) => {
  for (const value of ['1048577', '1000000000', '9'.repeat(30)]) {
    t.equal(failure(`SEND\nreceipt:r\ncontent-length:${value}\n\n`), 'body-too-large', value);
  }
  const { error } = parse([octets('SEND\nreceipt:r\ncontent-length:1000000000\n\n')], '1.2');
  t.strictSame(error, {
    code: 'body-too-large',
    message: 'SEND: content-length 1000000000, allowed are 1048576 bytes',
    header: 'content-length',
    receipt: 'r',
  });
});

t.test('STOMP 1.2, Size Limits: each is inclusive', async (t) => {
  const limits = { headerBytesMax: 40, headersMax: 2, bodyBytesMax: 4 };
  const cases: [string, StompErrorCode | null][] = [
    ['SEND\na:1\nb:2\n\n1234\0', null],
    ['SEND\na:1\nb:2\n\n12345\0', 'body-too-large'],
    ['SEND\na:1\nb:2\n\n12345', 'body-too-large'],
    ['SEND\ncontent-length:4\n\n1234\0', null],
    ['SEND\ncontent-length:5\n\n', 'body-too-large'],
    ['SEND\na:1\nb:2\nc:3\n', 'too-many-headers'],
    [`SEND\na:${'x'.repeat(31)}\n\n\0`, null],
    [`SEND\na:${'x'.repeat(32)}\n\n\0`, 'headers-too-large'],
    [`SEND\na:${'x'.repeat(33)}`, 'headers-too-large'],
  ];
  for (const [text, code] of cases) {
    if (code === null) t.equal(parse([octets(text)], '1.2', limits).frames.length, 1, text);
    else t.equal(failure(text, '1.2', limits), code, text);
  }
});

t.test('STOMP 1.2, Body: a stray body of another frame is read over, a long one is not', async (t) => {
  t.match(parse([octets('BEGIN\ntransaction:1\n\n\n\0ABORT\ntransaction:1\n\n\0')], '1.1').frames, [
    { command: 'BEGIN' },
    { command: 'ABORT' },
  ]);
  t.equal(failure(`CONNECT\n\n${'x'.repeat(1025)}`), 'body-too-large');
  t.equal(failure('CONNECT\ncontent-length:1025\n\n'), 'body-too-large');
});

t.test('after a counted body only NUL may come', async (t) => {
  t.equal(failure('SEND\ncontent-length:2\n\nabc\0'), 'missing-nul');
  const { error } = parse([octets('SEND\nreceipt:r\ncontent-length:2\n\nab\n\0')], '1.2');
  t.match(error, { message: 'SEND: no NUL after 2 bytes of body', receipt: 'r' });
  const long = `SEND\nreceipt:r\ncontent-length:40000\n\n${'x'.repeat(40_001)}`;
  const bytes = octets(long);
  const gathered = parse([bytes.subarray(0, 20_000), bytes.subarray(20_000)], '1.2');
  t.match(gathered.error, { code: 'missing-nul', receipt: 'r' });
});

t.test('malformed headers', async (t) => {
  t.equal(failure('SEND\nno colon\n\n\0'), 'malformed-header');
  t.equal(failure('SEND\n:value\n\n\0'), 'malformed-header');
  t.equal(failure('SEND\n \n\n\0'), 'malformed-header');
  t.equal(failure('SEND\na:b\0\n\n\0'), 'malformed-header', 'a frame without its blank line');
  t.equal(failure('SEND\n\0'), 'malformed-header');
  const { error } = parse([octets('SEND\nreceipt:7\nno colon\u0001\n\n\0')], '1.2');
  t.strictSame(error, {
    code: 'malformed-header',
    message: 'SEND: header line without a colon: no colon.',
    header: 'no colon.',
    receipt: '7',
  });
});

t.test('an unknown command is named, cleaned and cut short', async (t) => {
  const message = (text: string): string | undefined => parse([octets(text)], '1.2').error?.message;
  t.equal(message('SENT\ndestination:a\n\n\0'), 'unknown command SENT');
  t.equal(message('GET / HTTP/1.1\r\n\r\n'), 'unknown command GET');
  t.equal(message(`${'A'.repeat(5000)}`), `unknown command ${'A'.repeat(24)}...`);
  t.equal(message('\u0016\u0003\u0001\u0002'), 'unknown command .', 'a TLS hello');
  for (const text of ['SENT\n\n\0', 'GET / HTTP', 'A'.repeat(50), '\u0016\u0003', 'SEND \n', 'SEND\r\r\n', '\0']) {
    t.equal(failure(text), 'unknown-command', JSON.stringify(text));
  }
});

t.test('a binary flood fails at its first octets, wherever they are cut', async (t) => {
  const parser = new FrameParser(roomy);
  parser.feed(Uint8Array.of(0xff));
  t.throws(() => parser.next(), { code: 'unknown-command' });
  t.equal(parser.bufferedBytes, 0);
});

t.test('a failed stream stays failed and takes nothing in', async (t) => {
  const parser = new FrameParser(roomy);
  parser.feed(octets('ACK\nid:1\n\n\0NOPE\n\n\0SEND\n\n\0'));
  t.equal(parser.next()?.command, 'ACK', 'what came before the fault is given out');
  t.throws(() => parser.next(), StompError);
  parser.feed(octets('SEND\n\n\0'));
  t.throws(() => parser.next(), StompError);
  t.equal(parser.bufferedBytes, 0);
  t.equal(parser.midFrame, false);
});

t.test('a frame cut short is incomplete, which midFrame tells', async (t) => {
  for (const text of ['S', 'SEND\n', 'SEND\na:b\n\n', 'SEND\ncontent-length:3\n\nab', 'SEND\ncontent-length:2\n\nab']) {
    t.strictSame(parse([octets(text)], '1.2'), { frames: [], error: null, midFrame: true }, text);
  }
  t.equal(parse([octets(`SEND\ncontent-length:40000\n\nab`)], '1.2').midFrame, true);
  t.equal(parse([octets('ACK\n\n\0\n')], '1.2').midFrame, false);
});
