import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

import type { ProcessCluster } from '@lockstep/test/harness';

import { cpuSeconds, runWorker } from './measure.ts';
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
  const ack = 'client-individual';
  return { ...load, ports, connections: 4, window: 500, rate: 0, messages: 0, prefetch: 1000, ack };
}

/** Puts so many messages into the queue, each with a receipt. Returns messages a second. */
export async function fill(cluster: ProcessCluster, load: QueueLoad, messages: number): Promise<number> {
  const fromMs = nowMs();
  const times = { measureFromMs: fromMs, measureToMs: fromMs + farMs, drainToMs: fromMs + farMs / 100 };
  await runWorker({ ...planOf(cluster, load), ...times, role: 'producers', messages });
  return Math.round((messages * 1000) / (nowMs() - fromMs));
}

export interface Drained {
  readonly messagesPerSecond: number;
  /** Of all nodes together, user and system, microseconds for each message taken out. */
  readonly cpuMicrosPerMessage: number;
}

/** Takes messages out for so long, after so much of warm-up. With fewer messages than that takes, the rate means nothing. */
export async function drain(
  cluster: ProcessCluster,
  load: QueueLoad,
  seconds: number,
  warmupMs = 1500,
): Promise<Drained> {
  const measureFromMs = nowMs() + warmupMs;
  const measureToMs = measureFromMs + seconds * 1000;
  const times = { measureFromMs, measureToMs, drainToMs: measureToMs };
  const worker = runWorker({ ...planOf(cluster, load), ...times, role: 'consumers' });
  await pause(measureFromMs - nowMs());
  const cpuBefore = await cpuSeconds(cluster);
  await pause(measureToMs - nowMs());
  const cpu = (await cpuSeconds(cluster)) - cpuBefore;
  const { count } = await worker;
  return {
    messagesPerSecond: Math.round(count / seconds),
    cpuMicrosPerMessage: Math.round((cpu * 1e7) / Math.max(1, count)) / 10,
  };
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
