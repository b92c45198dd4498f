/**
 * How fast a node with an empty disk catches up with a cluster that holds many live messages and takes load, and what the load feels of it. Three nodes,
 * each a process of its own on this machine; producers and a consumer at the master all the while.
 *
 * usage: pnpm catch-up [--megabytes 2000] [--bytes 1024] [--seconds 10] [--open 100] [--json]
 */
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { ProcessCluster } from '@lockstep/test/harness';
import type { ProcessNode } from '@lockstep/test/harness';

import { nowMs } from './bench/plan.ts';
import { cpuSecondsOf } from './bench/measure.ts';
import { fill } from './bench/queue-load.ts';
import { SteadyLoad } from './bench/steady-load.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '2000' },
    bytes: { type: 'string', default: '1024' },
    seconds: { type: 'string', default: '10' },
    open: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
  },
});
const [megabytes, bodyBytes, seconds] = [Number(values.megabytes), Number(values.bytes), Number(values.seconds)];
const producers = 4;

/** Resolves when the node has the whole state and takes part again. */
async function joined(cluster: ProcessCluster, node: ProcessNode, master: ProcessNode): Promise<void> {
  for (;;) {
    const [own, asSeen] = await Promise.all([cluster.status(node), cluster.status(master)]);
    const member = asSeen?.members.find(({ id }) => id === node.id);
    // Under load it is always a little behind.
    if (own?.role === 'slave' && member !== undefined && member.lagEntries !== null && member.lagEntries < 10_000)
      return;
    await pause(100);
  }
}

function pidOf(node: ProcessNode): number {
  return node.process?.pid ?? 0;
}

/** What the node itself says of the records it fetched. */
async function fetched(node: ProcessNode): Promise<string> {
  const log = await readFile(`${node.data}.log`, 'utf8');
  return /\d+ live records are here: [^"]*/.exec(log.slice(log.lastIndexOf('joins cluster')))?.[0] ?? 'nothing';
}

/** Cores that each process took. */
type Cores = Readonly<Record<string, number>>;

interface Phase {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cores: Cores;
}

/** How the load fares until `until` resolves, and who works how much meanwhile. */
async function phase(
  load: SteadyLoad,
  processes: Readonly<Record<string, number>>,
  until: Promise<unknown>,
): Promise<Phase> {
  const spent = async (): Promise<number[]> => Promise.all(Object.values(processes).map(cpuSecondsOf));
  const [fromMs, before] = [nowMs(), await spent()];
  const figures = await load.figuresWhile(until);
  const seconds = (nowMs() - fromMs) / 1000;
  const after = await spent();
  const cores = Object.keys(processes).map((name, i) => [
    name,
    Math.round((100 * (after[i]! - before[i]!)) / seconds) / 100,
  ]);
  return { ...figures, cores: Object.fromEntries(cores) as Cores };
}

async function run(cluster: ProcessCluster): Promise<Record<string, unknown>> {
  const master = await cluster.settled();
  const messages = Math.floor((megabytes * 1e6) / bodyBytes);
  await fill(cluster, { destination: '/queue/held', bodyBytes }, messages);
  const [victim, other] = cluster.nodes.filter((node) => node !== master) as [ProcessNode, ProcessNode];
  await cluster.kill(victim);
  await rm(victim.data, { recursive: true });
  const window = Math.max(1, Math.round(Number(values.open) / producers));
  const load = new SteadyLoad({
    port: master.stompPort,
    destination: '/queue/load',
    bodyBytes: 256,
    producers,
    window,
  });
  await pause(3000);
  const processes = { load: process.pid, master: pidOf(master), other: pidOf(other) };
  const before = await phase(load, processes, pause(seconds * 1000));
  const beganMs = nowMs();
  cluster.revive(victim);
  const all = { ...processes, empty: pidOf(victim) };
  const during = await phase(load, all, joined(cluster, victim, master));
  const tookMs = nowMs() - beganMs;
  const after = await phase(load, all, pause(seconds * 1000));
  load.stop();
  return {
    megabytes,
    messages,
    bodyBytes,
    seconds: Math.round(tookMs / 100) / 10,
    megabytesPerSecond: Math.round((megabytes * 1000) / tookMs),
    records: await fetched(victim),
    before,
    during,
    after,
    share: Math.round((100 * during.rate) / before.rate) / 100,
    shareOfAfter: Math.round((100 * during.rate) / after.rate) / 100,
  };
}

/** On one machine that does all of it at once, an election would be about the machine. */
const config = 'journal: { hardLimitBytes: 64GiB }\ncluster: { electionMs: 5s }\n';
const cluster = await ProcessCluster.start({ config });
try {
  const figures = await run(cluster);
  process.stdout.write(`${JSON.stringify(figures, null, values.json ? 0 : 2)}\n`);
} finally {
  await cluster.stop();
}
