// STOMP 1.1 and 1.2, STOMP Frames (with Value Encoding, Body, Standard Headers, Repeated Header Entries, Size Limits), and the
// grammars of all three. docs/stomp.md says which test is for which clause.
import t from 'tap';
import { naming, versions, Wire } from './support.ts';

t.test('a command line, header lines, a blank line, the body, NUL; line ends may follow it', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SEND\ndestination:/queue/a\nk:v\n\nbody\0\n\n\nSEND\ndestination:/queue/b\n\n\0');
    t.same(wire.asked, ['send /queue/a "k:v\\n" body', 'send /queue/b "" '], version);
  }
});

t.test('what the server writes has that form', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('BEGIN\ntransaction:t\nreceipt:r\n\n\0');
    t.equal(wire.raw, 'RECEIPT\nreceipt-id:r\n\n\0\n', version);
  }
});

t.test('a CR before the LF belongs to the line end', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SEND\r\ndestination:/queue/a\r\nreceipt:r\r\nk:v\r\n\r\nbody\r\n\0\r\n\r\n');
    t.same(wire.asked, ['send /queue/a "k:v\\n" body\r\n'], `${version}: the body's own octets stay`);
    t.same(wire.frames, ['RECEIPT\nreceipt-id:r'], version);
  }
});

t.test('commands and header names are case sensitive', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SEND\nDestination:/queue/a\n\n\0');
    t.same(wire.errors, ['SEND: missing header destination'], version);
    const other = await Wire.connected(version);
    await other.say('send\ndestination:/queue/a\n\n\0');
    t.same(other.errors, ['unknown command send'], version);
  }
});

t.test("header names and values are decoded by the version's escapes", async (t) => {
  const line = 'destination:/queue/a\\cb\\\\c\n';
  t.same((await (await Wire.connected('1.2')).say(`SEND\n${line}\n\0`)).asked, ['send /queue/a:b\\c "" ']);
  t.same((await (await Wire.connected('1.1')).say(`SEND\n${line}\n\0`)).asked, ['send /queue/a:b\\c "" ']);
  t.same((await (await Wire.connected('1.0')).say(`SEND\n${line}\n\0`)).asked, ['send /queue/a\\cb\\\\c "" ']);
  const name = await (await Wire.connected('1.2')).say('SEND\ndestination:/queue/a\nk\\n\\r:v\n\n\0');
  t.same(name.errors, [], 'names, too');
});

t.test('an undefined escape ends the connection', async (t) => {
  for (const [version, escape] of [
    ['1.1', '\\r'],
    ['1.1', '\\t'],
    ['1.2', '\\t'],
    ['1.2', '\\'],
  ] as const) {
    const wire = await Wire.connected(version);
    await wire.say(`SEND\ndestination:/queue/a\nk:v${escape}\n\n\0`);
    t.equal(wire.errors.length, 1, `${version} ${escape}`);
    t.match(wire.errors[0], /^SEND: undefined escape/);
    t.ok(wire.client.ended, 'closed');
    t.same(wire.asked, ['endSession clean'], 'nothing of it took effect');
  }
  const old = await (await Wire.connected('1.0')).say('SEND\ndestination:/queue/a\nk:\\t\n\n\0');
  t.same(old.errors, [], '1.0 has no escapes');
});

t.test("what the server writes is encoded by the version's escapes", async (t) => {
  const out = async (version: (typeof versions)[number], receipt: string): Promise<string> =>
    (await (await Wire.connected(version)).say(`BEGIN\ntransaction:t\nreceipt:${receipt}\n\n\0`)).raw;
  t.equal(await out('1.2', 'a\\cb\\nc\\rd\\\\e'), 'RECEIPT\nreceipt-id:a\\cb\\nc\\rd\\\\e\n\n\0\n');
  t.equal(await out('1.1', 'a\\cb\\nc\\\\e'), 'RECEIPT\nreceipt-id:a\\cb\\nc\\\\e\n\n\0\n');
  t.equal(await out('1.0', 'a:b\\c'), 'RECEIPT\nreceipt-id:a:b\\c\n\n\0\n');
});

