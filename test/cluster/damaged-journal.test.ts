import { once } from 'node:events';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

import { Neighbours } from '../harness/neighbours.ts';
import { ProcessCluster } from '../harness/process-cluster.ts';
import type { ProcessNode } from '../harness/process-cluster.ts';
import { RawClient } from '../harness/raw-client.ts';
import { until } from '../harness/until.ts';

const messages = 200;

/** A machine that is busy with other things must not bring an election about: it cuts the neighbours off. */
const patient = 'cluster: { electionMs: 5s }';

/** Messages with receipts, each in a turn of its own, so that the journal holds many writes. */
async function fill(node: ProcessNode, queue: string): Promise<void> {
  const client = await RawClient.connected(node.stompPort);
  for (let i = 0; i < messages; i++) {
    client.say(`SEND\ndestination:${queue}\nreceipt:${i}\n\nmessage ${i}\0`);
    await client.receipt(String(i));
  }
  client.drop();
}

/** Everything in the queue, acknowledged. */
async function drain(node: ProcessNode, queue: string): Promise<string[]> {
  const client = await RawClient.connected(node.stompPort);
  client.say(`SUBSCRIBE\nid:0\ndestination:${queue}\nack:client\n\n\0`);
  await until('all messages', () => client.count('MESSAGE') >= messages);
  const got = client.frames.filter(({ command }) => command === 'MESSAGE');
  client.say(`ACK\nid:${got.at(-1)?.headers['ack'] ?? ''}\nreceipt:all\n\n\0`);
  await client.receipt('all');
  client.drop();
  return got.map(({ body }) => body.toString());
}

function journalFile(node: ProcessNode): string {
  const directory = join(node.data, 'journal');
  const [name] = readdirSync(directory).sort();
  return join(directory, name ?? 'no segment');
}

function logOf(node: ProcessNode): string {
  return readFileSync(`${node.data}.log`, 'utf8');
}

async function aSlave(cluster: ProcessCluster): Promise<ProcessNode> {
  const master = await cluster.settled();
  return cluster.nodes.find((node) => node !== master)!;
}

/** Resolves when the node has said that it holds everything and has a vote again. */
async function rejoined(cluster: ProcessCluster, node: ProcessNode): Promise<void> {
  await until(`${node.id} to be a voter that has it all`, async () => {
    const master = await cluster.master();
    const status = await cluster.status(master);
    const own = await cluster.status(node);
    const member = status?.members.find(({ id }) => id === node.id);
    return own?.role === 'slave' && member?.alive === true && member.matchIndex === status?.lastIndex;
  });
}

/** Flips a bit of one of the messages. */
function damage(node: ProcessNode): { readonly file: string; readonly bytes: Buffer; readonly at: number } {
  const file = journalFile(node);
  const bytes = readFileSync(file);
  const at = bytes.indexOf('message 100');
  if (at < 0) throw new Error('the message is not in the journal');
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(file, bytes);
  return { file, bytes, at };
}

t.test('a damaged record in the middle: the node says where, and gets it back from the others', async (t) => {
  const cluster = await ProcessCluster.start({ config: patient });
  t.teardown(async () => cluster.stop(!t.passing()));
  const victim = await aSlave(cluster);
  await fill(victim, '/queue/kept');
  await cluster.kill(victim);
  const { file, at } = damage(victim);

  const others = cluster.nodes.filter((node) => node !== victim);
  const neighbours = await Neighbours.start(others[0]!.stompPort, others[1]!.stompPort, '/queue/beside');
  await neighbours.progress(100);

  cluster.revive(victim);
  const said = await until('what it says', () => logOf(victim).match(/([\w/-]+\.log) is damaged at byte (\d+): .*/));
  t.ok(file.endsWith(said[1] ?? '?'), 'names the file');
  const offset = Number(said[2]);
  t.ok(offset <= at && offset > at - 512, `names the offset: byte ${offset} for ${at}`);
  t.match(said[0], /comes from the other members; until then this node has no vote/, 'says what that means');
  await rejoined(cluster, victim);
  await neighbours.progress(100);
  await neighbours.stop();
  t.same(neighbours.troubles, [], 'the other two went on all the while');

  // It counts: with one of the others gone it makes the majority, and it has all the messages.
  const master = await cluster.settled();
  await cluster.kill(others.find((node) => node !== master) ?? master);
  const expected = Array.from({ length: messages }, (_, i) => `message ${i}`);
  t.same(await drain(victim, '/queue/kept'), expected, 'nothing is lost');
});

t.test('alone, a damaged record in the middle: the node says where, stays down, and changes nothing', async (t) => {
  const cluster = await ProcessCluster.start({ nodes: 1 });
  t.teardown(async () => cluster.stop(!t.passing()));
  const [node] = cluster.nodes as [ProcessNode];
  await fill(node, '/queue/kept');
  await cluster.kill(node);
  const { file, bytes, at } = damage(node);
  cluster.revive(node);
  const [code] = (await once(node.process!, 'exit')) as [number | null];
  t.equal(code, 1, 'exit code 1');
  const said = await until('what it says', () => logOf(node).match(/([\w/-]+\.log) is damaged at byte (\d+): .*/));
  t.ok(file.endsWith(said[1] ?? '?'), 'names the file');
  t.ok(Number(said[2]) <= at && Number(said[2]) > at - 512, `names the offset: byte ${said[2]} for ${at}`);
  t.match(said[0], /If it is alone, "lockstep verify" says what is lost, and "lockstep repair" saves the rest/);
  t.ok(readFileSync(file).equals(bytes), 'nothing was changed');
});

t.test('a torn end is cut off, and the node goes on', async (t) => {
  const cluster = await ProcessCluster.start({ config: patient });
  t.teardown(async () => cluster.stop(!t.passing()));
  const victim = await aSlave(cluster);
  await fill(victim, '/queue/kept');
  await cluster.kill(victim);
  const file = journalFile(victim);
  const bytes = readFileSync(file);
  // In the middle of the last message's record: the write never ended.
  truncateSync(file, bytes.indexOf(`message ${messages - 1}`) + 3);
  cluster.revive(victim);
  await rejoined(cluster, victim);
  t.match(logOf(victim), /cutting off a write/, 'the log says that something was cut off');
  const others = cluster.nodes.filter((node) => node !== victim);
  const master = await cluster.settled();
  await cluster.kill(others.find((node) => node !== master) ?? master);
  t.equal((await drain(victim, '/queue/kept')).length, messages, 'nothing is lost');
});

t.test('alone, a torn end costs what was never acknowledged, and no more', async (t) => {
  const cluster = await ProcessCluster.start({ nodes: 1 });
  t.teardown(async () => cluster.stop(!t.passing()));
  const [node] = cluster.nodes as [ProcessNode];
  await fill(node, '/queue/kept');
  await cluster.kill(node);
  const file = journalFile(node);
  const bytes = readFileSync(file);
  // What a crash leaves of a write that was on its way: a part of a header, and nothing behind it.
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const end = Math.ceil(used / 32) * 32;
  writeFileSync(file, Buffer.concat([bytes.subarray(0, end), Buffer.alloc(64), Buffer.from('half a record')]));
  cluster.revive(node);
  await cluster.master();
  t.match(logOf(node), /cutting off a write/, 'the log says that something was cut off');
  const expected = Array.from({ length: messages }, (_, i) => `message ${i}`);
  t.same(await drain(node, '/queue/kept'), expected, 'nothing that had its receipt is lost');
});
