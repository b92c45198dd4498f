import type { Log } from '@lockstep/kernel';
import { isJoint } from '@lockstep/raft-log';
import { SimWorld } from '@lockstep/testkit';

import type { Ledger } from '../harness/ledger.ts';
import { Nemesis } from './faults/nemesis.ts';
import { Invariants, InvariantViolation } from './invariants.ts';
import { Reader } from './reader.ts';
import { drawScenario } from './scenario.ts';
import type { nodeCounts } from './scenario.ts';
import { SimCluster } from './sim-cluster.ts';
import type { ClusterMutation } from './sim-cluster.ts';
import { watchWitnesses } from './witness-watch.ts';
import { Workload } from './workload.ts';

export interface SeedOptions {
  readonly seed: number;
  readonly mutation?: ClusterMutation;
  /** Left out: drawn. */
  readonly nodes?: (typeof nodeCounts)[number];
  /** Where the nodes tell their story; silent when left out. */
  readonly log?: (node: string, nowMs: () => number) => Log;
}

/** How a run went. `violation` is null when every invariant held. */
export interface SeedReport {
  readonly seed: number;
  readonly nodes: number;
  readonly violation: { readonly invariant: string; readonly detail: string } | null;
  /** Equal for equal runs. */
  readonly trace: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly receipts: number;
  readonly deliveries: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly seen: Readonly<Record<string, number>>;
}

/** After the last fault everything must have come right within this, in simulated time. */
const convergeMs = 60_000;
const deepCheckEvery = 1000;
/** How often it is asked whether a run has come to where it should, in simulated time. */
const lookMs = 10;

/** Runs a logical broker with clients and faults, all drawn from one seed, and checks it after every step. */
export async function runSeed({ seed, mutation = {}, nodes, log }: SeedOptions): Promise<SeedReport> {
  const world = new SimWorld(seed);
  const { simulation } = world;
  const random = simulation.random.fork('scenario');
  const scenario = drawScenario(random, nodes);
  const nodeLog = log === undefined ? null : (name: string): Log => log(name, () => simulation.nowMs);
  const cluster = new SimCluster(world, scenario, mutation, nodeLog);
  const invariants = new Invariants();
  for (const node of cluster.nodes.slice(0, scenario.nodes.length))
    simulation.schedule(random.between(0, 300), 'start', null, () => cluster.start(node));
  const workload = new Workload(cluster, scenario.load, random);
  const { ledger } = workload;
  if (scenario.witnesses.length > 0) watchWitnesses(cluster);
  const reader = scenario.readsMs === null ? null : new Reader(cluster, random.fork('reader'), scenario.readsMs);
  let nemesis: Nemesis | null = null;
  let violation: SeedReport['violation'] = null;
  try {
    const step = stepper(cluster, invariants);
    await step(() => (ledger.receipts > 5 ? null : 'no receipts'), convergeMs);
    nemesis = new Nemesis(cluster, random.fork('faults'), mutation.faults);
    const end = simulation.nowMs + scenario.faultsMs;
    await step(() => (simulation.nowMs >= end ? null : 'the faults go on'), Infinity);
    nemesis.stop();
    // What an older program lacks of the newer ones' format may keep it from catching up.
    cluster.upgradeAll();
    workload.close();
    reader?.close();
    cluster.underLoad = false;
    await step(() => workload.missing ?? unequal(cluster), convergeMs);
    invariants.checkDeeply(cluster.views);
    judge(workload, nemesis.happened.has('fullDisk'));
  } catch (error) {
    violation = violationOf(error);
  }
  return {
    seed,
    nodes: scenario.nodes.length,
    violation,
    trace: simulation.traceHash,
    simulatedMs: Math.round(simulation.nowMs),
    events: simulation.eventCount,
    receipts: ledger.receipts,
    deliveries: ledger.deliveries,
    faults: Object.fromEntries(nemesis?.happened ?? []),
    seen: {
      ...invariants.seen,
      ...Object.fromEntries(cluster.story.counts),
      ...cluster.sessions.counts,
      ...workload.seen,
    },
  };
}

