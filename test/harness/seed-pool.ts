import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { SeedOptions, SeedReport } from '../simulation/index.ts';

/** One run that some worker is to make. */
export interface SeedJob {
  readonly seed: number;
  /** Name of a mutant; none: the code as it is. */
  readonly mutant?: string;
  readonly nodes?: NonNullable<SeedOptions['nodes']>;
}

/** A seed that takes so long hangs: no run has so much to do. */
const hungMs = 180_000;
// Young objects live for a few events: with room for them nearly none is ever moved.
const workerFlags = ['--max-semi-space-size=32', '--import', new URL('load-mutant.js', import.meta.url).href];

/** The invariant that is named when a worker, and not the code under test, has failed. */
export const workerFailed = 'the simulation itself';

/** A run of something smaller than a broker, or none. */
export function reportOf(seed: number, violation: SeedReport['violation']): SeedReport {
  const none = { trace: '', simulatedMs: 0, events: 0, receipts: 0, deliveries: 0, faults: {}, seen: {} };
  return { seed, nodes: 0, violation, ...none };
}

function runOn(child: ChildProcess, job: SeedJob): Promise<SeedReport> {
  return new Promise((resolve) => {
    const onMessage = (report: unknown): void => conclude(report as SeedReport);
    const onExit = (code: number | null): void =>
      conclude(reportOf(job.seed, { invariant: workerFailed, detail: `its process ended (${code ?? 'killed'})` }));
    const timer = setTimeout(() => child.kill('SIGKILL'), hungMs);
    const conclude = (report: SeedReport): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(report);
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
    child.send(job);
  });
}

/**
 * Runs seeds in `workers` processes. Each worker, when it is free, asks for its next job by its number, until there is none (null);
 * `done` hears of each run as it ends, in no certain order.
 */
export async function runSeeds(
  workers: number,
  next: (worker: number) => SeedJob | null,
  done: (job: SeedJob, report: SeedReport, worker: number) => void,
): Promise<void> {
  const program = fileURLToPath(new URL('seed-worker.js', import.meta.url));
  // Without tap's loader, which a test would hand on.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const lane = async (worker: number): Promise<void> => {
    let child: ChildProcess | null = null;
    let mutant: string | undefined;
    for (let job = next(worker); job !== null; job = next(worker)) {
      const gone = child === null || child.exitCode !== null || child.signalCode !== null;
      if (child === null || gone || job.mutant !== mutant) {
        if (child?.connected === true) child.disconnect();
        mutant = job.mutant;
        child = fork(program, { env: { ...env, LOCKSTEP_MUTANT: mutant ?? '' }, execArgv: workerFlags });
      }
      done(job, await runOn(child, job), worker);
    }
    if (child?.connected === true) child.disconnect();
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => lane(worker)));
}
