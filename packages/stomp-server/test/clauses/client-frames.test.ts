// STOMP 1.0, Client Commands; 1.1 and 1.2, Client Frames.
import t from 'tap';
import type { Test } from 'tap';
import { naming, versions, Wire } from './support.ts';
import type { StompVersion } from '../../src/codec/index.ts';

/** What a client is told that sends this after CONNECT; the connection must be closed, and nothing asked of the broker. */
async function refusal(t: Test, version: StompVersion, bytes: string): Promise<string | undefined> {
  const wire = await (await Wire.connected(version)).say(bytes);
  t.equal(wire.errors.length, 1, `${version}: one ERROR`);
  t.ok(wire.client.ended, 'then the close');
  t.same(wire.asked, ['endSession clean'], 'nothing took effect');
  return wire.errors[0];
}

t.test('a frame that is not in the list is an ERROR', async (t) => {
  for (const version of versions) {
    t.equal(await refusal(t, version, 'FETCH\nid:1\n\n\0'), 'unknown command FETCH');
    t.equal(
      await refusal(t, version, 'MESSAGE\ndestination:/queue/a\n\n\0'),
      'MESSAGE: only the broker sends such a frame',
    );
    t.equal(await refusal(t, version, 'CONNECT\naccept-version:1.2\n\n\0'), 'CONNECT: already connected');
  }
  t.equal(await refusal(t, '1.0', 'NACK\nmessage-id:1\n\n\0'), 'NACK: unknown in STOMP 1.0');
});

t.test('a required header that is missing is an ERROR that names it', async (t) => {
  const required: [frame: string, header: string, of: readonly StompVersion[]][] = [
    ['SEND\n\nx\0', 'destination', versions],
    ['SUBSCRIBE\nid:s\n\n\0', 'destination', versions],
    ['SUBSCRIBE\ndestination:/queue/a\n\n\0', 'id', ['1.1', '1.2']],
    ['UNSUBSCRIBE\n\n\0', 'id', versions],
    ['ACK\nmessage-id:1\nsubscription:s\n\n\0', 'id', ['1.2']],
    ['NACK\nmessage-id:1\nsubscription:s\n\n\0', 'id', ['1.2']],
    ['ACK\nid:1\nsubscription:s\n\n\0', 'message-id', ['1.0', '1.1']],
    ['NACK\nid:1\nsubscription:s\n\n\0', 'message-id', ['1.1']],
    ['ACK\nmessage-id:1\n\n\0', 'subscription', ['1.1']],
    ['NACK\nmessage-id:1\n\n\0', 'subscription', ['1.1']],
    ['BEGIN\n\n\0', 'transaction', versions],
    ['COMMIT\n\n\0', 'transaction', versions],
    ['ABORT\n\n\0', 'transaction', versions],
  ];
  for (const [frame, header, where] of required) {
    const command = frame.slice(0, frame.indexOf('\n'));
    for (const version of where) {
      t.equal(await refusal(t, version, frame), `${command}: missing header ${header}`);
    }
  }
});

t.test('SEND: the message goes to its destination; headers of the user are passed on, in any version', async (t) => {
  for (const [from, fromIndex] of versions.map((version, i) => [version, i] as const)) {
    for (const to of versions) {
      const sender = await Wire.connected(from);
      await sender.say('SEND\ndestination:/queue/a\nfoo:1\nbar baz:2\nfoo:3\nreceipt:r\n\nhello\0');
      const [send] = sender.requests;
      t.ok(send?.type === 'send');
      if (send?.type !== 'send') return;
      t.equal(send.destination, '/queue/a');
      const reader = await (await Wire.connected(to)).say('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0');
      const headerBlock = Buffer.from(send.message.headerBlock).toString();
      await reader.deliver({ position: 1, envelope: fromIndex, headerBlock, body: 'hello' });
      t.match(reader.frames[0], /^MESSAGE\n(.*\n)*foo:1\nbar baz:2\nfoo:3\n\nhello$/, `${from} to ${to}`);
      t.equal(reader.header('receipt'), undefined, 'what is about the frame alone stays behind');
    }
  }
});

