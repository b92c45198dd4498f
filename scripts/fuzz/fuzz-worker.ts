/** Runs cases one after the other in a thread of its own, whose memory is bounded and which may be found hanging. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { faultOf, FuzzServer, minimise, printCase, sourceOf } from '@lockstep/test/fuzz';
import type { FuzzCase } from '@lockstep/test/fuzz';

export interface FuzzProgress {
  readonly sent: number;
  readonly cases: number;
  readonly errors: number;
  readonly receipts: number;
  readonly messages: number;
  readonly heapBytes: number;
  /** What went wrong, where the case is kept, and how to run it again. */
  readonly fault: string | null;
}

const REPORT_EVERY = 500_000;
const corpus = join(import.meta.dirname, '../../../test/fuzz/corpus');
const { frames, seed, running } = workerData as { frames: number; seed: number; running: Int32Array };

/** Writes the smallest case that shows it to the corpus; says where. */
function keep(fuzzCase: FuzzCase, cause: unknown): string {
  const story = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  const replay = `pnpm fuzz --seed ${fuzzCase.seed} --frames 1`;
  if (faultOf(new FuzzServer(), fuzzCase) === null) {
    return `${story}\nnot seen again on its own: it takes the cases before it, too: pnpm fuzz --seed ${seed}`;
  }
  const small = minimise(fuzzCase, () => new FuzzServer());
  const file = join(corpus, `seed-${fuzzCase.seed}.txt`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, printCase(small));
  return `${faultOf(new FuzzServer(), small) ?? story}\nkept in ${file}; give it a name that says what it shows\n${replay}`;
}

function run(): void {
  const server = new FuzzServer();
  const totals = { sent: 0, cases: 0, errors: 0, receipts: 0, messages: 0 };
  const report = (fault: string | null): void => {
    const progress: FuzzProgress = { ...totals, heapBytes: process.memoryUsage().heapUsed, fault };
    parentPort!.postMessage(progress);
  };
  for (let reported = 0; totals.sent < frames;) {
    const noted: Uint8Array[] = [];
    const one = seed + totals.cases;
    Atomics.store(running, 0, totals.cases);
    try {
      const result = server.run(one, sourceOf(one, noted));
      totals.receipts += result.receipts.length;
      totals.messages += result.messages;
      if (result.error !== null) totals.errors++;
    } catch (error) {
      return report(keep({ seed: one, frames: noted }, error));
    }
    totals.sent += noted.length;
    totals.cases++;
    if (totals.sent < reported + REPORT_EVERY) continue;
    reported = totals.sent;
    report(null);
  }
  report(null);
}

run();
