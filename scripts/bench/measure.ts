import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { ProcessCluster, ProcessNode } from '@lockstep/test/harness';
import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';

import { nowMs } from './plan.ts';
import type { WorkerPlan, WorkerResult } from './plan.ts';

const worker = fileURLToPath(new URL('./load-worker.js', import.meta.url));
/** /proc counts CPU time in hundredths of a second on every Linux there is. */
const ticksPerSecond = 100;

export interface Scenario {
  readonly name: string;
  readonly what: string;
  readonly producers: number;
  readonly consumers: number;
  readonly window: number;
  /** Messages a second in all; 0: as fast as the windows allow. */
  readonly rate: number;
  readonly bodyBytes: number;
  /** A topic, and its subscribers acknowledge nothing; left out: a queue, `client-individual`. */
  readonly topic?: boolean;
}

/** Where the clients are. Left out: spread over all nodes. */
export interface Placement {
  readonly producers: readonly ProcessNode[];
  readonly consumers: readonly ProcessNode[];
}

export interface Figures {
  readonly messagesPerSecond: number;
  /** Of all nodes together, user and system, microseconds for each message delivered. */
  readonly cpuMicrosPerMessage: number;
  /** Of each node, user and system: cores that it took. */
  readonly cores: readonly number[];
  readonly receiptMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  readonly endToEndMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  /** Cores that the load itself took, so that one can see whether it was the limit. */
  readonly loadCores: number;
}

/** Runs one scenario once, on a queue of its own. Producers and consumers are processes of their own. */
export async function measure(
  cluster: ProcessCluster,
  scenario: Scenario,
  run: string,
  warmupSeconds: number,
  seconds: number,
  at: Placement = { producers: cluster.nodes, consumers: cluster.nodes },
): Promise<Figures> {
  const startMs = nowMs();
  const measureFromMs = startMs + 1000 + warmupSeconds * 1000;
  const measureToMs = measureFromMs + seconds * 1000;
  const plan = {
    destination: `/${scenario.topic === true ? 'topic' : 'queue'}/bench-${scenario.name}-${run}`,
    ack: scenario.topic === true ? ('auto' as const) : ('client-individual' as const),
    bodyBytes: scenario.bodyBytes,
    window: scenario.window,
    prefetch: 100,
    rate: scenario.rate,
    messages: 0,
    measureFromMs,
    measureToMs,
    drainToMs: measureToMs + 1500,
  };
  const workers = [
    ...split(scenario.consumers, at.consumers).map(async (share) =>
      runWorker({ ...plan, ...share, role: 'consumers' }),
    ),
    ...split(scenario.producers, at.producers).map(async (share) => {
      const rate = (plan.rate * share.connections) / scenario.producers;
      return runWorker({ ...plan, ...share, rate, role: 'producers' });
    }),
  ];
  await pause(measureFromMs - nowMs());
  const cpuBefore = await cpuOfNodes(cluster);
  await pause(measureToMs - nowMs());
  const cpuAfter = await cpuOfNodes(cluster);
  const cpu = cpuAfter.map((after, i) => after - (cpuBefore[i] ?? 0));
  return figures(await Promise.all(workers), seconds, cpu, (plan.drainToMs - startMs) / 1000);
}

/** Two processes of each kind where there is work for two; the second one begins where the first one's round of the nodes ends. */
function split(connections: number, at: readonly ProcessNode[]): Pick<WorkerPlan, 'connections' | 'ports'>[] {
  const ports = at.map(({ stompPort }) => stompPort);
  if (connections < 2) return [{ connections, ports }];
  const first = Math.ceil(connections / 2);
  const turned = ports.map((_, i) => ports[(i + first) % ports.length]!);
  return [
    { connections: first, ports },
    { connections: connections - first, ports: turned },
  ];
}

function figures(
  results: readonly WorkerResult[],
  seconds: number,
  cpuOf: readonly number[],
  lifeSeconds: number,
): Figures {
  const receipts = merged(results.filter(({ role }) => role === 'producers'));
  const deliveries = merged(results.filter(({ role }) => role === 'consumers'));
  const load = results.reduce((sum, { cpuSeconds: own }) => sum + own, 0);
  const cpu = cpuOf.reduce((sum, own) => sum + own, 0);
  return {
    messagesPerSecond: Math.round(deliveries.totalCount / seconds),
    cpuMicrosPerMessage: Math.round((cpu * 1e7) / Math.max(1, deliveries.totalCount)) / 10,
    cores: cpuOf.map((own) => Math.round((own / seconds) * 1000) / 1000),
    receiptMs: percentiles(receipts),
    endToEndMs: percentiles(deliveries),
    loadCores: Math.round((load / lifeSeconds) * 100) / 100,
  };
}

function merged(results: readonly WorkerResult[]): Histogram {
  const all = build({ highestTrackableValue: 120_000_000 });
  for (const { histogram } of results) all.add(decodeFromCompressedBase64(histogram));
  return all;
}

function percentiles(histogram: Histogram): { p50: number; p99: number; p999: number } {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000;
  return { p50: at(50), p99: at(99), p999: at(99.9) };
}

/** Runs a load process to its end. */
export async function runWorker(plan: WorkerPlan): Promise<WorkerResult> {
  const child = spawn(process.execPath, [worker, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`a load process (${plan.role}) ended with code ${code}`);
  return JSON.parse(output) as WorkerResult;
}

/** User and system time of all nodes. */
export async function cpuSeconds(cluster: ProcessCluster): Promise<number> {
  return (await cpuOfNodes(cluster)).reduce((sum, own) => sum + own, 0);
}

/** User and system time of each node. */
async function cpuOfNodes(cluster: ProcessCluster): Promise<readonly number[]> {
  return Promise.all(cluster.nodes.map(({ process: child }) => cpuSecondsOf(child?.pid)));
}

/** User and system time of one process so far; 0 for one that is not there. */
export async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
