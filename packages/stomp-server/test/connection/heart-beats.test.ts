import t from 'tap';
import { ConnectionBench } from './support.ts';

/** Line ends that came outside of frames, after CONNECTED. */
function beats(bytes: Buffer): number {
  return bytes.subarray(bytes.indexOf(0) + 2).filter((octet) => octet === 0x0a).length;
}

t.test('the broker beats at half of what it promised, and only when it sends nothing else', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected('heart-beat:0,1000\n');
  await bench.pass(5050);
  const count = beats(client.received);
  t.ok(count >= 9 && count <= 10, `${count} beats in 5 s`);
  client.chunks.length = 0;
  for (let i = 0; i < 30; i++) {
    client.send(`BEGIN\ntransaction:${i}\nreceipt:${i}\n\n\0`);
    await bench.pass(200);
  }
  t.equal(client.received.toString().split('\0').length - 1, 30);
  t.notOk(client.received.toString().includes('\0\n\n'), 'no beat beside receipts');
});

t.test('a silent client is dropped after twice its promise, not before', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected('heart-beat:1000,0\n');
  await bench.pass(1900);
  t.notOk(client.closed);
  client.send('\n');
  await bench.pass(1900);
  t.notOk(client.closed, 'a line end is a sign of life');
  await bench.pass(250);
  t.ok(client.closed);
  t.same(bench.broker.asked, ['endSession lost']);
});

t.test('while the broker does not read, silence says nothing', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected('heart-beat:500,0\n');
  bench.broker.accepting = false;
  client.send('SEND\ndestination:/queue/a\n\nx\0');
  await bench.pass(10_000);
  t.notOk(client.closed);
  bench.broker.acceptAgain();
  await bench.pass(900);
  t.notOk(client.closed, 'the time counts from when reading goes on');
  await bench.pass(300);
  t.ok(client.closed);
});

t.test('while the broker does not read, its beats go on', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected('heart-beat:500,500\n');
  bench.broker.accepting = false;
  client.send('SEND\ndestination:/queue/a\n\nx\0');
  client.chunks.length = 0;
  await bench.pass(10_000);
  const count = client.received.filter((octet) => octet === 0x0a).length;
  t.ok(count >= 38 && count === client.received.length, `${count} beats in 10 s, and nothing else`);
});

t.test('a process that stood still does not take its clients for dead', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected('heart-beat:1000,0\n');
  const [server] = bench.world.host('server').processes;
  await bench.pass(1000);
  server!.pause();
  await bench.pass(1600);
  client.send('\n');
  await bench.pass(100);
  server!.resume();
  await bench.pass(500);
  t.notOk(client.closed, 'the timer was due before the line end came, and ran first');
  await bench.pass(2500);
  t.ok(client.closed, 'real silence counts again');
});

t.test('promises beyond what a timer can do', async () => {
  const bench = await ConnectionBench.start();
  const client = await bench.connected('heart-beat:999999999999999,999999999999999\n');
  await bench.pass(60_000);
  t.notOk(client.closed);
  t.equal(beats(client.received), 0);
});
