/**
 * How long clients wait when something happens to a node of three. Producers always have a receipted SEND under way, and go to the next node when
 * their connection ends. `kill`, `stop`: the master gets SIGKILL, or falls silent (SIGSTOP): from the signal to the next RECEIPT of a SEND
 * that was written after it, three producers that began at one node each. `transfer`: the master hands over, and goes on as a slave; `term`: it is stopped
 * cleanly (SIGTERM), and hands over before it ends: the longest time without any RECEIPT. `follower`: a slave gets SIGKILL: the longest that a SEND of producers at the master waits for its RECEIPT. For these three, what
 * the same span showed before anything happened is given beside it (`calm`).
 *
 * usage: pnpm failover-times [--rounds 30] [--mode kill|stop|transfer|term|follower|all] [--election MS] [--json]
 */
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';
import type { ProcessNode } from '@lockstep/test/harness';

import { Prober } from './failover/prober.ts';
import { Receipts } from './failover/receipts.ts';

const modes = ['kill', 'stop', 'transfer', 'term', 'follower'] as const;
type Mode = (typeof modes)[number];

/** What happens late shows within this time. */
const watchMs = 1500;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when another leads. */
async function handOver({ adminPort }: ProcessNode): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${adminPort}/api/v1/transfer`;
  const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
  if (!answer.ok) throw new Error(`the master did not hand over: ${await answer.text()}`);
}

/** One round: does it to the cluster, and says how long clients waited. */
async function round(mode: Mode, cluster: ProcessCluster, receipts: Receipts, master: ProcessNode): Promise<number> {
  receipts.begin();
  const recovery = receipts.recovery();
  switch (mode) {
    case 'kill':
      void cluster.kill(master);
      return recovery;
    case 'stop':
      cluster.signal(master, 'SIGSTOP');
      return recovery;
    case 'transfer':
    case 'term':
      if (mode === 'term') void cluster.kill(master, 'SIGTERM');
      else void handOver(master);
      await recovery;
      await pause(watchMs);
      return receipts.longestGapMs;
    case 'follower':
      void cluster.kill(cluster.nodes.find((node) => node !== master && node.process !== null)!);
      await pause(watchMs);
      return receipts.longestWaitMs;
  }
}

/** Milliseconds, one for each round; `calm`: the longest wait in a span in which nothing happened. */
interface Measured {
  readonly times: readonly number[];
  readonly calm: readonly number[];
}

async function measure(mode: Mode, rounds: number, flags: readonly string[]): Promise<Measured> {
  const cluster = await ProcessCluster.start({ config: `cluster: { ${flags.join(', ')} }` });
  const receipts = new Receipts();
  const times: number[] = [];
  const calm: number[] = [];
  const all = cluster.nodes.map(({ stompPort }) => stompPort);
  const makeProbers = (ports: readonly number[]): Prober[] =>
    all.map(
      (_, i) => new Prober(ports, i, mode === 'follower' ? 10 * watchMs : 200, (at, sent) => receipts.take(at, sent)),
    );
  let probers = mode === 'follower' ? [] : makeProbers(all);
  for (let n = 0; n < rounds; n++) {
    const master = await cluster.settled();
    if (mode === 'follower') probers = makeProbers([master.stompPort]);
    await pause(watchMs / 5);
    if (mode !== 'kill' && mode !== 'stop') {
      receipts.begin();
      await pause(watchMs);
      calm.push(mode === 'follower' ? receipts.longestWaitMs : receipts.longestGapMs);
    }
    times.push(await round(mode, cluster, receipts, master));
    if (mode === 'follower') for (const prober of probers) prober.stop();
    for (const node of cluster.nodes) {
      if (mode === 'stop') cluster.signal(node, 'SIGCONT');
      else if (node.process === null) cluster.revive(node);
    }
  }
  for (const prober of probers) prober.stop();
  await cluster.stop();
  return { times, calm };
}

function summary(times: readonly number[]): Record<string, number> {
  const sorted = times.map((ms) => Math.round(ms)).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { rounds: sorted.length, minMs: at(0), medianMs: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1) };
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    mode: { type: 'string', default: 'all' },
    election: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const flags = values.election === undefined ? [] : [`electionMs: ${values.election}ms`];
for (const mode of modes.filter((one) => values.mode === 'all' || values.mode === one)) {
  const { times, calm } = await measure(mode, Number(values.rounds), flags);
  const figures = summary(times);
  const before = calm.length === 0 ? null : summary(calm);
  if (values.json) process.stdout.write(`${JSON.stringify({ mode, ...figures, times, calm: before })}\n`);
  else {
    const list = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(`${mode}: ${list.join(', ')}\n  each: ${times.map((ms) => Math.round(ms)).join(' ')}\n`);
    if (before !== null) process.stdout.write(`  calm: ${JSON.stringify(before)}\n`);
  }
}
