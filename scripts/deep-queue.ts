/**
 * A deep queue: resident memory of each node while so many messages wait, and how fast they are taken out, beside an empty broker: one whose
 * consumers keep up with its producers, and one whose queue is drained while all of it is in memory. Each node is a process of its own on this
 * machine; CPU time for each message says more than its rate where the machine is shared.
 *
 * usage: pnpm deep-queue [--messages 5000000] [--nodes 3] [--bytes 256] [--seconds 10] [--json]
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';

import { measure } from './bench/measure.ts';
import { drain, fill, memory } from './bench/queue-load.ts';
import type { Drained } from './bench/queue-load.ts';

/** As many as are in memory whatever else is there. */
const shallowMessages = 100_000;
/** So much time is more than enough for them. */
const shallowSeconds = 4;

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

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100;
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
await drain(cluster, shallow, shallowSeconds, 0);
const flow = { name: 'flow', what: '', producers: 4, consumers: 4, window: 100, rate: 0, bodyBytes };
await measure(cluster, flow, 'warm', 2, 2);
const flows: Drained[] = [];
const shallows: number[] = [];
for (let run = 0; run < 3; run++) {
  const { messagesPerSecond, cpuMicrosPerMessage } = await measure(cluster, flow, String(run), 1, seconds / 3);
  flows.push({ messagesPerSecond, cpuMicrosPerMessage });
  const load = { destination: `/queue/shallow-${run}`, bodyBytes };
  await fill(cluster, load, shallowMessages);
  shallows.push((await drain(cluster, load, shallowSeconds, 0)).cpuMicrosPerMessage);
}
const flowing = flows.toSorted((a, b) => a.cpuMicrosPerMessage - b.cpuMicrosPerMessage)[1]!;
const shallowCpuMicros = shallows.toSorted((a, b) => a - b)[1]!;
const before = await memory(cluster);
const deep = { destination: '/queue/deep', bodyBytes };
const fillRate = await fill(cluster, deep, messages);
const filled = await memory(cluster);
const diskMB = await Promise.all(cluster.nodes.map(async ({ data }) => diskMegabytes(data)));
const deeply = await drain(cluster, deep, seconds);
const after = await memory(cluster);
const figures = {
  messages,
  bodyBytes,
  nodes: cluster.nodes.length,
  fillRate,
  flowing,
  shallow: { cpuMicrosPerMessage: shallowCpuMicros },
  deep: deeply,
  rateToFlowing: ratio(deeply.messagesPerSecond, flowing.messagesPerSecond),
  cpuToFlowing: ratio(deeply.cpuMicrosPerMessage, flowing.cpuMicrosPerMessage),
  cpuToShallow: ratio(deeply.cpuMicrosPerMessage, shallowCpuMicros),
  memoryMB: { before: before.now, filled: filled.now, draining: after.now, most: after.most },
  diskMB,
};
await cluster.stop();
if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
else process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