t.test('SEND that cannot be processed: ERROR, then the close', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    wire.bench.broker.answersAtOnce = false;
    await wire.say('SEND\ndestination:/queue/a\nreceipt:r\n\nx\0');
    const [send] = wire.requests;
    const token = send !== undefined && 'token' in send ? send.token : 0;
    const refusal = { code: 'store-full', message: 'the disk is full' } as const;
    wire.bench.broker.give({ type: 'reply', session: wire.bench.broker.session, token, refusal });
    await wire.bench.pass(20);
    t.same(wire.errors, ['SEND /queue/a: the disk is full'], version);
    t.equal(wire.header('receipt-id'), 'r');
    t.ok(wire.client.ended);
  }
});

t.test('SUBSCRIBE that cannot be created: ERROR, then the close', async (t) => {
  for (const version of versions) {
    const subscribe = 'SUBSCRIBE\nid:s\ndestination:/queue/a\n';
    t.equal(await refusal(t, version, `${subscribe}ack:sometimes\n\n\0`), 'SUBSCRIBE: unknown ack mode sometimes');
    t.match(await refusal(t, version, 'SUBSCRIBE\nid:s\ndestination:/nowhere/a\n\n\0'), /no such kind of destination/);
    const wire = await (await Wire.connected(version)).say(`${subscribe}\n\0${subscribe}receipt:r\n\n\0`);
    t.same(wire.errors, ['SUBSCRIBE: subscription id s is already in use'], 'ids differ within a connection');
    t.equal(wire.header('receipt-id'), 'r');
    t.ok(wire.client.ended);
  }
});

t.test('SUBSCRIBE: two connections may use the same id', async (t) => {
  const wire = await (await Wire.connected('1.2')).say('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0');
  const other = await (await Wire.beside(wire.bench)).say('SUBSCRIBE\nid:s\ndestination:/queue/a\nreceipt:r\n\n\0');
  t.same(other.frames, ['RECEIPT\nreceipt-id:r']);
  t.same(wire.errors, []);
});

t.test('SUBSCRIBE: ack is auto where nothing is said; then no ACK is waited for', async (t) => {
  for (const version of versions) {
    for (const mode of ['', 'ack:auto\n']) {
      const wire = await (await Wire.connected(version)).say(`SUBSCRIBE\nid:s\ndestination:/queue/a\n${mode}\n\0`);
      await wire.deliver({ position: 1 });
      t.equal(wire.asked.at(-1), 'settle 1 ack 1', version);
    }
  }
});

t.test('SUBSCRIBE: under client and client-individual a message stays unsettled until its ACK', async (t) => {
  for (const version of versions) {
    for (const mode of ['client', 'client-individual']) {
      const wire = await Wire.connected(version);
      await wire.say(`SUBSCRIBE\nid:s\ndestination:/queue/a\nack:${mode}\n\n\0`);
      await wire.deliver({ position: 1 });
      t.equal(wire.asked.length, 1, `${version} ${mode}`);
      await wire.say(`ACK\n${naming(version)}\n\0`);
      t.equal(wire.asked.at(-1), 'settle 1 ack 1');
    }
  }
});

/** A wire that holds messages 1 to 4 of one subscription. */
async function holding(version: StompVersion, mode: string): Promise<Wire> {
  const wire = await (await Wire.connected(version)).say(`SUBSCRIBE\nid:s\ndestination:/queue/a\nack:${mode}\n\n\0`);
  for (const position of [1, 2, 3, 4]) await wire.deliver({ position });
  return wire;
}

function names(version: StompVersion, message: number): string {
  return naming(version).replace('1\n', `${message}\n`);
}

t.test('ACK under client is cumulative, under client-individual it is not', async (t) => {
  for (const version of versions) {
    const all = await (await holding(version, 'client')).say(`ACK\n${names(version, 3)}\n\0`);
    t.equal(all.asked.at(-1), 'settle 1 ack 1,2,3', version);
    const one = await (await holding(version, 'client-individual')).say(`ACK\n${names(version, 3)}\n\0`);
    t.equal(one.asked.at(-1), 'settle 1 ack 3', version);
  }
});

