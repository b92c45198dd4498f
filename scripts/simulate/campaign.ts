import { runSeeds } from '@lockstep/test/harness';
import type { SeedReport } from '@lockstep/test/simulation';

import { describe, print } from './print.ts';

/** What a campaign has come to: how many runs saw it, and how often in all. */
class Tally {
  readonly #counts = new Map<string, { seeds: number; times: number }>();

  add(counts: Readonly<Record<string, number>>): void {
    for (const [name, times] of Object.entries(counts)) {
      const count = this.#counts.get(name) ?? { seeds: 0, times: 0 };
      count.seeds += times > 0 ? 1 : 0;
      count.times += times;
      this.#counts.set(name, count);
    }
  }

  print(title: string): void {
    print(`${title.padEnd(46)} ${'seeds'.padStart(8)} ${'times'.padStart(10)}`);
    for (const [name, { seeds, times }] of [...this.#counts].toSorted(([a], [b]) => a.localeCompare(b)))
      print(`  ${name.padEnd(44)} ${String(seeds).padStart(8)} ${String(times).padStart(10)}`);
  }
}

/** Seeds `from` on, on so many cores; prints every failure with its replay, and how often each rare state was seen. Returns how many failed. */
export async function campaign(from: number, count: number, jobs: number): Promise<number> {
  let failed = 0;
  let simulatedMs = 0;
  let events = 0;
  let next = from;
  const nodes = new Tally();
  const faults = new Tally();
  const seen = new Tally();
  const started = performance.now();
  const done = (report: SeedReport): void => {
    simulatedMs += report.simulatedMs;
    events += report.events;
    nodes.add({ [`nodes: ${report.nodes}`]: 1 });
    faults.add(report.faults);
    seen.add(report.seen);
    if (report.violation === null) return;
    failed++;
    describe(report);
    print(`replay: pnpm simulate --seed ${report.seed} --log`);
  };
  await runSeeds(
    jobs,
    () => (next < from + count ? { seed: next++ } : null),
    (_job, report) => done(report),
  );
  const seconds = (performance.now() - started) / 1000;
  nodes.print('clusters');
  faults.print('faults');
  seen.print('seen');
  print(
    `${count} seeds, ${failed} failed, ${seconds.toFixed(0)} s on ${jobs} cores: ${(simulatedMs / 1000).toFixed(0)} s simulated, ` +
      `${(simulatedMs / 1000 / seconds).toFixed(0)} times real time, ${((seconds * 1000 * jobs) / count).toFixed(0)} ms a seed, ` +
      `${((seconds * 1e6 * jobs) / events).toFixed(1)} µs an event`,
  );
  return failed;
}