t.test('CONNECT, STOMP and CONNECTED are not escaped, in any version', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version, {}, 'login:back\\slash\\t:colon\n');
    t.same(wire.frames, [], `${version}: let in`);
  }
});

t.test('1.1 and 1.2: values are neither trimmed nor padded', async (t) => {
  for (const version of ['1.1', '1.2'] as const) {
    const wire = await (await Wire.connected(version)).say('BEGIN\ntransaction: t \nreceipt:  r \n\n\0');
    t.equal(wire.raw, 'RECEIPT\nreceipt-id:  r \n\n\0\n', version);
    await wire.say('COMMIT\ntransaction:t\n\n\0');
    t.same(wire.errors, ['COMMIT: unknown transaction t']);
  }
});

t.test('1.0: values may be padded, as in its own examples', async (t) => {
  const wire = await Wire.connected('1.0');
  await wire.say('SUBSCRIBE\ndestination: /queue/foo\nack: client\nreceipt: r\n\n\0');
  t.match(wire.asked, [/^subscribe 1 \/queue\/foo /]);
  t.equal(wire.raw, 'RECEIPT\nreceipt-id:r\n\n\0\n');
});

t.test(
  'only SEND, MESSAGE and ERROR have a body: a short one of another frame is ignored, as 1.0 has it',
  async (t) => {
    for (const version of versions) {
      const wire = await Wire.connected(version);
      await wire.say('SUBSCRIBE\nid:s\ndestination:/queue/a\nreceipt:r\n\nignored\0');
      t.match(wire.asked, [/^subscribe 1 \/queue\/a /], version);
      t.same(wire.frames, ['RECEIPT\nreceipt-id:r']);
    }
  },
);

t.test('content-length: so many octets are read, NULs and all; then comes the NUL that ends the frame', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SEND\ndestination:/queue/a\ncontent-length:7\n\na\0b\n\0\nc\0SEND\ndestination:/queue/b\n\nx\0');
    t.same(wire.asked, ['send /queue/a "" a\0b\n\0\nc', 'send /queue/b "" x'], version);
    const wrong = await Wire.connected(version);
    await wrong.say('SEND\ndestination:/queue/a\ncontent-length:1\n\nab\0');
    t.same(wrong.errors, ['SEND: no NUL after 1 bytes of body'], version);
  }
});

t.test('any frame may have a content-length', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version, {}, 'content-length:0\n');
    await wire.say(
      'BEGIN\ntransaction:t\ncontent-length:0\nreceipt:r\n\n\0DISCONNECT\ncontent-length:0\nreceipt:q\n\n\0',
    );
    t.same(wire.frames, ['RECEIPT\nreceipt-id:r', 'RECEIPT\nreceipt-id:q'], version);
  }
});

t.test('a body with NULs goes out with its content-length, in every version', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0SEND\ndestination:/queue/a\ncontent-length:3\n\na\0b\0');
    const [, send] = wire.requests;
    t.ok(send?.type === 'send');
    if (send?.type !== 'send') return;
    await wire.deliver({ position: 1, body: 'a\0b', envelope: send.message.envelope });
    t.match(wire.raw, /^MESSAGE\n(?:.*\n)*content-length:3\n(?:.*\n)*\na\0b\0\n$/, version);
  }
});

t.test('content-type comes out as it went in, and none is made up', async (t) => {
  for (const version of versions) {
    for (const type of ['content-type:application/xml;charset=utf-8\n', '']) {
      const wire = await Wire.connected(version);
      await wire.say(`SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0SEND\ndestination:/queue/a\n${type}\nx\0`);
      const [, send] = wire.requests;
      const headerBlock = send?.type === 'send' ? Buffer.from(send.message.headerBlock).toString() : '?';
      await wire.deliver({ position: 1, headerBlock, envelope: versions.indexOf(version) });
      t.equal(wire.header('content-type'), type === '' ? undefined : type.slice('content-type:'.length, -1), version);
    }
  }
});

