import type { Log } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import type { SimRandom } from '@lockstep/testkit';

import { Ledger } from '../harness/ledger.ts';
import { Nemesis } from './faults.ts';
import { Invariants, InvariantViolation } from './invariants.ts';
import { SimClient } from './sim-client.ts';
import { SimCluster } from './sim-cluster.ts';
import type { ClusterMutation } from './sim-cluster.ts';
import { ConsumerScript, ProducerScript } from './sim-workload.ts';

export interface SeedOptions {
  readonly seed: number;
  readonly mutation?: ClusterMutation;
  /** Where the nodes tell their story; silent when left out. */
  readonly log?: (node: string, nowMs: () => number) => Log;
}

/** How a run went. `violation` is null when every invariant held. */
export interface SeedReport {
  readonly seed: number;
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

const names = ['n1', 'n2', 'n3'];
const destination = '/queue/simulated';
/** After the last fault everything must have come right within this, in simulated time. */
const convergeMs = 60_000;
const deepCheckEvery = 250;

/** Runs a three-node logical broker with clients and faults, all drawn from one seed, and checks it after every step. */
export async function runSeed({ seed, mutation = {}, log }: SeedOptions): Promise<SeedReport> {
  const world = new SimWorld(seed);
  const { simulation } = world;
  const random = simulation.random.fork('scenario');
  const cluster = new SimCluster(
    world,
    names,
    mutation,
    log === undefined ? null : (name) => log(name, () => simulation.nowMs),
  );
  const invariants = new Invariants();
  const ledger = new Ledger();
  let nemesis: Nemesis | null = null;
  let violation: SeedReport['violation'] = null;
  try {
    for (const node of cluster.nodes)
      simulation.schedule(random.between(0, 300), 'start', null, () => cluster.start(node));
    const workload = makeWorkload(cluster, random, ledger);
    const step = stepper(cluster, invariants);
    await step(
      () => workload.producers.some(({ done }) => done) || ledger.receipts > 5,
      convergeMs,
      () => 'no receipts',
    );
    nemesis = new Nemesis(cluster, random.fork('faults'));
    const end = simulation.nowMs + random.between(3000, 12_000);
    await step(
      () => simulation.nowMs >= end,
      Infinity,
      () => 'the faults go on',
    );
    nemesis.stop();
    for (const consumer of workload.consumers) consumer.calm = true;
    await step(
      () => missing(cluster, workload, ledger) === null,
      convergeMs,
      () => missing(cluster, workload, ledger) ?? '',
    );
    invariants.checkDeeply(cluster.views);
    judge(ledger, workload);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const invariant = error instanceof InvariantViolation ? error.invariant : error.name;
    violation = {
      invariant,
      detail: error instanceof InvariantViolation ? error.message : (error.stack ?? error.message),
    };
  }
  return {
    seed,
    violation,
    trace: simulation.traceHash,
    simulatedMs: Math.round(simulation.nowMs),
    events: simulation.eventCount,
    receipts: ledger.receipts,
    deliveries: ledger.deliveries,
    faults: Object.fromEntries(nemesis?.happened ?? []),
    seen: invariants.seen,
  };
}

interface Workload {
  readonly producers: readonly ProducerScript[];
  readonly consumers: readonly ConsumerScript[];
}

function makeWorkload(cluster: SimCluster, random: SimRandom, ledger: Ledger): Workload {
  const clients = cluster.world.host('clients').start();
  const producers = ['p1', 'p2', 'p3'].slice(0, 1 + random.below(3)).map((name) => {
    const script = new ProducerScript({
      name,
      destination,
      ledger,
      random: random.fork(name),
      window: random.pick([1, 5, 20]),
      messages: 50 + random.below(400),
    });
    new SimClient(name, clients, cluster.addresses, script);
    return script;
  });
  const consumers = ['c1', 'c2', 'c3'].slice(0, 1 + random.below(3)).map((name) => {
    const script = new ConsumerScript({
      name,
      destination,
      ledger,
      random: random.fork(name),
      ackMode: random.pick(['client', 'client-individual']),
      prefetch: random.pick([1, 10, 100]),
    });
    new SimClient(name, clients, cluster.addresses, script);
    return script;
  });
  return { producers, consumers };
}

/** Steps the world until something has come about, with every invariant checked after every step. */
function stepper(
  cluster: SimCluster,
  invariants: Invariants,
): (goal: () => boolean, withinMs: number, what: () => string) => Promise<void> {
  const { simulation } = cluster.world;
  let steps = 0;
  return async (goal, withinMs, what) => {
    const end = simulation.nowMs + withinMs;
    while (!goal()) {
      if (!(await simulation.step()))
        throw new InvariantViolation('liveness', `nothing happens any more; wanted: ${what()}`);
      if (simulation.nowMs > end) throw new InvariantViolation('liveness', `waited ${withinMs} ms in vain: ${what()}`);
      if (cluster.failure !== null) throw cluster.failure;
      invariants.check(cluster.views);
      if (++steps % deepCheckEvery === 0) invariants.checkDeeply(cluster.views);
    }
  };
}

/** What is not yet as it must be in the end: all nodes up and equal, everything receipted, delivered and acknowledged. */
function missing(cluster: SimCluster, workload: Workload, ledger: Ledger): string | null {
  if (!workload.producers.every(({ done }) => done)) return 'a producer still waits for receipts';
  if (!ledger.complete) return 'something receipted has not been delivered';
  const positions = new Set<number>();
  for (const { name, node } of cluster.nodes) {
    if (node === null) return `node ${name} is not up`;
    const [queue] = node.queues().filter(({ depth }) => depth > 0);
    if (queue !== undefined) return `node ${name} still has ${queue.depth} messages in ${queue.name}`;
    positions.add(node.applied);
  }
  return positions.size === 1 ? null : `the nodes stand at positions ${[...positions].join(', ')}`;
}

function judge(ledger: Ledger, workload: Workload): void {
  const { lost, phantoms, unmarkedRepeats, disorder } = ledger.verdict();
  if (lost.length > 0) throw new InvariantViolation('no lost acknowledged message', lost.join(' '));
  if (phantoms.length > 0) throw new InvariantViolation('no phantom', phantoms.join(' '));
  if (unmarkedRepeats.length > 0) throw new InvariantViolation('repeats are marked', unmarkedRepeats.join(' '));
  if (disorder.length > 0) throw new InvariantViolation('order of each producer', disorder.join('; '));
  const errors = [...workload.producers, ...workload.consumers].flatMap((script) => script.errors);
  if (errors.length > 0) throw new InvariantViolation('no ERROR without a cause', errors.join('; '));
}
