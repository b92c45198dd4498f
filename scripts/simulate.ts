/**
 * Simulated clusters with faults, from seeds. A seed that fails prints the one command that replays it, identically.
 *
 * usage: pnpm simulate [--seed N [--log]] | [--seeds N [--from N]] | --mutants [--seeds N]
 */
import { parseArgs } from 'node:util';

import type { Log, LogFields } from '@lockstep/kernel';
import { mutants, runSeed } from '@lockstep/test/simulation';
import type { SeedReport } from '@lockstep/test/simulation';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function storyOf(node: string, nowMs: () => number): Log {
  const tell =
    (level: string) =>
    (message: string, fields?: LogFields): void =>
      print(
        `${nowMs().toFixed(1).padStart(10)} ${node} ${level} ${message} ${fields === undefined ? '' : JSON.stringify(fields)}`,
      );
  return { debug: () => {}, info: tell('info '), warn: tell('warn '), error: tell('error') };
}

function describe(report: SeedReport): void {
  const counts = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  print(
    `seed ${report.seed}: ${report.simulatedMs} ms simulated, ${report.events} events, trace ${report.trace}, ` +
      `${report.receipts} receipts, ${report.deliveries} deliveries; ${counts(report.seen)}; faults: ${counts(report.faults) || 'none'}`,
  );
  if (report.violation !== null)
    print(`seed ${report.seed} FAILED: ${report.violation.invariant}: ${report.violation.detail}`);
}

async function campaign(from: number, count: number): Promise<number> {
  let failed = 0;
  let simulatedMs = 0;
  const faults = new Map<string, number>();
  const seen = new Map<string, number>();
  const started = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const report = await runSeed({ seed });
    simulatedMs += report.simulatedMs;
    for (const [name, times] of Object.entries(report.faults)) faults.set(name, (faults.get(name) ?? 0) + times);
    for (const [name, times] of Object.entries(report.seen)) seen.set(name, (seen.get(name) ?? 0) + times);
    if (report.violation === null) continue;
    failed++;
    describe(report);
    print(`replay: pnpm simulate --seed ${seed} --log`);
  }
  const seconds = (performance.now() - started) / 1000;
  const listed = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([name, times]) => `${name} ${times}`).join(', ');
  print(
    `${count} seeds, ${failed} failed, ${seconds.toFixed(0)} s, ${(simulatedMs / 1000 / seconds).toFixed(0)} times real time`,
  );
  print(`faults: ${listed(faults)}`);
  print(`seen: ${listed(seen)}`);
  return failed;
}

/** Every mutant must be caught within so many seeds. */
async function hunt(seedsMax: number): Promise<number> {
  let escaped = 0;
  for (const { name, mutation } of mutants) {
    let caught: SeedReport | null = null;
    for (let seed = 1; seed <= seedsMax && caught === null; seed++) {
      const report = await runSeed({ seed, mutation: mutation() });
      if (report.violation !== null) caught = report;
    }
    if (caught === null) escaped++;
    print(
      caught === null
        ? `${name}: NOT CAUGHT in ${seedsMax} seeds`
        : `${name}: caught at seed ${caught.seed} by ${caught.violation?.invariant}`,
    );
  }
  return escaped;
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    log: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
  },
});
if (values.mutants) process.exitCode = (await hunt(Number(values.seeds ?? 2000))) > 0 ? 1 : 0;
else if (values.seed !== undefined) {
  const report = await runSeed({ seed: Number(values.seed), ...(values.log ? { log: storyOf } : {}) });
  describe(report);
  process.exitCode = report.violation === null ? 0 : 1;
} else process.exitCode = (await campaign(Number(values.from), Number(values.seeds ?? 100))) > 0 ? 1 : 0;
