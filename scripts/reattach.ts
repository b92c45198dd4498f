/**
 * How long a change of master takes when the other nodes have many sessions: each must be attached to the new master, with its subscription, before its
 * queue is served again. Clients sit on the two slaves of three nodes, each with a subscription of its own queue and a message that it holds; the
 * master gets SIGKILL; then a message is sent to each of some of the queues. Told are the times from the kill to the first RECEIPT, and to the last of the
 * messages at its consumer; and what else was wrong.
 *
 * usage: pnpm reattach [--sessions 10000,100] [--rounds 3] [--probes 50]
 */
import { parseArgs } from 'node:util';

import { ProcessCluster, RawClient, until } from '@lockstep/test/harness';
import type { ProcessNode } from '@lockstep/test/harness';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '10000,100' },
    rounds: { type: 'string', default: '3' },
    probes: { type: 'string', default: '50' },
  },
});
const rounds = Number(values.rounds);
const probes = Number(values.probes);
/** Opened at a time. */
const batch = 200;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Idle {
  readonly client: RawClient;
  readonly queue: string;
}

async function open(node: ProcessNode, number: number): Promise<Idle> {
  const client = await RawClient.connected(node.stompPort);
  const queue = `/queue/own-${number}`;
  client.say(`SUBSCRIBE\nid:0\ndestination:${queue}\nack:client-individual\nreceipt:there\n\n\0`);
  await client.receipt('there');
  client.say(`SEND\ndestination:${queue}\nreceipt:sent\n\nheld\0`);
  await client.receipt('sent');
  await until('its message', () => client.count('MESSAGE') === 1);
  return { client, queue };
}

async function openAll(nodes: readonly ProcessNode[], count: number): Promise<Idle[]> {
  const idle: Idle[] = [];
  while (idle.length < count) {
    const from = idle.length;
    const more = Array.from({ length: Math.min(batch, count - from) }, (_, i) => from + i);
    idle.push(...(await Promise.all(more.map((i) => open(nodes[i % nodes.length]!, i)))));
  }
  return idle;
}

async function round(count: number): Promise<void> {
  const cluster = await ProcessCluster.start({ config: 'limits: { connections: 12000 }' });
  try {
    const master = await cluster.settled();
    const slaves = cluster.nodes.filter((node) => node !== master);
    const idle = await openAll(slaves, count);
    const senders = await Promise.all(slaves.map(async ({ stompPort }) => RawClient.connected(stompPort)));
    const asked = idle.filter((_, i) => i % Math.ceil(count / probes) === 0);
    const begun = performance.now();
    void cluster.kill(master);
    for (const [i, { queue }] of asked.entries())
      senders[i % senders.length]!.say(`SEND\ndestination:${queue}\nreceipt:${i}\n\nprobe\0`);
    await Promise.race(senders.map(async (sender) => sender.frame('RECEIPT')));
    const receiptMs = performance.now() - begun;
    await until('the probes at their consumers', () => asked.every(({ client }) => client.count('MESSAGE') >= 2));
    const lastMs = performance.now() - begun;
    const ended = idle.filter(({ client }) => client.ended).length;
    const twice = idle.filter(({ client }) => client.count('MESSAGE') > 2).length;
    const figures = { sessions: count, receiptMs: Math.round(receiptMs), lastMs: Math.round(lastMs), ended, twice };
    print(JSON.stringify(figures));
    for (const { client } of [...idle, ...senders.map((client) => ({ client }))]) client.drop();
  } finally {
    await cluster.stop();
  }
}

for (let i = 0; i < rounds; i++) for (const count of values.sessions.split(',')) await round(Number(count));
