import t from 'tap';
import { ConnectionBench } from './support.ts';
import { delivery, errorOf } from '../session/support.ts';

t.test('a client connects, sends, gets its receipt and leaves', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0DISCONNECT\nreceipt:2\n\n\0');
  t.ok(await bench.until(() => client.ended));
  t.same(client.frames.slice(1), ['RECEIPT\nreceipt-id:1', 'RECEIPT\nreceipt-id:2']);
  t.same(bench.broker.asked, ['send /queue/a "" x', 'endSession clean']);
  client.connection.end();
  await bench.until(() => bench.count.open === 0);
  t.equal(bench.count.open, 0);
});

t.test('what one turn makes goes out in one write', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.chunks.length = 0;
  const frame = (i: number): string => `SEND\ndestination:/queue/a\nreceipt:${i}\n\nx\0`;
  bench.broker.answersAtOnce = false;
  client.send(Array.from({ length: 50 }, (_, i) => frame(i)).join(''));
  await bench.until(() => bench.broker.requests.length === 50);
  const { session } = bench.broker;
  bench.broker.give(
    ...bench.broker.requests.map((request) => {
      const token = 'token' in request ? request.token : 0;
      return { type: 'reply', session, token, refusal: null } as const;
    }),
  );
  await bench.until(() => client.chunks.length > 0);
  await bench.pass(100);
  t.equal(client.chunks.length, 1);
  t.equal(client.frames.length, 50);
});

t.test('a faulty frame: one ERROR that reaches a client which goes on sending, then the close', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.send('SEND\nno colon\n\n\0');
  for (let i = 0; i < 100; i++) {
    client.send(Buffer.alloc(10_000, 0x78));
    await bench.pass(1);
  }
  await bench.until(() => client.ended);
  t.equal(errorOf(client.frames), 'SEND: header line without a colon: no colon');
  t.equal(client.frames.length, 2);
  t.same(bench.broker.asked, ['endSession clean']);
  await bench.until(() => bench.count.open === 0);
  t.equal(bench.count.open, 0, 'a client that never closes is cut off');
});

t.test('a client that is slow to read, and still sending, gets the ERROR too', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.connection.pause();
  client.send('SEND\nno colon\n\n\0');
  for (let i = 0; i < 100; i++) {
    client.send(Buffer.alloc(10_000, 0x78));
    await bench.pass(10);
  }
  client.connection.resume();
  await bench.until(() => client.ended);
  t.equal(errorOf(client.frames), 'SEND: header line without a colon: no colon');
});

t.test(
  'who is still sending, in the middle of a large frame on a slow line, is not cut off from his ERROR',
  async () => {
    const bench = await ConnectionBench.start({ flow: { lingerMs: 1000, lingerMsMax: 10_000 } });
    for (const [sends, lives] of [
      [0, 1000],
      [8, 5000],
      [100, 10_000],
    ] as const) {
      const client = await bench.connected();
      client.send('SEND\ndestination:/queue/a\ncontent-length:99999999\n\n');
      await bench.until(() => client.ended);
      const startMs = bench.world.simulation.nowMs;
      for (let i = 0; i < sends && bench.count.open > 0; i++) {
        await bench.pass(500);
        client.send(Buffer.alloc(1000));
      }
      await bench.until(() => bench.count.open === 0);
      const livedMs = bench.world.simulation.nowMs - startMs;
      t.ok(Math.abs(livedMs - lives) < 600, `${sends} pieces: ${Math.round(livedMs)} ms, about ${lives}`);
      t.match(errorOf(client.frames), /^SEND: content-length 99999999/);
    }
  },
);

t.test('a client that floods the broker behind its ERROR is read up to a bound, then no more', async () => {
  const bench = await ConnectionBench.start({ flow: { lingerMs: 1000, lingerMsMax: 10_000, lingerBytes: 100_000 } });
  const client = await bench.connected();
  client.send('SEND\nno colon\n\n\0');
  await bench.until(() => client.ended);
  const startMs = bench.world.simulation.nowMs;
  for (let i = 0; i < 100 && bench.count.open > 0; i++) {
    client.send(Buffer.alloc(10_000));
    await bench.pass(100);
  }
  await bench.until(() => bench.count.open === 0);
  t.ok(bench.world.simulation.nowMs - startMs < 4000, 'long before the time is up');
});

