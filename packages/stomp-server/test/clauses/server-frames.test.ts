// STOMP 1.0, 1.1 and 1.2, Server Frames: MESSAGE, RECEIPT, ERROR.
import t from 'tap';
import { naming, versions, Wire } from './support.ts';

t.test('MESSAGE: destination, message-id and subscription, always', async (t) => {
  for (const version of versions) {
    const wire = await (await Wire.connected(version)).say('SUBSCRIBE\nid:my sub\ndestination:/queue/a\n\n\0');
    const ids = new Set<string | undefined>();
    for (const position of [1, 2, 30]) {
      await wire.deliver({ position, destination: '/queue/a' });
      t.equal(wire.header('destination'), '/queue/a', version);
      t.equal(wire.header('subscription'), 'my sub');
      ids.add(wire.header('message-id'));
    }
    t.equal(ids.size, 3, 'each its own id');
    t.notOk(ids.has(undefined));
  }
});

t.test('MESSAGE: an ack header in 1.2 where an ACK is waited for, and nowhere else', async (t) => {
  for (const version of versions) {
    for (const mode of ['auto', 'client', 'client-individual']) {
      const wire = await Wire.connected(version);
      await wire.say(`SUBSCRIBE\nid:s\ndestination:/queue/a\nack:${mode}\n\n\0`);
      await wire.deliver({ position: 1 });
      t.equal(wire.header('ack') !== undefined, version === '1.2' && mode !== 'auto', `${version} ${mode}`);
    }
  }
});

t.test('MESSAGE: what it says is enough to acknowledge it by', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say('SUBSCRIBE\nid:s\ndestination:/topic/a\nack:client-individual\n\n\0');
    await wire.deliver({ volatileId: 'v3-1', tag: 1, destination: '/topic/a' });
    const id = wire.header('message-id') ?? '';
    const names =
      version === '1.2'
        ? `id:${wire.header('ack') ?? ''}\n`
        : naming(version).replace('message-id:1', `message-id:${id}`);
    await wire.say(`ACK\n${names}receipt:r\n\n\0`);
    t.equal(wire.frames.at(-1), 'RECEIPT\nreceipt-id:r', version);
    t.equal(wire.asked.at(-1), 'settle 1 ack 1');
  }
});

t.test('MESSAGE: 1.2 always with content-length, 1.0 and 1.1 when the SEND had one', async (t) => {
  for (const version of versions) {
    for (const counted of [true, false]) {
      const wire = await (await Wire.connected(version)).say('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0');
      await wire.deliver({ position: 1, body: 'größe', envelope: versions.indexOf(version) + (counted ? 4 : 0) });
      const expected = counted || version === '1.2' ? '7' : undefined;
      t.equal(wire.header('content-length'), expected, `${version}: octets, not characters`);
    }
  }
});

t.test('RECEIPT: receipt-id is the value of receipt, the body is empty, and it comes once it is done', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    wire.bench.broker.answersAtOnce = false;
    await wire.say('SEND\ndestination:/queue/a\nreceipt:message 12345\n\nhello\0');
    t.equal(wire.raw, '', 'the frame has been received, and not processed');
    wire.bench.broker.answer(wire.requests[0]!);
    await wire.bench.pass(20);
    t.equal(wire.raw, 'RECEIPT\nreceipt-id:message 12345\n\n\0\n', version);
  }
});

t.test('RECEIPT: frames before it have been received', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    wire.bench.broker.answersAtOnce = false;
    await wire.say(
      'SEND\ndestination:/queue/a\n\n1\0SEND\ndestination:/queue/a\n\n2\0BEGIN\ntransaction:t\nreceipt:r\n\n\0',
    );
    t.same(wire.frames, ['RECEIPT\nreceipt-id:r'], version);
    t.same(wire.asked, ['send /queue/a "" 1', 'send /queue/a "" 2']);
  }
});

t.test(
  'ERROR: a message for people, the receipt it is about, plain text with its length; then the close',
  async (t) => {
    for (const version of versions) {
      const wire = await Wire.connected(version);
      await wire.say('SEND\ndestined:/queue/a\nreceipt:message-12345\n\nHello queue a!\0');
      t.equal(wire.frames.length, 1, version);
      t.match(wire.frames[0], /^ERROR\n/);
      t.equal(wire.header('message'), 'SEND: missing header destination', 'which frame, and what is wrong with it');
      t.equal(wire.header('receipt-id'), 'message-12345');
      t.equal(wire.header('content-type'), 'text/plain');
      const body = wire.raw.slice(wire.raw.indexOf('\n\n') + 2, -2);
      t.equal(wire.header('content-length'), String(Buffer.byteLength(body)));
      t.equal(body, `SEND: missing header destination\nSTOMP ${version} asks for it.`);
      t.ok(wire.client.ended);
    }
  },
);

t.test('ERROR: receipt-id also where the frame could not be read to its end', async (t) => {
  for (const version of versions) {
    for (const [rest, error] of [
      ['no colon\n\n\0', 'SEND: header line without a colon: no colon'],
      ['content-length:99999999999\n\n', 'SEND: content-length 99999999999, allowed are 16777216 bytes'],
      ['content-length:1\n\nab\0', 'SEND: no NUL after 1 bytes of body'],
    ] as const) {
      const wire = await (await Wire.connected(version)).say(`SEND\ndestination:/queue/a\nreceipt:r:1\n${rest}`);
      t.same(wire.errors, [error], version);
      t.match(wire.raw, version === '1.0' ? '\nreceipt-id:r:1\n' : '\nreceipt-id:r\\c1\n');
    }
  }
});

t.test('ERROR: none without a receipt bears a receipt-id, and it is the last frame', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    await wire.say(
      'BEGIN\ntransaction:t\nreceipt:1\n\n\0ABORT\ntransaction:x\n\n\0BEGIN\ntransaction:u\nreceipt:2\n\n\0',
    );
    t.match(wire.frames, [/^RECEIPT/, /^ERROR/], version);
    t.equal(wire.frames.length, 2);
    t.equal(wire.header('receipt-id'), undefined);
    t.equal(wire.header('message'), 'ABORT: unknown transaction x');
  }
});
