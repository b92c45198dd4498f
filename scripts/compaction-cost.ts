/**
 * What compaction costs whoever waits for a receipt: one node's log on the real disk, messages at a steady rate with lifetimes drawn at random, so that
 * every segment is soon half dead. Rounds with compaction and without take turns, each on a log of its own; the time from proposing a command to its
 * being applied (written, synced, committed) is what a receipt waits for.
 *
 * usage: pnpm compaction-cost [--directory DIR] [--rate 8000] [--bytes 1024] [--live 20000] [--rounds 3] [--seconds 8]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { NodeClock, NodeDisk, NodeNetwork, NodeRandom } from '@lockstep/broker';
import { silentLog } from '@lockstep/kernel';
import type { JournalPosition, NodeId } from '@lockstep/kernel';
import { ReplicatedLog } from '@lockstep/raft-log';
import type { CommittedCommand, LiveRecords, SnapshotRestore, StateMachine } from '@lockstep/raft-log';
import * as hdr from 'hdr-histogram-js';

const segmentBytes = 4 * 1024 * 1024;
const compactionBytesPerSecond = 16 * 1024 * 1024;
/** Messages are proposed so often, all that are due together. */
const beatMs = 2;

interface Plan {
  readonly rate: number;
  readonly bytes: number;
  readonly live: number;
  readonly seconds: number;
}

/** Keeps about so many messages, and lets go of one drawn at random for each further one. */
class Lifetimes implements StateMachine {
  readonly #livingMax: number;
  readonly #live: JournalPosition[] = [];
  readonly #applied: (position: number) => void;

  constructor(livingMax: number, applied: (position: number) => void) {
    this.#livingMax = livingMax;
    this.#applied = applied;
  }

  apply(commands: readonly CommittedCommand[], records: LiveRecords): void {
    for (const { position } of commands) {
      records.retain(position);
      this.#live.push(position);
      if (this.#live.length > this.#livingMax) {
        const drawn = Math.floor(Math.random() * this.#live.length);
        records.release(this.#live[drawn]!);
        this.#live[drawn] = this.#live.at(-1)!;
        this.#live.pop();
      }
      this.#applied(position);
    }
  }

  *snapshot(): Iterable<Uint8Array> {
    const positions = Float64Array.from(this.#live);
    for (let at = 0; at < positions.length; at += 8192) yield new Uint8Array(positions.slice(at, at + 8192).buffer);
  }

  restore(): SnapshotRestore {
    throw new Error('each round has a log of its own');
  }

  leadershipChanged(): void {}
}

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly steps: number;
}

async function round(directory: string, plan: Plan, compaction: boolean): Promise<Round> {
  mkdirSync(directory);
  const latencies = hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
  const proposedAtMs = new Map<number, number>();
  let measuring = false;
  let steps = 0;
  const machine = new Lifetimes(plan.live, (position) => {
    const since = proposedAtMs.get(position);
    proposedAtMs.delete(position);
    if (measuring && since !== undefined) latencies.recordValue(Math.round((performance.now() - since) * 1000));
  });
  const node = 'a' as NodeId;
  const log = await ReplicatedLog.open({
    node,
    broker: 'compaction-cost',
    members: [{ id: node, address: { host: '127.0.0.1', port: 1 } }],
    listen: null,
    secret: null,
    about: '',
    clock: new NodeClock(),
    random: new NodeRandom(),
    disk: new NodeDisk(directory),
    network: new NodeNetwork(),
    log: { ...silentLog, debug: (text) => void (steps += text === 'compacted' ? 1 : 0) },
    machine,
    settings: {
      segmentBytes,
      snapshotBytes: segmentBytes,
      tailBytesMax: segmentBytes,
      compactionBytesPerSecond: compaction ? compactionBytesPerSecond : 0,
    },
  });
  while (!log.leading) await pause(beatMs);
  const body = new Uint8Array(plan.bytes).fill(120);
  // First the live ones, as fast as they are taken; then at the rate, a while unmeasured.
  for (let sent = 0; sent < plan.live;) {
    if (proposedAtMs.size < 2000) sent += propose(log, body, 1000, proposedAtMs);
    await pause(beatMs);
  }
  const begun = performance.now();
  const unmeasuredMs = (plan.seconds * 1000) / 2;
  for (let sent = 0, now = begun; now - begun < plan.seconds * 1000 + unmeasuredMs; now = performance.now()) {
    measuring ||= now - begun > unmeasuredMs;
    const due = Math.floor(((now - begun) / 1000) * plan.rate) - sent;
    if (due > 0) sent += propose(log, body, due, proposedAtMs);
    await pause(beatMs);
  }
  await log.close();
  rmSync(directory, { recursive: true });
  return {
    p50Ms: latencies.getValueAtPercentile(50) / 1000,
    p99Ms: latencies.getValueAtPercentile(99) / 1000,
    steps,
  };
}

/** How many were taken. */
function propose(log: ReplicatedLog, body: Uint8Array, count: number, proposedAtMs: Map<number, number>): number {
  const first = log.propose(Array.from({ length: count }, () => body));
  if (typeof first !== 'number') return 0;
  const now = performance.now();
  for (let i = 0; i < count; i++) proposedAtMs.set(first + i, now);
  return count;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: tmpdir() },
    rate: { type: 'string', default: '8000' },
    bytes: { type: 'string', default: '1024' },
    live: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
  },
});
const plan = {
  rate: Number(values.rate),
  bytes: Number(values.bytes),
  live: Number(values.live),
  seconds: Number(values.seconds),
};
const directory = mkdtempSync(join(values.directory, 'lockstep-compaction-'));
const results = { without: [] as Round[], with: [] as Round[] };
for (let i = 0; i < Number(values.rounds); i++) {
  for (const mode of ['without', 'with'] as const) {
    const result = await round(join(directory, `${mode}-${i}`), plan, mode === 'with');
    results[mode].push(result);
    const { p50Ms, p99Ms, steps } = result;
    console.log(
      `${mode.padEnd(7)} compaction: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${steps} steps of it`,
    );
  }
}
rmSync(directory, { recursive: true });
const [before, after] = [results.without, results.with].map((rounds) => median(rounds.map(({ p99Ms }) => p99Ms)));
console.log(
  `p99 of a receipt at ${plan.rate} messages of ${plan.bytes} bytes a second, ${plan.live} live: ` +
    `${before!.toFixed(2)} ms without compaction, ${after!.toFixed(2)} ms with it, ${(after! / before!).toFixed(2)} times`,
);