t.test('NACK applies to one message, or under client to all before it', async (t) => {
  for (const version of ['1.1', '1.2'] as const) {
    const all = await (await holding(version, 'client')).say(`NACK\n${names(version, 3)}receipt:r\n\n\0`);
    t.equal(all.asked.at(-1), 'settle 1 requeue 1,2,3', version);
    t.equal(all.frames.at(-1), 'RECEIPT\nreceipt-id:r');
    const one = await (await holding(version, 'client-individual')).say(`NACK\n${names(version, 3)}\n\0`);
    t.equal(one.asked.at(-1), 'settle 1 requeue 3', version);
  }
});

t.test('ACK, NACK: subscription must be the id of one of this connection', async (t) => {
  for (const command of ['ACK', 'NACK']) {
    const wire = await holding('1.1', 'client');
    const before = wire.asked.length;
    await wire.say(`${command}\nmessage-id:1\nsubscription:x\nreceipt:r\n\n\0`);
    t.same(wire.errors, [`${command}: no subscription x on this connection`], 'no receipt for what is not done');
    t.equal(wire.header('receipt-id'), 'r');
    t.same(wire.asked.slice(before), ['endSession clean']);
    const late = await (await holding('1.1', 'client')).say('UNSUBSCRIBE\nid:s\n\n\0');
    await late.say(`${command}\nmessage-id:1\nsubscription:s\nreceipt:r\n\n\0`);
    t.equal(late.frames.at(-1), 'RECEIPT\nreceipt-id:r', 'it was one when the client wrote that');
  }
});

t.test('UNSUBSCRIBE: by id, in 1.0 also by destination; no message comes from then on', async (t) => {
  for (const [version, subscribe, unsubscribe] of [
    ['1.0', 'destination:/queue/a\n', 'destination:/queue/a\n'],
    ['1.0', 'destination:/queue/a\nid:s\n', 'id:s\n'],
    ['1.1', 'destination:/queue/a\nid:s\n', 'id:s\n'],
    ['1.2', 'destination:/queue/a\nid:s\n', 'id:s\n'],
  ] as const) {
    const wire = await (await Wire.connected(version)).say(`SUBSCRIBE\n${subscribe}\n\0`);
    await wire.deliver({ position: 1 });
    await wire.say(`UNSUBSCRIBE\n${unsubscribe}\n\0`);
    t.equal(wire.asked.at(-1), 'unsubscribe 1', version);
    await wire.deliver({ position: 2 });
    t.equal(wire.frames.length, 1, 'what was on its way is not written');
  }
});

t.test('UNSUBSCRIBE: the id must be one of this connection', async (t) => {
  for (const version of versions) {
    t.equal(await refusal(t, version, 'UNSUBSCRIBE\nid:x\n\n\0'), 'UNSUBSCRIBE: no subscription x on this connection');
  }
});

t.test('transaction: what is sent and acknowledged in it takes effect at COMMIT, in one request', async (t) => {
  for (const version of versions) {
    const wire = await holding(version, 'client-individual');
    const before = wire.asked.length;
    await wire.say('BEGIN\ntransaction:t\n\n\0SEND\ndestination:/queue/b\ntransaction:t\n\none\0');
    await wire.say(`ACK\n${names(version, 2)}transaction:t\n\n\0SEND\ndestination:/queue/b\ntransaction:t\n\ntwo\0`);
    t.equal(wire.asked.length, before, `${version}: not before`);
    await wire.say('COMMIT\ntransaction:t\nreceipt:r\n\n\0');
    t.same(wire.asked.slice(before), ['commit [/queue/b one; /queue/b two] [1 ack 2]']);
    t.equal(wire.frames.at(-1), 'RECEIPT\nreceipt-id:r');
  }
});