t.test('a stream that ends inside a frame gets its ERROR', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.send('SEND\ndestination:/queue/a\n\nno nul');
  client.connection.end();
  await bench.until(() => client.closed);
  t.equal(errorOf(client.frames), 'The stream ended inside a frame: no NUL');
  t.same(bench.broker.asked, ['endSession lost']);
});

t.test('a client that half-closes after its last frame still gets its receipts', async () => {
  const bench = await ConnectionBench.start();
  bench.broker.answersAtOnce = false;
  const client = await bench.connected();
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0');
  client.connection.end();
  await bench.until(() => bench.broker.requests.length > 0);
  await bench.pass(50);
  t.notOk(client.ended);
  bench.broker.answer(bench.broker.requests[0]!);
  await bench.until(() => client.closed);
  t.same(client.frames.slice(1), ['RECEIPT\nreceipt-id:1']);
  t.same(bench.broker.asked.slice(1), ['endSession lost']);
});

t.test('a crashed client is lost', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.connection.destroy();
  await bench.until(() => bench.count.open === 0);
  t.same(bench.broker.asked, ['endSession lost']);
});

t.test('no CONNECT in time', async () => {
  const bench = await ConnectionBench.start({ limits: { connectMs: 1000 } });
  const client = await bench.connect();
  client.send('CONN');
  await bench.pass(900);
  t.notOk(client.ended);
  await bench.until(() => client.ended);
  t.equal(errorOf(client.frames), 'No CONNECT frame within 1000 ms');
  t.same(bench.broker.asked, []);
});

t.test('a broker that does not accept: CONNECT waits, then the connection closes without an ERROR', async () => {
  const bench = await ConnectionBench.start();
  bench.broker.accepting = false;
  const client = await bench.connect();
  client.send('CONNECT\n\n\0');
  await bench.pass(1400);
  t.notOk(client.ended);
  await bench.until(() => client.ended);
  t.equal(client.received.length, 0);
  t.same(bench.broker.asked, []);
});

t.test('a broker that takes nothing in for too long: the SEND that waits gets an ERROR that says why', async () => {
  const bench = await ConnectionBench.start({ limits: { sendWaitMs: 3000 } });
  const client = await bench.connected();
  bench.broker.accepting = false;
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0');
  await bench.pass(2900);
  t.equal(client.frames.length, 1, 'it waits');
  t.ok(await bench.until(() => client.ended));
  t.equal(errorOf(client.frames), 'SEND /queue/a: not taken within 3000 ms: the test says so');
  t.match(client.frames[1], 'receipt-id:1');
  t.same(bench.broker.asked, ['endSession clean']);
});

t.test('a SEND that was taken and is not answered for too long gets its ERROR too', async () => {
  const bench = await ConnectionBench.start({ limits: { sendWaitMs: 3000 } });
  const client = await bench.connected();
  bench.broker.answersAtOnce = false;
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0');
  await bench.until(() => bench.broker.requests.length === 1);
  bench.broker.accepting = false;
  client.send('\n');
  t.ok(await bench.until(() => client.ended));
  t.equal(errorOf(client.frames), 'SEND /queue/a: no answer within 3000 ms: the test says so');
  t.match(client.frames[1], 'receipt-id:1');
});

t.test('a client that only sends heart-beats waits for nothing', async () => {
  const bench = await ConnectionBench.start({ limits: { sendWaitMs: 3000 } });
  const client = await bench.connected();
  bench.broker.accepting = false;
  for (let i = 0; i < 5; i++) {
    client.send('\n');
    await bench.pass(2000);
  }
  t.notOk(client.ended);
  bench.broker.acceptAgain();
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0');
  await bench.until(() => client.frames.length === 2);
  t.same(client.frames.slice(1), ['RECEIPT\nreceipt-id:1']);
});

t.test('a wait that is over in time is forgotten', async () => {
  const bench = await ConnectionBench.start({ limits: { sendWaitMs: 3000 } });
  const client = await bench.connected();
  for (const receipt of [1, 2]) {
    bench.broker.accepting = false;
    client.send(`SEND\ndestination:/queue/a\nreceipt:${receipt}\n\nx\0`);
    await bench.pass(2000);
    bench.broker.acceptAgain();
    await bench.until(() => client.frames.length === 1 + receipt);
  }
  t.same(client.frames.slice(1), ['RECEIPT\nreceipt-id:1', 'RECEIPT\nreceipt-id:2']);
});

