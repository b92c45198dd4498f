import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { ProcessCluster } from '@lockstep/test/harness';
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
}

export interface Figures {
  readonly messagesPerSecond: number;
  /** Of all nodes together, user and system, microseconds for each message delivered. */
  readonly cpuMicrosPerMessage: number;
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
): Promise<Figures> {
  const startMs = nowMs();
  const measureFromMs = startMs + 1000 + warmupSeconds * 1000;
  const measureToMs = measureFromMs + seconds * 1000;
  const plan = {
    ports: cluster.nodes.map(({ stompPort }) => stompPort),
    destination: `/queue/bench-${scenario.name}-${run}`,
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
    ...split(scenario.consumers).map(async (connections) => runWorker({ ...plan, role: 'consumers', connections })),
    ...split(scenario.producers).map(async (connections) => {
      const rate = (plan.rate * connections) / scenario.producers;
      return runWorker({ ...plan, rate, role: 'producers', connections });
    }),
  ];
  await pause(measureFromMs - nowMs());
  const cpuBefore = await cpuSeconds(cluster);
  await pause(measureToMs - nowMs());
  const cpu = (await cpuSeconds(cluster)) - cpuBefore;
  return figures(await Promise.all(workers), seconds, cpu, (plan.drainToMs - startMs) / 1000);
}

/** Two processes of each kind where there is work for two. */
function split(connections: number): number[] {
  return connections < 2 ? [connections] : [Math.ceil(connections / 2), Math.floor(connections / 2)];
}

function figures(results: readonly WorkerResult[], seconds: number, cpu: number, lifeSeconds: number): Figures {
  const receipts = merged(results.filter(({ role }) => role === 'producers'));
  const deliveries = merged(results.filter(({ role }) => role === 'consumers'));
  const load = results.reduce((sum, { cpuSeconds: own }) => sum + own, 0);
  return {
    messagesPerSecond: Math.round(deliveries.totalCount / seconds),
    cpuMicrosPerMessage: Math.round((cpu * 1e7) / Math.max(1, deliveries.totalCount)) / 10,
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
  let seconds = 0;
  for (const { process: child } of cluster.nodes) seconds += await cpuSecondsOf(child?.pid);
  return seconds;
}

/** User and system time of one process so far; 0 for one that is not there. */
export async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