t.test('transaction: ABORT takes all of it back', async (t) => {
  for (const version of versions) {
    const wire = await holding(version, 'client-individual');
    const before = wire.asked.length;
    await wire.say('BEGIN\ntransaction:t\n\n\0SEND\ndestination:/queue/b\ntransaction:t\n\none\0');
    await wire.say(`ACK\n${names(version, 2)}transaction:t\n\n\0ABORT\ntransaction:t\nreceipt:r\n\n\0`);
    t.same(wire.asked.slice(before), [], version);
    t.equal(wire.frames.at(-1), 'RECEIPT\nreceipt-id:r');
    await wire.say(`ACK\n${names(version, 2)}\n\0`);
    t.same(wire.asked.slice(before), ['settle 1 ack 2'], 'what was acknowledged in it is still held');
  }
});

t.test('transaction: ids differ within a connection, and must be open to be used', async (t) => {
  for (const version of versions) {
    const begin = 'BEGIN\ntransaction:t\n\n\0';
    t.equal(await refusal(t, version, begin + begin), 'BEGIN: transaction t is already open');
    t.equal(await refusal(t, version, 'COMMIT\ntransaction:t\n\n\0'), 'COMMIT: unknown transaction t');
    t.equal(await refusal(t, version, 'ABORT\ntransaction:t\n\n\0'), 'ABORT: unknown transaction t');
    const send = 'SEND\ndestination:/queue/a\ntransaction:t\n\n\0';
    t.equal(await refusal(t, version, send), 'SEND: unknown transaction t');
    const again = await Wire.connected(version);
    await again.say(`${begin}ABORT\ntransaction:t\n\n\0${begin}ABORT\ntransaction:t\nreceipt:r\n\n\0`);
    t.same(again.frames, ['RECEIPT\nreceipt-id:r'], 'an id is free again after its end');
  }
});

t.test(
  'transaction: one that is not committed is aborted by DISCONNECT, and by the loss of the connection',
  async (t) => {
    for (const version of versions) {
      for (const end of ['disconnect', 'end', 'crash']) {
        const wire = await holding(version, 'client-individual');
        const before = wire.asked.length;
        await wire.say('BEGIN\ntransaction:t\n\n\0SEND\ndestination:/queue/b\ntransaction:t\n\none\0');
        await wire.say(`ACK\n${names(version, 2)}transaction:t\n\n\0`);
        if (end === 'disconnect') await wire.say('DISCONNECT\n\n\0');
        else if (end === 'end') wire.client.connection.end();
        else wire.client.connection.destroy();
        await wire.bench.until(() => wire.bench.broker.endpoints.size === 0);
        t.same(
          wire.asked.slice(before),
          [`endSession ${end === 'disconnect' ? 'clean' : 'lost'}`],
          `${version} ${end}`,
        );
      }
    }
  },
);

t.test('DISCONNECT: its receipt means that all frames before it have been processed', async (t) => {
  for (const version of versions) {
    const wire = await Wire.connected(version);
    wire.bench.broker.answersAtOnce = false;
    await wire.say('SEND\ndestination:/queue/a\n\n1\0SEND\ndestination:/queue/a\n\n2\0DISCONNECT\nreceipt:77\n\n\0');
    t.same(wire.frames, [], 'the broker has not answered');
    for (const request of wire.requests.slice(0, 2)) wire.bench.broker.answer(request);
    await wire.bench.pass(20);
    t.same(wire.frames, ['RECEIPT\nreceipt-id:77'], version);
  }
});

t.test('frames that came before the client left are processed, however it left', async (t) => {
  for (const version of versions) {
    for (const crash of [false, true]) {
      // Frames wait for their turn when the end comes.
      const wire = await Wire.connected(version, { flow: { unansweredRequests: 3 } });
      wire.bench.broker.answersAtOnce = false;
      await wire.say(Array.from({ length: 50 }, (_, i) => `SEND\ndestination:/queue/a\n\n${i}\0`).join(''));
      t.equal(wire.asked.length, 3);
      if (crash) wire.client.connection.destroy();
      else wire.client.connection.end();
      await wire.bench.pass(20);
      for (let i = 0; i < wire.requests.length; i++) wire.bench.broker.answer(wire.requests[i]!);
      await wire.bench.until(() => wire.bench.broker.endpoints.size === 0);
      t.equal(wire.asked.length, 51, version);
      t.same(wire.asked.slice(49), ['send /queue/a "" 49', 'endSession lost']);
    }
  }
});
