import t from 'tap';
import { ConnectionBench } from './support.ts';
import { errorOf } from '../session/support.ts';
import type { RawClient } from './support.ts';

const MEBIBYTE = 1024 * 1024;
const BODY = Buffer.alloc(MEBIBYTE, 'x');
const REFUSED =
  /^SEND: this node holds \d+ bytes of half-sent frames and open transactions, limits.halfSentBytes allows/;

/** Each begins what it does not end: a counted body, one without content-length, a transaction. */
const BEGINNINGS: readonly ((client: RawClient) => void)[] = [
  (client) => {
    client.send(`SEND\ndestination:/queue/a\nreceipt:done\ncontent-length:${BODY.length}\n\n`);
    client.send(BODY.subarray(100));
  },
  (client) => {
    client.send('SEND\ndestination:/queue/a\nreceipt:done\n\n');
    client.send(BODY.subarray(100));
  },
  (client) => {
    client.send('BEGIN\ntransaction:t\n\n\0');
    for (let i = 0; i < 10; i++) {
      client.send('SEND\ndestination:/queue/a\ntransaction:t\n\n');
      client.send(BODY.subarray(0, BODY.length / 10));
      client.send('\0');
    }
  },
];
const ENDINGS: readonly string[] = [
  `${'x'.repeat(100)}\0`,
  `${'x'.repeat(100)}\0`,
  'COMMIT\ntransaction:t\nreceipt:done\n\n\0',
];

t.test('many clients half send: what they hold is bounded, each beyond gets one ERROR, the others go on', async (t) => {
  const bench = await ConnectionBench.start({ budgetMax: 8 * MEBIBYTE });
  const clients: { readonly client: RawClient; readonly kind: number }[] = [];
  for (let i = 0; i < 30; i++) {
    const client = await bench.connected();
    BEGINNINGS[i % 3]!(client);
    await bench.pass(100);
    t.ok(bench.budget.used <= 8 * MEBIBYTE);
    clients.push({ client, kind: i % 3 });
  }
  const refused = clients.filter(({ client }) => client.ended);
  const others = clients.filter(({ client }) => !client.ended);
  t.ok(others.length >= 4 && others.length <= 8, `${others.length} were taken`);
  for (const { client } of refused) {
    const frames = client.frames.slice(1);
    t.match(errorOf(frames), REFUSED);
    t.equal(frames.length, 1);
  }
  t.ok(bench.budget.used >= others.length * 0.9 * MEBIBYTE, 'counted for those who are left');

  const [gone, ...staying] = others;
  gone!.client.connection.destroy();
  for (const { client, kind } of staying) client.send(ENDINGS[kind]!);
  await bench.until(() => staying.every(({ client }) => client.frames.length > 1));
  for (const { client } of staying) t.equal(client.frames.at(-1), 'RECEIPT\nreceipt-id:done');
  await bench.pass(100);
  t.equal(bench.budget.used, 0, 'nothing is counted once all is sent or gone');

  for (const [kind, begin] of BEGINNINGS.entries()) {
    const late = await bench.connected();
    begin(late);
    late.send(ENDINGS[kind]!);
    await bench.until(() => late.frames.length > 1);
    t.equal(late.frames.at(-1), 'RECEIPT\nreceipt-id:done', 'there is place again');
  }
  t.equal(bench.budget.used, 0);
});

/** How a connection may end while it holds something half sent. */
const WAYS_OUT: readonly (readonly [name: string, go: (client: RawClient, bench: ConnectionBench) => void])[] = [
  ['the client is gone', (client) => client.connection.destroy()],
  ['the client ends its stream', (client) => client.connection.end()],
  ['the broker abandons the session', (_, bench) => bench.broker.endpoints.get(bench.broker.session)!.abandon()],
  [
    'the broker closes the session',
    (_, bench) => {
      const { session } = bench.broker;
      bench.broker.give({ type: 'closeSession', session, code: 'slow-consumer', message: 'too slow' });
    },
  ],
  ['a frame too large', (client) => client.send(Buffer.alloc(3 * MEBIBYTE, 'y'))],
];

for (const [name, go] of WAYS_OUT) {
  for (const [kind, begin] of BEGINNINGS.entries()) {
    t.test(`${name}, beginning ${kind}: all is given back, at once and for good`, async (t) => {
      const bench = await ConnectionBench.start({ budgetMax: 8 * MEBIBYTE, limits: { bodyBytes: 2 * MEBIBYTE } });
      const client = await bench.connected();
      begin(client);
      await bench.pass(100);
      t.ok(bench.budget.used >= 0.9 * MEBIBYTE);
      go(client, bench);
      await bench.pass(100);
      t.equal(bench.budget.used, 0);
      await bench.pass(20_000);
      t.equal(bench.budget.used, 0);
    });
  }
}