t.test('header text is UTF-8', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SEND\ndestination:/queue/größe-語-😀\nreceipt:é😀\n\nx\0');
    t.same(wire.asked, ['send /queue/größe-語-😀 "" x'], version);
    t.equal(wire.frames[0], 'RECEIPT\nreceipt-id:é😀', version);
  }
});

t.test('receipt: every frame but CONNECT may ask for one, and gets it', async (t) => {
  for (const version of versions) {
    const name = naming(version);
    const wire = await Wire.connected(version);
    await wire.say('SUBSCRIBE\nid:s\ndestination:/queue/a\nack:client-individual\nreceipt:subscribe\n\n\0');
    await wire.deliver({ position: 1 });
    await wire.say(`BEGIN\ntransaction:t\nreceipt:begin\n\n\0ACK\n${name}transaction:t\nreceipt:ack in t\n\n\0`);
    await wire.say('SEND\ndestination:/queue/a\ntransaction:t\nreceipt:send in t\n\nx\0');
    await wire.say('ABORT\ntransaction:t\nreceipt:abort\n\n\0BEGIN\ntransaction:u\n\n\0');
    await wire.say('SEND\ndestination:/queue/a\nreceipt:send\n\nx\0COMMIT\ntransaction:u\nreceipt:commit\n\n\0');
    const ended = version === '1.0' ? ['ack'] : ['nack', 'ack'];
    for (const one of ended) await wire.say(`${one.toUpperCase()}\n${name}receipt:${one}\n\n\0`);
    await wire.say('UNSUBSCRIBE\nid:s\nreceipt:unsubscribe\n\n\0DISCONNECT\nreceipt:disconnect\n\n\0');
    const receipts = wire.frames.filter((frame) => frame.startsWith('RECEIPT')).map((frame) => frame.slice(19));
    const before = ['subscribe', 'begin', 'ack in t', 'send in t', 'abort', 'send', 'commit'];
    t.same(receipts, [...before, ...ended, 'unsubscribe', 'disconnect'], version);
    t.same(wire.errors, []);
  }
});

t.test('repeated headers: the first counts, the others are history', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SEND\ndestination:/queue/a\ndestination:/queue/b\nreceipt:1\nreceipt:2\nk:new\nk:old\n\nx\0');
    t.same(wire.asked, ['send /queue/a "k:new\\nk:old\\n" x'], `${version}: those of the user are kept, in order`);
    t.same(wire.frames, ['RECEIPT\nreceipt-id:1'], version);
  }
});

t.test("repeated headers: the broker's own stand first in a MESSAGE, the user's keep their order", async (t) => {
  for (const version of versions) {
    const wire = await (await Wire.connected(version)).say('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0');
    await wire.deliver({ position: 7, headerBlock: 'timestamp:1\nz:1\na:2\nz:3\n' });
    t.not(wire.header('timestamp'), '1', version);
    t.match(wire.raw, /\nz:1\na:2\nz:3\n\n/, version);
  }
});

t.test('size limits: number of headers, length of header lines, size of a body; ERROR and close', async (t) => {
  const limits = { headers: 5, headerBytes: 100, bodyBytes: 10 };
  for (const version of versions) {
    for (const [frame, error] of [
      [`SEND\n${'k:v\n'.repeat(6)}\n\0`, 'SEND: more than 5 headers'],
      [`SEND\nk:${'v'.repeat(100)}\n\n\0`, 'SEND: more than 100 bytes before the body'],
      ['SEND\ndestination:/queue/a\n\n12345678901\0', 'SEND: no NUL, allowed are 10 bytes'],
      ['SEND\ncontent-length:11\n\n', 'SEND: content-length 11, allowed are 10 bytes'],
    ] as const) {
      const wire = await (await Wire.connected(version, { limits })).say(frame);
      t.same(wire.errors, [error], version);
      t.ok(wire.client.ended);
      t.same(wire.asked, ['endSession clean']);
    }
  }
});
