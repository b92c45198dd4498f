/**
 * What it costs where clients are, on a logical broker of three: the same load with all clients on the master, all on one slave, and spread over the
 * three; and a topic with 100 subscribers, all on the master, against 300 spread over the three. CPU is user and system time of each node; a
 * placement takes its turn in every run, so that what else the machine does falls on all of them alike.
 *
 * usage: pnpm session-costs [--runs 3] [--seconds 5] [--only load|fan-out] [--rate 50] [--json]
 */
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';
import type { ProcessNode } from '@lockstep/test/harness';

import { measure } from './bench/measure.ts';
import type { Figures, Placement, Scenario } from './bench/measure.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'all' },
    rate: { type: 'string', default: '50' },
    json: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const [runs, seconds, rate] = [values.runs, values.seconds, values.rate].map(Number) as [number, number, number];

const load: Scenario = {
  name: 'load',
  what: '4 producers with 100 open receipts each, 4 consumers client-individual, 256 bytes, one queue',
  producers: 4,
  consumers: 4,
  window: 100,
  rate: 0,
  bodyBytes: 256,
};

const fanOut = (consumers: number): Scenario => ({
  name: `fan-out-${consumers}`,
  what: `${rate} msg/s from 1 publisher on the master to ${consumers} subscribers, 256 bytes`,
  producers: 1,
  consumers,
  window: 5000,
  rate,
  bodyBytes: 256,
  topic: true,
});

interface Case {
  readonly name: string;
  readonly scenario: Scenario;
  readonly at: Placement;
}

function cases(nodes: readonly ProcessNode[], master: ProcessNode): readonly Case[] {
  const slave = nodes.find((node) => node !== master)!;
  const both = (on: readonly ProcessNode[]): Placement => ({ producers: on, consumers: on });
  const loads: readonly Case[] = [
    { name: 'all on the master', scenario: load, at: both([master]) },
    { name: 'all on one slave', scenario: load, at: both([slave]) },
    { name: 'spread over three', scenario: load, at: both(nodes) },
  ];
  const fans: readonly Case[] = [
    { name: '100 on the master', scenario: fanOut(100), at: { producers: [master], consumers: [master] } },
    { name: '300 over three', scenario: fanOut(300), at: { producers: [master], consumers: nodes } },
  ];
  return [...(values.only === 'fan-out' ? [] : loads), ...(values.only === 'load' ? [] : fans)];
}

function median(all: readonly number[]): number {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}

function row(name: string, all: readonly Figures[], nodes: readonly ProcessNode[], master: ProcessNode): string {
  const of = (by: (figures: Figures) => number): number => median(all.map(by));
  const cores = nodes.map(({ id }, i) => {
    const mark = nodes[i] === master ? '*' : '';
    return `${id}${mark} ${of((run) => run.cores[i] ?? 0).toFixed(2)}`;
  });
  const receipt = `${of((run) => run.receiptMs.p50).toFixed(1)} / ${of((run) => run.receiptMs.p99).toFixed(1)}`;
  return [
    name.padEnd(20),
    of((run) => run.messagesPerSecond)
      .toLocaleString('en')
      .padStart(9),
    of((run) => run.cpuMicrosPerMessage)
      .toFixed(1)
      .padStart(11),
    cores.join('  ').padStart(30),
    receipt.padStart(16),
  ].join(' | ');
}

const cluster = await ProcessCluster.start();
try {
  const { nodes } = cluster;
  const master = await cluster.settled();
  const all = cases(nodes, master);
  const figures = new Map<string, Figures[]>(all.map(({ name }) => [name, []]));
  for (const { name, scenario, at } of all) await measure(cluster, scenario, `warm-up-${name[0]}`, 0, 2, at);
  for (let run = 0; run < runs; run++) {
    for (const [i, { name, scenario, at }] of all.entries())
      figures.get(name)!.push(await measure(cluster, scenario, `${run}-${i}`, 1, seconds, at));
  }
  if ((await cluster.settled()) !== master) throw new Error('mastership has moved meanwhile');
  if (values.json) print(JSON.stringify(Object.fromEntries(figures)));
  else {
    for (const { what } of new Set(all.map(({ scenario }) => scenario))) print(what);
    print(`medians of ${runs} runs of ${seconds} s; * the master; CPU of all nodes by message delivered\n`);
    print(`${''.padEnd(20)} |     msg/s | CPU µs/msg  |   cores of each node           | receipt p50/p99`);
    for (const { name } of all) print(row(name, figures.get(name)!, nodes, master));
  }
} finally {
  await cluster.stop();
}
