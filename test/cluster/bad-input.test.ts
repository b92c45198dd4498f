import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import type { Test } from 'tap';

import { FailoverConsumer, FailoverProducer } from '../harness/failover-clients.ts';
import { Ledger } from '../harness/ledger.ts';
import { Neighbours } from '../harness/neighbours.ts';
import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';
import { faults } from './faults.ts';

const megabyte = 1024 * 1024;
/** How much any one attack may add to a node. Garbage that V8 has not collected is in it; what clients announce is far beyond. */
const growthMax = 400 * megabyte;

function residentBytes(node: ProcessNode): number {
  const status = readFileSync(`/proc/${node.process?.pid ?? 0}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

let grounds = 0;

/** A machine that is busy with other things must not bring an election about: it would be taken for the attack's doing. */
const patient = 'cluster: { electionMs: 5s }';

/** Runs an attack with well-behaved clients beside it; no node may die, grow without bound, or change its role. */
async function under(
  t: Test,
  cluster: ProcessCluster,
  attack: (neighbours: Neighbours) => Promise<void>,
): Promise<void> {
  const master = await cluster.settled();
  const before = cluster.nodes.map((node) => ({ node, pid: node.process?.pid, bytes: residentBytes(node) }));
  const slave = cluster.nodes.find((node) => node !== master)!;
  const neighbours = await Neighbours.start(slave.stompPort, master.stompPort, `/queue/beside-${++grounds}`);
  t.teardown(() => neighbours.drop());
  await neighbours.progress(50);
  await attack(neighbours);
  await neighbours.progress(50);
  await neighbours.stop();
  t.same(neighbours.troubles, [], 'other clients are undisturbed');
  for (const { node, pid, bytes } of before) {
    t.equal(node.process?.pid, pid, `${node.id} lives`);
    const grown = residentBytes(node) - bytes;
    t.ok(grown < growthMax, `${node.id} stays bounded: ${Math.round(grown / megabyte)} MiB more`);
  }
  t.equal((await cluster.settled()).id, master.id, 'the master is still the master');
}

async function eachFault(t: Test, port: number): Promise<void> {
  for (const { name, bytes, error, receipt, halfClose } of faults) {
    const client = await RawClient.connected(port);
    client.say(bytes);
    // A frame behind the faulty one: nothing of it may happen.
    if (halfClose === true) client.socket.end();
    else client.say('SEND\ndestination:/queue/behind\nreceipt:behind\n\nbehind\0'.repeat(5));
    await client.end();
    const errors = client.frames.filter(({ command }) => command === 'ERROR');
    t.equal(errors.length, 1, `${name}: one ERROR`);
    t.match(errors[0]?.headers['message'], error, name);
    t.equal(client.frames.at(-1)?.command, 'ERROR', `${name}: the ERROR comes last`);
    t.equal(errors[0]?.headers['receipt-id'], receipt, `${name}: receipt-id`);
    t.notOk(client.frames.some(({ headers, command }) => command === 'RECEIPT' && headers['receipt-id'] === 'behind'));
    client.drop();
  }
  const reader = await RawClient.connected(port);
  for (const queue of ['behind', 'x'])
    reader.say(`SUBSCRIBE\nid:${queue}\ndestination:/queue/${queue}\nreceipt:${queue}\n\n\0`);
  await reader.receipt('x');
  t.equal(reader.count('MESSAGE'), 0, 'nothing of a faulty frame, nor of those behind it, took effect');
  reader.drop();
}

async function foreignAck(t: Test, port: number): Promise<void> {
  const owner = await RawClient.connected(port);
  owner.say('SEND\ndestination:/queue/owned\n\nmine\0');
  owner.say('SUBSCRIBE\nid:0\ndestination:/queue/owned\nack:client-individual\n\n\0');
  const message = await owner.frame('MESSAGE');
  const thief = await RawClient.connected(port);
  thief.say(`ACK\nid:${message.headers['ack'] ?? ''}\nreceipt:r\n\n\0`);
  await thief.end();
  t.match(thief.frames.at(-1)?.headers, { message: /never given/, 'receipt-id': 'r' });
  thief.drop();
  owner.say(`ACK\nid:${message.headers['ack'] ?? ''}\nreceipt:mine\n\n\0`);
  await owner.receipt('mine');
  owner.drop();
}

/** Many open connections, each of which holds an announced body, or a CONNECT that never ends. */
async function announcers(port: number): Promise<void> {
  const clients: RawClient[] = [];
  while (clients.length < 300) {
    clients.push(...(await Promise.all(Array.from({ length: 20 }, async () => RawClient.connected(port)))));
  }
  for (const client of clients) client.say('SEND\ndestination:/queue/x\ncontent-length:16777216\n\nonly this');
  const silent = await Promise.all(Array.from({ length: 50 }, async () => RawClient.open(port)));
  for (const client of silent) client.say('CONNECT\naccept-version:1.2\nhost:');
  const fresh = await RawClient.connected(port);
  fresh.drop();
  for (const client of [...clients, ...silent]) client.drop();
}

async function comeAndGo(port: number): Promise<void> {
  for (let round = 0; round < 20; round++) {
    const clients = await Promise.all(Array.from({ length: 50 }, async () => RawClient.open(port)));
    for (const [i, client] of clients.entries()) {
      if (i % 3 === 0) client.say('CONNECT\naccept-version:1.2\nhost:h\n\n\0SEND\ndestination:/queue/x\n\nhal');
      if (i % 3 === 1) client.say('CONN');
      if (i % 2 === 0) client.socket.resetAndDestroy();
      else client.drop();
    }
  }
}

/** Sends with receipts and reads nothing of what comes back, for a while. */
async function readsLate(t: Test, port: number, neighbours: Neighbours): Promise<void> {
  const client = await RawClient.connected(port);
  client.socket.pause();
  const count = 20_000;
  const pad = 'r'.repeat(5000);
  for (let i = 0; i < count; i++) client.say(`SEND\ndestination:/topic/nobody\nreceipt:${i}.${pad}\n\n\0`);
  await neighbours.progress(500);
  t.ok(client.socket.writableLength > 0, 'so much unread, the broker reads no further');
  client.socket.resume();
  await client.receipt(`${count - 1}.${pad}`);
  t.equal(client.count('RECEIPT'), count, 'every receipt comes once it is read');
  client.drop();
}

async function subscribesAndNeverReads(port: number): Promise<void> {
  const reader = await RawClient.connected(port);
  reader.say('SUBSCRIBE\nid:0\ndestination:/queue/heap\nack:client\nprefetch-count:60000\n\n\0');
  reader.say('SUBSCRIBE\nid:1\ndestination:/topic/heap\nprefetch-count:60000\nreceipt:on\n\n\0');
  await reader.receipt('on');
  reader.socket.pause();
  const sender = await RawClient.connected(port);
  const body = 'x'.repeat(100_000);
  for (let i = 0; i < 400; i++) {
    await sender.pour(`SEND\ndestination:/queue/heap\n\n${body}\0SEND\ndestination:/topic/heap\n\n${body}\0`);
  }
  sender.say('SEND\ndestination:/queue/heap\nreceipt:last\n\nlast\0');
  await sender.receipt('last');
  sender.drop();
  reader.drop();
  // Nothing of it is lost: another one gets it all.
  const next = await RawClient.connected(port);
  next.say('SUBSCRIBE\nid:0\ndestination:/queue/heap\n\n\0');
  await until('the whole heap', () => next.count('MESSAGE') === 401);
  next.say('DISCONNECT\nreceipt:bye\n\n\0');
  await next.receipt('bye');
  next.drop();
}

/** A frame a byte at a time. */
async function trickler(t: Test, port: number): Promise<void> {
  const client = await RawClient.open(port);
  client.socket.setNoDelay(true);
  for (const byte of Buffer.from(
    'CONNECT\r\naccept-version:1.2\r\nhost:h\r\n\r\n\0\n\nSEND\ndestination:/queue/drip\nreceipt:r\n\nä€😀\0',
  )) {
    await client.pour(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.receipt('r');
  client.say('SUBSCRIBE\nid:0\ndestination:/queue/drip\n\n\0');
  t.equal((await client.frame('MESSAGE')).body.toString(), 'ä€😀');
  client.drop();
}

async function halfOpen(t: Test, port: number): Promise<void> {
  const client = await RawClient.connected(port);
  client.say('SEND\ndestination:/queue/half\nreceipt:r\n\nhalf\0');
  client.socket.end();
  await client.end();
  t.same(
    client.frames.map(({ command }) => command),
    ['CONNECTED', 'RECEIPT'],
    'what was asked before the end is answered',
  );
  client.drop();
}

async function neverConnects(t: Test, port: number): Promise<void> {
  const silent = await RawClient.open(port);
  const early = await RawClient.open(port);
  early.say('SEND\ndestination:/queue/x\nreceipt:r\n\n\0');
  await early.end();
  t.match(early.frames, [{ command: 'ERROR', headers: { message: /not connected/, 'receipt-id': 'r' } }]);
  await silent.end();
  t.match(silent.frames, [{ command: 'ERROR', headers: { message: /No CONNECT/ } }]);
  early.drop();
  silent.drop();
}

/** Bytes of every kind on the ports that are not for clients. */
async function otherPorts(t: Test, cluster: ProcessCluster): Promise<void> {
  for (const node of cluster.nodes) {
    for (const port of [node.peerPort, node.adminPort]) {
      const noises = [
        Buffer.concat([Buffer.from([255, 255, 255, 255]), randomBytes(100_000)]),
        Buffer.concat([Buffer.from([0, 0, 1, 0]), randomBytes(1_000_000)]),
        Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]), randomBytes(1000)]),
        Buffer.from('CONNECT\naccept-version:1.2\nhost:h\n\n\0'),
        Buffer.from(`GET /${'x'.repeat(1_000_000)} HTTP/1.1\r\n\r\n`),
        randomBytes(3_000_000),
      ];
      for (const noise of noises) {
        const client = await RawClient.open(port);
        await client.pour(noise);
        client.drop();
      }
      // Announces the greatest message there may be, a hundred times over, and sends none of it.
      const announcing = await Promise.all(Array.from({ length: 100 }, async () => RawClient.open(port)));
      for (const client of announcing) client.say(Uint8Array.of(0, 255, 255, 255, 1));
      for (const client of announcing) client.drop();
    }
    t.ok(await cluster.status(node), `${node.id} answers`);
  }
}

t.test('bad input, at the master and through a slave', async (t) => {
  const cluster = await ProcessCluster.start({ config: patient });
  t.teardown(async () => cluster.stop(!t.passing()));
  t.comment(`logs in ${cluster.directory} if this fails`);
  for (const where of ['master', 'slave'] as const) {
    await t.test(`at the ${where}`, async (t) => {
      const master = await cluster.settled();
      const node = where === 'master' ? master : cluster.nodes.find((one) => one !== master)!;
      const port = node.stompPort;
      await t.test('each fault: one clear ERROR, and a close', async (t) =>
        under(t, cluster, async () => eachFault(t, port)),
      );
      await t.test("an ACK of another session's message", async (t) =>
        under(t, cluster, async () => foreignAck(t, port)),
      );
      await t.test('bodies announced', async (t) => under(t, cluster, async () => announcers(port)));
      await t.test('connections that come and go', async (t) => under(t, cluster, async () => comeAndGo(port)));
      await t.test('a flood whose receipts nobody reads', async (t) =>
        under(t, cluster, async (neighbours) => readsLate(t, port, neighbours)),
      );
      await t.test('subscriptions that nobody reads', async (t) =>
        under(t, cluster, async () => subscribesAndNeverReads(port)),
      );
      await t.test('a byte at a time', async (t) => under(t, cluster, async () => trickler(t, port)));
      await t.test('half-open', async (t) => under(t, cluster, async () => halfOpen(t, port)));
      await t.test('no CONNECT', async (t) => under(t, cluster, async () => neverConnects(t, port)));
    });
  }
  await t.test('noise on the other ports', async (t) => {
    await under(t, cluster, async () => otherPorts(t, cluster));
  });
});

t.test('bad input while the master is killed: nothing of others is lost', async (t) => {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop(!t.passing()));
  const ledger = new Ledger();
  const shared = { uri: cluster.failoverUri, destination: '/queue/beside', ledger };
  const producer = new FailoverProducer({ ...shared, name: 'p', window: 20 });
  const consumer = new FailoverConsumer({ ...shared, name: 'c', prefetch: 50 });
  let over = false;
  const attacker = (async () => {
    for (let i = 0; !over; i++) {
      const node = cluster.nodes[i % cluster.nodes.length]!;
      const client = await RawClient.open(node.stompPort).catch(() => null);
      if (client === null) continue;
      client.say('CONNECT\naccept-version:1.2\nhost:h\n\n\0');
      await client.pour(faults[i % faults.length]!.bytes);
      client.drop();
    }
  })();
  try {
    for (let round = 0; round < 3; round++) {
      const master = await cluster.settled();
      const goal = ledger.receipts + 200;
      await until('receipts', () => ledger.receipts >= goal);
      await cluster.kill(master);
      const after = ledger.receipts + 200;
      await until('receipts after the kill', () => ledger.receipts >= after);
      cluster.revive(master);
    }
  } finally {
    over = true;
    await attacker;
  }
  await producer.stop();
  await until('every receipted message to arrive', () => ledger.complete).catch(() => undefined);
  consumer.stop();
  t.same(ledger.verdict(), { lost: [], phantoms: [], unmarkedRepeats: [], disorder: [] });
});