function violationOf(error: unknown): SeedReport['violation'] {
  if (error instanceof InvariantViolation) return { invariant: error.invariant, detail: error.message };
  if (error instanceof Error && error.name === 'CorruptionError')
    return { invariant: 'what a crash leaves is no corruption', detail: error.message };
  // An assertion says what should hold.
  if (error instanceof Error && error.name === 'AssertionError')
    return { invariant: error.message, detail: error.stack ?? error.message };
  if (error instanceof Error) return { invariant: error.name, detail: error.stack ?? error.message };
  throw error;
}

/** Steps the world until nothing is missing any more, with every invariant checked after every step. */
function stepper(
  cluster: SimCluster,
  invariants: Invariants,
): (missing: () => string | null, withinMs: number) => Promise<void> {
  const { simulation } = cluster.world;
  let steps = 0;
  let lookAgainMs = 0;
  return async (missing, withinMs) => {
    const end = simulation.nowMs + withinMs;
    const done = (): boolean => {
      if (simulation.nowMs < lookAgainMs) return false;
      lookAgainMs = simulation.nowMs + lookMs;
      const wanted = missing();
      if (wanted === null) return true;
      if (simulation.nowMs > end) throw new InvariantViolation('liveness', `waited ${withinMs} ms in vain: ${wanted}`);
      return false;
    };
    if (done()) return;
    // What has been done since the last step may show in any of them.
    let mayShowAnywhere = true;
    const stepped = (): boolean => {
      if (cluster.failure !== null) throw cluster.failure;
      if (cluster.watchers.size > 0) for (const watcher of cluster.watchers) watcher();
      const { stepOwner } = simulation;
      if (mayShowAnywhere || stepOwner === null || !invariants.isQuiet(cluster.viewOf(stepOwner)))
        invariants.check(cluster.views, simulation.nowMs);
      mayShowAnywhere = false;
      if (++steps % deepCheckEvery === 0) invariants.checkDeeply(cluster.views);
      return done();
    };
    if (!(await simulation.runSteps(stepped)))
      throw new InvariantViolation('liveness', `nothing happens any more; wanted: ${missing() ?? 'nothing'}`);
  };
}

/** What keeps the members from being up, empty and equal. Who was removed does not count; who was added must be up. */
function unequal(cluster: SimCluster): string | null {
  const { configuration, members } = cluster;
  if (configuration === null) return 'nobody leads';
  if (isJoint(configuration) || configuration.votersNext.length > 0) return 'a change of membership is not over';
  const positions = new Set<number>();
  for (const member of cluster.nodes) {
    const { name, node, witness } = member;
    if (!members.some((id) => id === name)) continue;
    cluster.start(member);
    if (node === null) return `node ${name} is not up`;
    const [queue] = node.queues().filter(({ depth }) => depth > 0);
    if (queue !== undefined) return `node ${name} still has ${queue.depth} messages in ${queue.name}`;
    if (!witness) positions.add(node.applied);
    else if (member.view?.raft.commitIndex !== cluster.committed) return `witness ${name} has not heard all`;
  }
  return positions.size === 1 ? null : `the nodes stand at positions ${[...positions].join(', ')}`;
}

/** What a producer is told while its master's disk is full. */
const fullDiskError = /: the disk is (full|more than 90 % full); try again later$/;

function judge({ ledger, automatic, errors, again }: Workload, diskWasFull: boolean): void {
  const { lost } = ledger.verdict();
  if (lost.length > 0) throw new InvariantViolation('no lost acknowledged message', lost.join(' '));
  judgeDeliveries(ledger);
  judgeDeliveries(automatic);
  if (again.length > 0)
    throw new InvariantViolation('an acknowledgement that got its receipt counts', again.join('; '));
  const uncaused = errors.filter((error) => !diskWasFull || !fullDiskError.test(error));
  if (uncaused.length > 0) throw new InvariantViolation('no ERROR without a cause', uncaused.join('; '));
}

function judgeDeliveries(ledger: Ledger): void {
  const { phantoms, unmarkedRepeats, disorder } = ledger.verdict();
  if (phantoms.length > 0) throw new InvariantViolation('no phantom', phantoms.join(' '));
  if (unmarkedRepeats.length > 0) throw new InvariantViolation('repeats are marked', unmarkedRepeats.join(' '));
  if (disorder.length > 0) throw new InvariantViolation('order of each producer', disorder.join('; '));
}
