import type { Log, LogFields } from '@lockstep/kernel';
import type { SeedReport } from '@lockstep/test/simulation';

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** A node's log as lines with simulated time. */
export function storyOf(node: string, nowMs: () => number): Log {
  const tell =
    (level: string) =>
    (message: string, fields?: LogFields): void => {
      const more = fields === undefined ? '' : JSON.stringify(fields);
      print(`${nowMs().toFixed(1).padStart(10)} ${node} ${level} ${message} ${more}`);
    };
  return { debug: () => {}, info: tell('info '), warn: tell('warn '), error: tell('error') };
}

export function describe(report: SeedReport): void {
  const counts = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  print(
    `seed ${report.seed}: ${report.nodes} nodes, ${report.simulatedMs} ms simulated, ${report.events} events, trace ${report.trace}, ` +
      `${report.receipts} receipts, ${report.deliveries} deliveries; ${counts(report.seen)}; faults: ${counts(report.faults) || 'none'}`,
  );
  if (report.violation !== null)
    print(`seed ${report.seed} FAILED: ${report.violation.invariant}: ${report.violation.detail}`);
}
