/**
 * Throughput, CPU per message and latency of one node and of three, as real processes on a real disk, with fsync before every receipt. The
 * load comes from processes of its own, so that it is not the limit; `load cores` shows what it took. Its connections are spread over the
 * nodes, so two thirds of them reach the master through a slave. Some three minutes in all.
 *
 * usage: pnpm bench [--runs 3] [--seconds 4] [--nodes 1|3|both] [--json]
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
  {
    name: 'large',
    what: '1 producer with 16 open receipts, 1 consumer client-individual, 64 KiB',
    producers: 1,
    consumers: 1,
    window: 16,
    rate: 0,
    bodyBytes: 65_536,
  },
];

/** One unmeasured run of each scenario first: what is measured is not the compiler at work on cold code. */
const warmUpSeconds = 2;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    nodes: { type: 'string', default: 'both' },
    json: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const sizes = values.nodes === 'both' ? [1, 3] : [Number(values.nodes)];

/** In the middle of the runs; of each figure for itself. */
function median(runs: readonly Figures[], by: (figures: Figures) => number): number {
  const sorted = runs.map(by).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Right-aligned, so that one column reads like one list of numbers. */
const widths = [5, 10, 8, 8, 10, 16, 16, 10];
const columns = [
  'nodes',
  'scenario',
  'msg/s',
  'MB/s',
  'CPU µs/msg',
  'receipt p50/p99',
  'end-to-end p50/p99',
  'load cores',
];

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell, i) => cell.padStart(Math.max(widths[i]!, columns[i]!.length))).join(' | ')} |`;
}

function row(nodes: number, { name, bodyBytes }: Scenario, runs: readonly Figures[]): string {
  const rate = median(runs, (run) => run.messagesPerSecond);
  const pair = (of: (figures: Figures) => { readonly p50: number; readonly p99: number }): string =>
    `${median(runs, (run) => of(run).p50).toFixed(2)} / ${median(runs, (run) => of(run).p99).toFixed(2)}`;
  return line([
    `${nodes}`,
    name,
    rate.toLocaleString('en'),
    ((rate * bodyBytes) / 1e6).toFixed(1),
    median(runs, (run) => run.cpuMicrosPerMessage).toFixed(1),
    pair((run) => run.receiptMs),
    pair((run) => run.endToEndMs),
    median(runs, (run) => run.loadCores).toFixed(2),
  ]);
}

if (!values.json) {
  print(
    `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
  );
  for (const { name, what } of scenarios) print(`${name}: ${what}`);
  print(`medians of ${values.runs} runs of ${values.seconds} s, each after 1 s of warm-up; latencies in milliseconds,`);
  print('CPU of all nodes together, user and system, by message delivered\n');
  print(line(columns));
  print(line(columns.map((column, i) => '-'.repeat(Math.max(widths[i]!, column.length)))));
}
for (const nodes of sizes) {
  const cluster = await ProcessCluster.start({ nodes });
  await cluster.settled();
  for (const scenario of scenarios) await measure(cluster, scenario, 'warm-up', 0, warmUpSeconds);
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
