import type { SimRandom } from '@lockstep/testkit';

/** How small things are kept: the smaller, the more often what is rare in production. */
export interface Sizes {
  readonly segmentBytes: number;
  readonly snapshotBytes: number;
  readonly appendBytesMax: number;
  readonly inflightAppendsMax: number;
  readonly tailBytesMax: number;
  /** From one round of the scrubber to the next. */
  readonly scrubPauseMs: number;
}

/** How long a node is waited for. */
export interface Patience {
  readonly leaseMs: number;
  readonly masterWaitMs: number;
}

/** What the clients of one run do. */
export interface Load {
  readonly producers: number;
  readonly consumers: number;
  /** Each producer has so many messages to send, unless the faults end first. */
  readonly messages: number;
  /** It waits this long on average before it sends more; 0: not at all, and the nodes have all they can do. */
  readonly paceMs: number;
  /** What bodies are filled up with, in bytes; one is drawn for each. */
  readonly fills: readonly number[];
  /** A queue whose consumer acknowledges nothing by itself. */
  readonly automatic: boolean;
  /** Clients with nodes of their own, which hold messages and keep transactions open. */
  readonly sessions: boolean;
  /** Between two messages on a topic; null: nobody publishes. */
  readonly topicMs: number | null;
}

/** One run as its seed draws it, faults aside. */
export interface Scenario {
  /** They found the cluster. */
  readonly nodes: readonly string[];
  /** Machines that may be members later. */
  readonly spares: readonly string[];
  /** Nodes that are of an older version at first: they speak no more than the first format level. */
  readonly old: readonly string[];
  /** Nodes that vote and have no state, whenever they are members. */
  readonly witnesses: readonly string[];
  /** Somebody asks a member for a linearizable read once in so long on average; null: nobody does. */
  readonly readsMs: number | null;
  readonly sizes: Sizes;
  readonly patience: Patience;
  readonly load: Load;
  /** For so long things go wrong. */
  readonly faultsMs: number;
}

export const nodeCounts = [1, 3, 5, 7] as const;
/** Three nodes are what most have, and the cheapest to simulate. */
const drawnCounts = [1, 3, 3, 3, 3, 3, 3, 3, 3, 5, 5, 7] as const;

function drawSizes(random: SimRandom, scrubs: boolean): Sizes {
  return {
    segmentBytes: random.pick([4, 16, 64]) * 1024,
    snapshotBytes: random.pick([6, 24, 96]) * 1024,
    appendBytesMax: random.pick([300, 4000, 1024 * 1024]),
    inflightAppendsMax: random.pick([1, 4, 64]),
    tailBytesMax: random.pick([0, 8 * 1024, 1024 * 1024]),
    scrubPauseMs: scrubs ? 500 : 600_000,
  };
}

function drawPatience(random: SimRandom): Patience {
  return { leaseMs: random.pick([1000, 3000, 10_000]), masterWaitMs: random.pick([3000, 20_000, 20_000]) };
}

function drawLoad(random: SimRandom, nodes: number): Load {
  const fills = random.pick([[0], [0, 0, 200, 3000], [0, 0, 0, 0, 0, 0, 0, 0, 0, 100_000]]);
  const large = fills.includes(100_000);
  const paceMs = random.pick(nodes > 3 ? [60, 150, 400] : [0, 40, 40, 100, 100, 250]);
  return {
    producers: 1 + random.below(3),
    consumers: 1 + random.below(3),
    messages: 50 + random.below(large ? 100 : 400),
    paceMs,
    fills,
    automatic: random.chance(0.4),
    sessions: random.fork('sessions').chance(0.6),
    topicMs: random.pick([40, 250, null, null]),
  };
}

/** With as many founders one may be a witness: a master, a slave and a witness, or three slaves more. */
const countsWithWitness: readonly number[] = [3, 5];
const witnessChance = 0.2;

function drawWitnesses(random: SimRandom, founders: readonly string[]): readonly string[] {
  return countsWithWitness.includes(founders.length) && random.chance(witnessChance) ? [random.pick(founders)] : [];
}

export function drawScenario(random: SimRandom, nodes: number | undefined): Scenario {
  const count = nodes ?? random.pick(drawnCounts);
  const spares = count > 3 ? 0 : random.fork('spares').pick([0, 0, 1, 2]);
  const machines = Array.from({ length: count + spares }, (_, i) => `n${i + 1}`);
  const versions = random.fork('versions');
  const share = versions.pick([0, 0, 0, 0.4, 1]);
  const founders = machines.slice(0, count);
  const witnesses = drawWitnesses(random.fork('founding witness'), founders);
  return {
    nodes: founders,
    spares: machines.slice(count),
    // Who founds a cluster with a witness must know what that is.
    old: machines.filter(() => versions.chance(share) && witnesses.length === 0),
    witnesses,
    readsMs: random.fork('readers').pick([50, 400, null, null, null]),
    sizes: drawSizes(random.fork('sizes'), random.fork('scrubber').chance(0.25)),
    patience: drawPatience(random.fork('patience')),
    load: drawLoad(random.fork('load'), count),
    faultsMs: random.between(4000, 16_000),
  };
}
