import { readFile } from 'node:fs/promises';

import type { ProcessCluster } from '@lockstep/test/harness';

import { runWorker } from './measure.ts';
import { nowMs } from './plan.ts';
import type { WorkerPlan } from './plan.ts';

export interface QueueLoad {
  readonly destination: string;
  readonly bodyBytes: number;
}

const farMs = 24 * 3_600_000;

function planOf(
  cluster: ProcessCluster,
  load: QueueLoad,
): Omit<WorkerPlan, 'role' | 'measureFromMs' | 'measureToMs' | 'drainToMs'> {
  const ports = cluster.nodes.map(({ stompPort }) => stompPort);
  return { ...load, ports, connections: 4, window: 500, rate: 0, messages: 0, prefetch: 1000 };
}

/** Puts so many messages into the queue, each with a receipt. Returns messages a second. */
export async function fill(cluster: ProcessCluster, load: QueueLoad, messages: number): Promise<number> {
  const fromMs = nowMs();
  const times = { measureFromMs: fromMs, measureToMs: fromMs + farMs, drainToMs: fromMs + farMs / 100 };
  await runWorker({ ...planOf(cluster, load), ...times, role: 'producers', messages });
  return Math.round((messages * 1000) / (nowMs() - fromMs));
}

/** Takes messages out for so long, after a second of warm-up. Returns messages a second. */
export async function drain(cluster: ProcessCluster, load: QueueLoad, seconds: number): Promise<number> {
  const measureFromMs = nowMs() + 1500;
  const measureToMs = measureFromMs + seconds * 1000;
  const times = { measureFromMs, measureToMs, drainToMs: measureToMs };
  const { count } = await runWorker({ ...planOf(cluster, load), ...times, role: 'consumers' });
  return Math.round(count / seconds);
}

/** Resident memory of each node, now and at most so far, MB. */
export async function memory(
  cluster: ProcessCluster,
): Promise<{ readonly now: readonly number[]; readonly most: readonly number[] }> {
  const texts = await Promise.all(
    cluster.nodes.map(async ({ process: child }) => readFile(`/proc/${child?.pid}/status`, 'latin1')),
  );
  const of = (field: string): number[] =>
    texts.map((text) => Math.round((Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1]) * 1024) / 1e6));
  return { now: of('VmRSS'), most: of('VmHWM') };
}
