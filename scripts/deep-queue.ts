/**
 * A deep queue: resident memory of each node while so many messages wait, and how fast they are taken out, beside a queue of an otherwise empty
 * broker. Each node is a process of its own on this machine.
 *
 * usage: pnpm deep-queue [--messages 5000000] [--nodes 3] [--bytes 256] [--seconds 10] [--json]
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';

import { drain, fill, memory } from './bench/queue-load.ts';

/** Enough for the span that is measured. */
const shallowMessages = 100_000;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '5000000' },
    nodes: { type: 'string', default: '3' },
    bytes: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const [messages, bodyBytes, seconds] = [Number(values.messages), Number(values.bytes), Number(values.seconds)];

async function diskMegabytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory, { recursive: true })) {
    bytes += (await stat(join(directory, name)).catch(() => null))?.size ?? 0;
  }
  return Math.round(bytes / 1e6);
}

const cluster = await ProcessCluster.start({
  nodes: Number(values.nodes),
  // A machine that is busy with this and other things must not bring an election about.
  config: 'journal: { hardLimitBytes: 64GiB }\ncluster: { electionMs: 10s }',
});
await cluster.settled();
const shallow = { destination: '/queue/shallow', bodyBytes };
// Warm: the first seconds of a process are the compiler's.
await fill(cluster, shallow, shallowMessages);
await drain(cluster, shallow, 3);
const rates: number[] = [];
for (let run = 0; run < 3; run++) {
  const load = { destination: `/queue/shallow-${run}`, bodyBytes };
  await fill(cluster, load, shallowMessages * Math.max(1, Math.ceil(seconds / 3)));
  rates.push(await drain(cluster, load, Math.min(2, seconds)));
}
const emptyRate = rates.toSorted((a, b) => a - b)[1]!;
const before = await memory(cluster);
const deep = { destination: '/queue/deep', bodyBytes };
const fillRate = await fill(cluster, deep, messages);
const filled = await memory(cluster);
const diskMB = await Promise.all(cluster.nodes.map(async ({ data }) => diskMegabytes(data)));
const deepRate = await drain(cluster, deep, seconds);
const after = await memory(cluster);
const figures = {
  messages,
  bodyBytes,
  nodes: cluster.nodes.length,
  fillRate,
  emptyRate,
  deepRate,
  ratio: Math.round((deepRate / emptyRate) * 100) / 100,
  memoryMB: { before: before.now, filled: filled.now, draining: after.now, most: after.most },
  diskMB,
};
await cluster.stop();
if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
else process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
