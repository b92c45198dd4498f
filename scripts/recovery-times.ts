/**
 * How long a logical broker of one takes to come back with so many messages waiting: from the start of the process to the RECEIPT of a SEND.
 * `kill`: after SIGKILL; `stop`: after a clean end.
 *
 * usage: pnpm recovery-times [--messages 1000000] [--bytes 256] [--runs 3] [--json]
 */
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';

import { fill, memory } from './bench/queue-load.ts';
import { Prober } from './failover/prober.ts';
import { Receipts } from './failover/receipts.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '256' },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});

const cluster = await ProcessCluster.start({ nodes: 1, config: 'journal: { hardLimitBytes: 64GiB }' });
const node = cluster.nodes[0]!;
await fill(cluster, { destination: '/queue/kept', bodyBytes: Number(values.bytes) }, Number(values.messages));
for (const [mode, signal] of [
  ['kill', 'SIGKILL'],
  ['stop', 'SIGTERM'],
] as const) {
  const times: number[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    await cluster.kill(node, signal);
    const receipts = new Receipts();
    const recovery = receipts.recovery();
    cluster.revive(node);
    const prober = new Prober([node.stompPort], 0, 60_000, (at, sent) => receipts.take(at, sent));
    times.push(Math.round(await recovery));
    prober.stop();
  }
  const medianMs = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
  const residentMB = (await memory(cluster)).now[0];
  const figures = { mode, messages: Number(values.messages), medianMs, times, residentMB };
  process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : `${mode}: ${JSON.stringify(figures)}\n`);
}
await cluster.stop();