t.test('a broker that accepts again: reading goes on where it stopped', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  bench.broker.accepting = false;
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0');
  await bench.pass(5000);
  t.same(bench.broker.asked, []);
  bench.broker.acceptAgain();
  await bench.until(() => client.frames.length === 2);
  t.same(bench.broker.asked, ['send /queue/a "" x']);
});

t.test('unanswered requests stop the reading, in number and in bytes', async () => {
  for (const flow of [{ unansweredRequests: 3 }, { unansweredBytes: 3000 }]) {
    const bench = await ConnectionBench.start({ flow });
    bench.broker.answersAtOnce = false;
    const client = await bench.connected();
    const frame = `SEND\ndestination:/queue/a\n\n${'x'.repeat(1000)}\0`;
    client.send(frame.repeat(20));
    await bench.pass(100);
    t.equal(bench.broker.requests.length, 3);
    bench.broker.answer(bench.broker.requests[0]!);
    await bench.pass(100);
    t.equal(bench.broker.requests.length, 4);
    for (let i = 1; i < 20; i++) {
      bench.broker.answer(bench.broker.requests[i]!);
      await bench.pass(10);
    }
    t.equal(bench.broker.requests.length, 20);
  }
});

t.test(
  'auto messages are not settled while the client does not read, and reading stops when much is unread',
  async () => {
    const bench = await ConnectionBench.start({ flow: { outputPauseBytes: 100_000 } });
    const client = await bench.connected();
    client.send('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0');
    await bench.until(() => bench.broker.requests.length === 1);
    client.connection.pause();
    const { session } = bench.broker;
    const body = 'x'.repeat(50_000);
    for (let position = 1; position <= 20; position++) {
      bench.broker.give(delivery(session, { position, body }));
      await bench.pass(5);
    }
    const settled = (): number => bench.broker.requests.filter(({ type }) => type === 'settle').length;
    const before = settled();
    t.ok(before < 10, `${before} settled`);
    client.send('SEND\ndestination:/queue/b\n\nx\0');
    await bench.pass(100);
    t.notOk(bench.broker.asked.includes('send /queue/b "" x'));
    const taken = bench.broker.takenBy.length;
    t.ok((bench.broker.endpoints.get(session)?.unsentBytes ?? 0) > 500_000);
    client.connection.resume();
    await bench.until(() => bench.broker.asked.includes('send /queue/b "" x'));
    t.same(bench.broker.takenBy.slice(taken), [session], 'it is said that there is room again');
    t.equal(bench.broker.endpoints.get(session)?.unsentBytes, 0);
    await bench.pass(100);
    const tags = bench.broker.requests.flatMap((request) => (request.type === 'settle' ? request.settlement.tags : []));
    t.same(
      tags,
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  },
);

t.test('a client that takes nothing at all is cut off', async () => {
  const bench = await ConnectionBench.start({ flow: { outputBytesMax: 300_000 } });
  const client = await bench.connected();
  client.send('SUBSCRIBE\nid:s\ndestination:/queue/a\n\n\0');
  await bench.until(() => bench.broker.requests.length === 1);
  client.connection.pause();
  const { session } = bench.broker;
  for (let position = 1; position <= 40; position++) {
    bench.broker.give(delivery(session, { position, body: 'x'.repeat(50_000) }));
    await bench.pass(1);
  }
  await bench.pass(100);
  t.equal(bench.broker.asked.at(-1), 'endSession lost');
});

t.test('a broker that can no longer serve closes without an ERROR', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  bench.broker.endpoints.get(bench.broker.session)!.abandon();
  await bench.until(() => client.ended);
  t.equal(client.frames.length, 1);
  client.connection.end();
  await bench.until(() => client.closed);
  t.same(bench.broker.asked, []);
});

t.test('replies that do not come hold an ERROR up for a bounded time only', async () => {
  const bench = await ConnectionBench.start({ flow: { finishMs: 2000 } });
  bench.broker.answersAtOnce = false;
  const client = await bench.connected();
  client.send('SEND\ndestination:/queue/a\nreceipt:1\n\nx\0nonsense\n\n\0');
  await bench.pass(1900);
  t.equal(client.frames.length, 1);
  await bench.until(() => client.ended);
  t.equal(errorOf(client.frames), 'unknown command nonsense');
});
