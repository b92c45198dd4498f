/**
 * How long clients wait when the master dies (SIGKILL) or falls silent (SIGSTOP): from the signal to the next RECEIPT that comes over a
 * connection made after it. Three producers, one at each node, each goes to the next node when its connection ends.
 *
 * usage: pnpm failover-times [--rounds 30] [--signal SIGKILL|SIGSTOP|both] [--json]
 */
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';

import { Prober } from './failover/prober.ts';

type Signal = 'SIGKILL' | 'SIGSTOP';

/** Milliseconds from the signal to the next receipt, one for each round. */
async function measure(signal: Signal, rounds: number): Promise<number[]> {
  const cluster = await ProcessCluster.start();
  await cluster.settled();
  let signalledAtMs = Infinity;
  let onRecovered: ((tookMs: number) => void) | null = null;
  const onReceipt = (atMs: number, connectedAtMs: number): void => {
    if (connectedAtMs > signalledAtMs) onRecovered?.(atMs - signalledAtMs);
  };
  const ports = cluster.nodes.map(({ stompPort }) => stompPort);
  const probers = ports.map((_, i) => new Prober(ports, i, onReceipt));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const master = await cluster.settled();
    const recovered = new Promise<number>((resolve) => {
      onRecovered = resolve;
    });
    signalledAtMs = performance.now();
    if (signal === 'SIGKILL') void cluster.kill(master);
    else cluster.signal(master, 'SIGSTOP');
    times.push(await recovered);
    onRecovered = null;
    signalledAtMs = Infinity;
    if (signal === 'SIGKILL') cluster.revive(master);
    else cluster.signal(master, 'SIGCONT');
  }
  for (const prober of probers) prober.stop();
  await cluster.stop();
  return times;
}

function summary(times: readonly number[]): Record<string, number> {
  const sorted = [...times].toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return { rounds: sorted.length, minMs: at(0), medianMs: at(0.5), p90Ms: at(0.9), maxMs: Math.round(sorted.at(-1)!) };
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    signal: { type: 'string', default: 'both' },
    json: { type: 'boolean', default: false },
  },
});
const signals: Signal[] = values.signal === 'both' ? ['SIGKILL', 'SIGSTOP'] : [values.signal as Signal];
for (const signal of signals) {
  const times = await measure(signal, Number(values.rounds));
  const figures = summary(times);
  if (values.json) process.stdout.write(`${JSON.stringify({ signal, ...figures, times })}\n`);
  else {
    const list = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(`${signal}: ${list.join(', ')}\n  each: ${times.map((ms) => Math.round(ms)).join(' ')}\n`);
  }
}
