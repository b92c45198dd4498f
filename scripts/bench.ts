/**
 * Throughput, CPU per message and latency of one node and of three, as real processes on a real disk, with fsync before every receipt. The
 * load comes from processes of its own, so that it is not the limit; `load cores` shows what it took.
 *
 * usage: pnpm bench [--runs 3] [--seconds 5] [--nodes 1|3|both] [--json]
 */
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';

import { measure } from './bench/measure.ts';
import type { Figures, Scenario } from './bench/measure.ts';

const scenarios: readonly Scenario[] = [
  {
    name: 'throughput',
    what: '4 producers with 100 open receipts each, 4 consumers client-individual, 256 bytes, one queue',
    producers: 4,
    consumers: 4,
    window: 100,
    rate: 0,
    bodyBytes: 256,
  },
  {
    name: 'latency',
    what: '1,000 msg/s from 1 producer with receipts, 1 consumer client-individual, 256 bytes',
    producers: 1,
    consumers: 1,
    window: 5000,
    rate: 1000,
    bodyBytes: 256,
  },
];

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    nodes: { type: 'string', default: 'both' },
    json: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const sizes = values.nodes === 'both' ? [1, 3] : [Number(values.nodes)];

/** The run in the middle, by throughput. */
function median(runs: readonly Figures[], by: (figures: Figures) => number): number {
  const sorted = runs.map(by).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function row(nodes: number, scenario: Scenario, runs: readonly Figures[]): string {
  const cells = [
    `${nodes}`,
    scenario.name,
    median(runs, (run) => run.messagesPerSecond).toLocaleString('en'),
    median(runs, (run) => run.cpuMicrosPerMessage).toFixed(1),
    [median(runs, (run) => run.receiptMs.p50), median(runs, (run) => run.receiptMs.p99)]
      .map((ms) => ms.toFixed(2))
      .join(' / '),
    [median(runs, (run) => run.endToEndMs.p50), median(runs, (run) => run.endToEndMs.p99)]
      .map((ms) => ms.toFixed(2))
      .join(' / '),
    median(runs, (run) => run.loadCores).toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

if (!values.json) {
  print(
    `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  for (const { name, what } of scenarios) print(`${name}: ${what}`);
  print(`medians of ${values.runs} runs of ${values.seconds} s after 1 s of warm-up\n`);
  print(
    '| nodes | scenario | msg/s | CPU µs per message, all nodes | receipt p50 / p99 ms | end-to-end p50 / p99 ms | load cores |',
  );
  print('| --- | --- | --- | --- | --- | --- | --- |');
}
for (const nodes of sizes) {
  const cluster = await ProcessCluster.start({ nodes });
  await cluster.settled();
  for (const scenario of scenarios) {
    const runs: Figures[] = [];
    for (let run = 0; run < Number(values.runs); run++) {
      runs.push(await measure(cluster, scenario, String(run), 1, Number(values.seconds)));
    }
    if (values.json) print(JSON.stringify({ nodes, scenario, runs }));
    else print(row(nodes, scenario, runs));
  }
  await cluster.stop();
}
