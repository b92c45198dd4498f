/**
 * Fuzzes the server side of STOMP. A case that breaks a rule is made small, kept in test/fuzz/corpus, and ends the run.
 *
 * usage: pnpm fuzz [--frames N] [--seed S]   (case by case from seed S on, until N frames have been sent)
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { FuzzProgress } from './fuzz/fuzz-worker.ts';

/** A case takes about a millisecond; one that takes so long hangs. */
const HANG_MS = 60_000;
/** The heap may not outgrow this, however many frames there were. */
const HEAP_MIB = 256;

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  },
});
const frames = Number(values.frames);
const seed = Number(values.seed);
if (!Number.isSafeInteger(frames) || frames < 1 || !Number.isSafeInteger(seed)) {
  console.error('usage: pnpm fuzz [--frames N] [--seed S], both whole numbers');
  process.exit(2);
}

/** The seed of the case that runs, where the worker cannot fail to leave it. */
const running = new Int32Array(new SharedArrayBuffer(4));
const worker = new Worker(new URL('fuzz/fuzz-worker.js', import.meta.url), {
  workerData: { frames, seed, running },
  resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
});
let last = -1;
let rssMax = 0;
const watch = setInterval(() => {
  const now = Atomics.load(running, 0);
  if (now === last) {
    console.error(`seed ${seed + now} hangs: pnpm fuzz --seed ${seed + now} --frames 1`);
    process.exit(1);
  }
  last = now;
}, HANG_MS);
watch.unref();

worker.on('message', (progress: FuzzProgress) => {
  rssMax = Math.max(rssMax, process.memoryUsage().rss);
  const { sent, cases, errors, receipts, messages, heapBytes, fault } = progress;
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
  const counts = `${sent} frames in ${cases} cases: ${receipts} receipts, ${messages} messages, ${errors} errors`;
  console.log(`${counts}; heap ${mebibytes(heapBytes)}, resident at most ${mebibytes(rssMax)}`);
  if (fault === null) return;
  console.error(fault);
  process.exitCode = 1;
});
worker.on('error', (error) => {
  console.error(`seed ${seed + Atomics.load(running, 0)}: the worker died:`, error);
  process.exitCode = 1;
});
