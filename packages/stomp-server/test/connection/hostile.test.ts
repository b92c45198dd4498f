import { encodeText } from '@lockstep/kernel';
import t from 'tap';
import { ConnectionBench } from './support.ts';
import { errorOf } from '../session/support.ts';

/** What it sends after CONNECT, and what ERROR says. */
const ATTACKS: readonly (readonly [name: string, bytes: string | Uint8Array, error: string])[] = [
  ['a header without a colon', 'SEND\ndestination\n\nx\0', 'SEND: header line without a colon: destination'],
  [
    'a gigabyte announced',
    'SEND\ndestination:/queue/a\ncontent-length:1073741824\nreceipt:r\n\nx',
    'SEND: content-length 1073741824, allowed are 16777216 bytes',
  ],
  ['a NUL missing', 'SEND\ndestination:/queue/a\ncontent-length:1\n\nxx\0', 'SEND: no NUL after 1 bytes of body'],
  ['an unknown command', 'GET / HTTP/1.1\r\n\r\n', 'unknown command GET'],
  ['an unknown transaction', 'SEND\ndestination:/queue/a\ntransaction:t\n\nx\0', 'SEND: unknown transaction t'],
  ["another session's message", 'ACK\nid:4711\n\n\0', 'ACK: unknown message: this session was never given id 4711'],
  [
    'an undefined escape',
    'SEND\ndestination:/queue/a\nk:\\t\n\nx\0',
    'SEND: undefined escape \\t in header k (STOMP 1.2)',
  ],
  ['headers without end', `SEND\n${'k:v\n'.repeat(20_000)}`, 'SEND: more than 1000 headers'],
  ['a header line without end', `SEND\nk:${'v'.repeat(100_000)}`, 'SEND: more than 65536 bytes before the body'],
];

for (const [name, bytes, error] of ATTACKS) {
  t.test(`${name}: one ERROR, a close, and nothing took effect`, async () => {
    const bench = await ConnectionBench.start();
    const bystander = await bench.connected();
    const client = await bench.connected();
    client.send(bytes);
    client.send('SEND\ndestination:/queue/behind\n\nx\0');
    await bench.until(() => client.ended);
    t.equal(errorOf(client.frames), error);
    t.equal(client.frames.length, 2);
    t.same(bench.broker.asked, ['endSession clean']);
    bystander.send('SEND\ndestination:/queue/a\nreceipt:r\n\nx\0');
    await bench.until(() => bystander.frames.length === 2);
    t.same(bystander.frames[1], 'RECEIPT\nreceipt-id:r');
  });
}

t.test('a binary flood before CONNECT: one ERROR, a close, and no memory kept', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connect();
  const flood = new Uint8Array(64 * 1024).map((_, i) => (i * 7919) % 251);
  for (let i = 0; i < 64; i++) client.send(flood);
  await bench.until(() => client.ended);
  t.match(errorOf(client.frames), /^unknown command/);
  t.equal(client.frames.length, 1);
  t.same(bench.broker.asked, []);
  await bench.until(() => bench.count.open === 0);
  t.equal(bench.count.open, 0);
});

t.test('a flood of heart-beats and of the smallest frames is only work', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  client.send(encodeText('\n'.repeat(100_000)));
  client.send(encodeText('BEGIN\ntransaction:t\n\n\0ABORT\ntransaction:t\n\n\0'.repeat(2000)));
  client.send('SEND\ndestination:/queue/a\nreceipt:r\n\nx\0');
  await bench.until(() => client.frames.length === 2);
  t.same(client.frames[1], 'RECEIPT\nreceipt-id:r');
});

t.test('a trickling client: octet by octet it is served like any other', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected();
  for (const octet of 'SEND\ndestination:/queue/a\nreceipt:r\n\nx\0') {
    client.send(octet);
    await bench.pass(20);
  }
  t.same(client.frames[1], 'RECEIPT\nreceipt-id:r');
});

t.test('a client whose frames take long does not keep the others from their turn', async () => {
  // Each frame uses its slice up.
  const bench = await ConnectionBench.start({ flow: { sliceMs: -1 } });
  const [one, other] = [await bench.connected(), await bench.connected()];
  one.send('SEND\ndestination:/queue/one\n\n\0'.repeat(50));
  other.send('SEND\ndestination:/queue/other\n\n\0'.repeat(50));
  await bench.until(() => bench.broker.requests.length === 100);
  const turns = bench.broker.asked.filter((request, i, asked) => request !== asked[i - 1]).length;
  t.ok(turns > 50, `they took turns, ${turns} in all`);
});
