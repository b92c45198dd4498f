import type { Log } from '@lockstep/kernel';
import { SimWorld } from '@lockstep/testkit';
import type { SimRandom } from '@lockstep/testkit';

import { Ledger } from '../harness/ledger.ts';
import { Nemesis } from './faults.ts';
import { Invariants, InvariantViolation } from './invariants.ts';
import { SimClient } from './sim-client.ts';
import { drawSizes, SimCluster } from './sim-cluster.ts';
import type { ClusterMutation } from './sim-cluster.ts';
import { TopicListener, TopicTalker } from './sim-topic.ts';
import { ConsumerScript, ProducerScript } from './sim-workload.ts';

export interface SeedOptions {
  readonly seed: number;
  readonly mutation?: ClusterMutation;
  /** Left out: three, and one in some of the seeds. */
  readonly nodes?: 1 | 3;
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
const autoDestination = '/queue/automatic';
/** After the last fault everything must have come right within this, in simulated time. */
const convergeMs = 60_000;
const deepCheckEvery = 250;

/** Runs a logical broker with clients and faults, all drawn from one seed, and checks it after every step. */
export async function runSeed({ seed, mutation = {}, nodes, log }: SeedOptions): Promise<SeedReport> {
  const world = new SimWorld(seed);
  const { simulation } = world;
  const random = simulation.random.fork('scenario');
  const count = random.chance(0.08) ? 1 : 3;
  const cluster = new SimCluster(
    world,
    names.slice(0, nodes ?? count),
    mutation,
    drawSizes(random.fork('sizes')),
    log === undefined ? null : (name) => log(name, () => simulation.nowMs),
  );
  const invariants = new Invariants();
  const ledger = new Ledger();
  let nemesis: Nemesis | null = null;
  let violation: SeedReport['violation'] = null;
  let workload: Workload | null = null;
  try {
    for (const node of cluster.nodes)
      simulation.schedule(random.between(0, 300), 'start', null, () => cluster.start(node));
    const clients = makeWorkload(cluster, random, ledger);
    workload = clients;
    const step = stepper(cluster, invariants);
    await step(
      () => clients.producers.some(({ done }) => done) || ledger.receipts > 5,
      convergeMs,
      () => 'no receipts',
    );
    nemesis = new Nemesis(cluster, random.fork('faults'), mutation.faults);
    const end = simulation.nowMs + random.between(3000, 12_000);
    await step(
      () => simulation.nowMs >= end,
      Infinity,
      () => 'the faults go on',
    );
    nemesis.stop();
    clients.talker.stop();
    for (const consumer of clients.consumers) consumer.calm = true;
    await step(
      () => missing(cluster, clients, ledger) === null,
      convergeMs,
      () => missing(cluster, clients, ledger) ?? '',
    );
    invariants.checkDeeply(cluster.views);
    judge(ledger, clients);
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
    seen: seenIn(cluster, invariants, workload),
  };
}

/** How often the run came to what must be survived; the campaign adds them up. */
function seenIn(
  cluster: SimCluster,
  invariants: Invariants,
  workload: Workload | null,
): Readonly<Record<string, number>> {
  const consumers = workload?.consumers ?? [];
  return {
    ...invariants.seen,
    ...Object.fromEntries(cluster.story.counts),
    'nodes ended by their disk': cluster.endedByDisk,
    redeliveries: consumers.reduce((sum, { redelivered }) => sum + redelivered, 0),
    'dead letters': consumers.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
    'topic messages': workload?.listener.heard ?? 0,
    'acknowledged by themselves': workload?.automatic.deliveries ?? 0,
  };
}

interface Workload {
  readonly producers: readonly ProducerScript[];
  readonly consumers: readonly ConsumerScript[];
  /** The books of the queue whose consumer acknowledges nothing by itself: what it misses is lost rightly. */
  readonly automatic: Ledger;
  readonly talker: TopicTalker;
  readonly listener: TopicListener;
}

function makeWorkload(cluster: SimCluster, random: SimRandom, ledger: Ledger): Workload {
  const clients = cluster.world.host('clients').start();
  const fills = random.pick([[0], [0, 0, 200, 3000], [0, 0, 0, 0, 0, 0, 0, 0, 0, 100_000]]);
  const producers = ['p1', 'p2', 'p3'].slice(0, 1 + random.below(3)).map((name) => {
    const script = new ProducerScript({
      name,
      destination,
      ledger,
      random: random.fork(name),
      window: random.pick([1, 5, 20]),
      messages: 50 + random.below(fills.includes(100_000) ? 100 : 400),
      fills,
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
  const automatic = new Ledger({ lossy: true });
  const common = { destination: autoDestination, ledger: automatic };
  const fork = (name: string): SimRandom => random.fork(name);
  const producer = new ProducerScript({
    ...common,
    name: 'pa',
    random: fork('pa'),
    window: 3,
    messages: 60,
    fills: [0],
  });
  const consumer = new ConsumerScript({ ...common, name: 'ca', random: fork('ca'), ackMode: 'auto', prefetch: 10 });
  const talker = new TopicTalker(clients);
  const listener = new TopicListener(talker);
  const others = { pa: producer, ca: consumer, talker, listener };
  for (const [name, script] of Object.entries(others)) new SimClient(name, clients, cluster.addresses, script);
  return { producers: [...producers, producer], consumers: [...consumers, consumer], automatic, talker, listener };
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
      for (const watcher of [...cluster.watchers]) watcher();
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
  const { lost } = ledger.verdict();
  if (lost.length > 0) throw new InvariantViolation('no lost acknowledged message', lost.join(' '));
  judgeDeliveries(ledger);
  judgeDeliveries(workload.automatic);
  const scripts = [...workload.producers, ...workload.consumers, workload.listener];
  const errors = scripts.flatMap((script) => script.errors);
  if (errors.length > 0) throw new InvariantViolation('no ERROR without a cause', errors.join('; '));
}

function judgeDeliveries(ledger: Ledger): void {
  const { phantoms, unmarkedRepeats, disorder } = ledger.verdict();
  if (phantoms.length > 0) throw new InvariantViolation('no phantom', phantoms.join(' '));
  if (unmarkedRepeats.length > 0) throw new InvariantViolation('repeats are marked', unmarkedRepeats.join(' '));
  if (disorder.length > 0) throw new InvariantViolation('order of each producer', disorder.join('; '));
}
