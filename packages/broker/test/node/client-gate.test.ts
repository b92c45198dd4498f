import { encodeText } from '@lockstep/kernel';
import { sameBytes } from '@lockstep/testkit';
import t from 'tap';

import { GateBench } from './gate-bench.ts';

t.test('the master serves its clients itself', async (t) => {
  const bench = new GateBench(1);
  bench.lead('node');
  await bench.client();
  t.ok(await bench.until(() => bench.served.length === 1));
  t.equal(bench.passedOn.length, 0);
});

t.test(
  'a client that came before there was a master is served once this node is it, with what it had sent',
  async (t) => {
    const bench = new GateBench(2);
    const { connection } = await bench.client();
    connection.write(encodeText('CONNECT'));
    await bench.world.simulation.runUntil(bench.world.simulation.nowMs + 200);
    t.equal(bench.served.length, 0);
    bench.lead('node');
    t.ok(await bench.until(() => bench.served[0]?.receivedBytes === 7));
  },
);

t.test('without a master a client is closed in the end, and never told anything', async (t) => {
  const bench = new GateBench(3);
  const { connection, seen } = await bench.client();
  connection.write(encodeText('CONNECT'));
  const before = bench.world.simulation.nowMs;
  t.ok(await bench.until(() => seen.closes.length === 1));
  t.equal(seen.receivedBytes, 0);
  const waited = bench.world.simulation.nowMs - before;
  t.ok(waited > 1000 && waited < 2000, 'within the two seconds that php-stomp waits');
  t.equal(bench.released, 1);
});

t.test('a slave passes bytes both ways, unchanged', async (t) => {
  const bench = new GateBench(4);
  bench.lead('master');
  const client = await bench.client();
  const up = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);
  const down = Uint8Array.from({ length: 300_000 }, (_, i) => i * 11);
  client.connection.write(up);
  t.ok(await bench.until(() => bench.passedOn[0]?.seen.receivedBytes === up.length));
  bench.passedOn[0]!.connection.write(down);
  t.ok(await bench.until(() => client.seen.receivedBytes === down.length));
  sameBytes(t, bench.passedOn[0]!.seen.received, up, 'to the master');
  sameBytes(t, client.seen.received, down, 'to the client');
});

t.test('a side that does not read holds the other up, and no bytes pile up between them', async (t) => {
  const bench = new GateBench(5);
  bench.lead('master');
  const client = await bench.client();
  t.ok(await bench.until(() => bench.passedOn.length === 1));
  const { connection: master, seen } = bench.passedOn[0]!;
  master.pause();
  const chunk = new Uint8Array(64 * 1024);
  let written = 0;
  const fill = (): void => {
    do written += chunk.length;
    while (client.connection.write(chunk) && written < 64 * 1024 * 1024);
  };
  client.seen.onDrain = fill;
  fill();
  await bench.world.simulation.runUntil(bench.world.simulation.nowMs + 10_000);
  t.comment(`${written} bytes written`);
  t.ok(written < 16 * 1024 * 1024, `the client was stopped after ${written} bytes`);
  client.seen.onDrain = () => {};
  master.resume();
  t.ok(await bench.until(() => seen.receivedBytes >= written), 'everything comes in the end');
});

t.test('the end of either side reaches the other after all its bytes', async (t) => {
  const bench = new GateBench(6);
  bench.lead('master');
  const client = await bench.client();
  client.connection.write(encodeText('last words'));
  client.connection.end();
  t.ok(await bench.until(() => bench.passedOn[0]?.seen.ends === 1));
  t.equal(bench.passedOn[0]!.seen.receivedBytes, 10);
  bench.passedOn[0]!.connection.write(encodeText('ERROR'));
  bench.passedOn[0]!.connection.end();
  t.ok(await bench.until(() => client.seen.closes.length === 1));
  t.equal(client.seen.receivedBytes, 5);
  t.ok(await bench.until(() => bench.released === 1));
});

t.test('a master that has said its last word ends the client, while it still listens', async (t) => {
  const bench = new GateBench(11);
  bench.lead('master');
  const client = await bench.client();
  t.ok(await bench.until(() => bench.passedOn.length === 1));
  bench.passedOn[0]!.connection.write(encodeText('ERROR'));
  bench.passedOn[0]!.connection.end();
  t.ok(await bench.until(() => client.seen.ends === 1));
  t.equal(client.seen.receivedBytes, 5);
  client.connection.write(encodeText('more'));
  t.ok(await bench.until(() => bench.passedOn[0]!.seen.receivedBytes === 4), 'the other direction is still open');
});

t.test('a master that dies takes its tunnelled clients along, however long they keep still', async (t) => {
  const bench = new GateBench(7);
  bench.lead('master');
  const client = await bench.client();
  t.ok(await bench.until(() => bench.passedOn.length === 1));
  bench.world.host('master').kill();
  t.ok(await bench.until(() => client.seen.ends + client.seen.closes.length > 0));
  t.ok(await bench.until(() => bench.released === 1), 'the place is free again, though the client never closed');
});

t.test('clients behind a master that is silent are let go once another leads', async (t) => {
  const bench = new GateBench(8);
  bench.lead('master');
  const client = await bench.client();
  t.ok(await bench.until(() => bench.passedOn.length === 1));
  bench.world.host('master').processes[0]!.pause();
  bench.lead(null);
  await bench.world.simulation.runUntil(bench.world.simulation.nowMs + 300);
  t.equal(client.seen.ends, 0, 'not before');
  bench.lead('other');
  t.ok(await bench.until(() => client.seen.ends === 1));
});

t.test('a master that does not take the client yet is asked again', async (t) => {
  const bench = new GateBench(9);
  bench.masterTakes = false;
  bench.lead('master');
  const { connection, seen } = await bench.client();
  connection.write(encodeText('CONNECT'));
  await bench.world.simulation.runUntil(bench.world.simulation.nowMs + 100);
  bench.masterTakes = true;
  t.ok(await bench.until(() => bench.passedOn[0]?.seen.receivedBytes === 7));
  t.equal(seen.closes.length, 0);
});

t.test('a client that leaves while it waits frees its place', async (t) => {
  const bench = new GateBench(10);
  const { connection } = await bench.client();
  await bench.world.simulation.runUntil(bench.world.simulation.nowMs + 50);
  connection.destroy();
  t.ok(await bench.until(() => bench.released === 1));
  bench.lead('node');
  t.equal(bench.served.length, 0);
});
