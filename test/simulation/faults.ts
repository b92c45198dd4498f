import type { SimRandom } from '@lockstep/testkit';

import { FigureEight } from './figure-eight.ts';
import type { SimCluster, SimNode } from './sim-cluster.ts';

/** So long after a wipe another disk may go: what was wiped is a voter again, and durably so. */
const betweenWipesMs = 3000;

/** One fault: begins at once, and says how it is ended. Null: it could not be done just now. */
type Fault = (cluster: SimCluster, random: SimRandom) => (() => void) | null;

const running = (cluster: SimCluster): SimNode[] => cluster.nodes.filter(({ process }) => process?.state === 'running');

function leaderOr(cluster: SimCluster, random: SimRandom): SimNode | null {
  const candidates = running(cluster);
  if (candidates.length === 0) return null;
  const { leader } = cluster;
  return leader?.process?.state === 'running' && random.chance(0.6) ? leader : random.pick(candidates);
}

function others(cluster: SimCluster, member: SimNode): SimNode[] {
  return cluster.nodes.filter((other) => other !== member);
}

/** When the last wiped disk came back; infinite while it has not. */
const wipedAt = new WeakMap<SimCluster, number>();

function shuffled(nodes: readonly SimNode[], random: SimRandom): SimNode[] {
  const left = [...nodes];
  return nodes.flatMap(() => left.splice(random.below(left.length), 1));
}

/** One disk of three: with another member not whole again, entries would be lost rightly. */
function mayWipe(cluster: SimCluster): boolean {
  const { nodes, world } = cluster;
  const whole = nodes.every(
    ({ node, process }) => process?.state === 'running' && node?.log.raft?.status.standing === 'voter',
  );
  return whole && world.simulation.nowMs - (wipedAt.get(cluster) ?? Number.NEGATIVE_INFINITY) >= betweenWipesMs;
}

function wipe(cluster: SimCluster, member: SimNode): void {
  wipedAt.set(cluster, Infinity);
  cluster.kill(member);
  cluster.wipe(member);
}

/** Two commit while the third is cut off; then one of the two loses its disk, the other is cut off, and the third comes back. */
function wipeBesideLaggard(
  cluster: SimCluster,
  random: SimRandom,
  member: SimNode,
  behind: SimNode,
  ahead: SimNode,
): () => void {
  const { simulation, wires } = cluster.world;
  let over = false;
  let wiped = false;
  wires.isolate(behind.name);
  simulation.schedule(random.between(100, 400), 'fault', null, () => {
    if (over || !mayWipe(cluster)) return;
    wiped = true;
    wipe(cluster, member);
    wires.healAll();
    wires.isolate(ahead.name);
    cluster.start(member);
  });
  return () => {
    over = true;
    if (wiped) wipedAt.set(cluster, simulation.nowMs);
    wires.healAll();
  };
}

const faults: Readonly<Record<string, Fault>> = {
  kill(cluster, random) {
    const member = leaderOr(cluster, random);
    if (member === null) return null;
    cluster.kill(member);
    return () => cluster.start(member);
  },
  crash(cluster, random) {
    const member = leaderOr(cluster, random);
    if (member === null) return null;
    cluster.crash(member, random.chance(0.5));
    return () => cluster.start(member);
  },
  wipe(cluster, random) {
    const [member, behind, ahead] = shuffled(cluster.nodes, random);
    if (!mayWipe(cluster) || member === undefined || behind === undefined || ahead === undefined) return null;
    if (random.chance(0.5)) return wipeBesideLaggard(cluster, random, member, behind, ahead);
    wipe(cluster, member);
    return () => {
      wipedAt.set(cluster, cluster.world.simulation.nowMs);
      cluster.start(member);
    };
  },
  diskFault(cluster, random) {
    const member = leaderOr(cluster, random);
    if (member === null) return null;
    const path = random.pick(['journal', 'journal', 'hard-state', 'snapshot']);
    const operation = random.pick(['sync', 'write', 'rename', 'syncDirectory'] as const);
    member.diskFails = true;
    member.host.device.fail({ operation, path });
    return () => {
      member.host.device.clearFaults();
      member.diskFails = false;
      if (member.process === null) cluster.start(member);
    };
  },
  crashAll(cluster, random) {
    const members = running(cluster);
    if (members.length === 0) return null;
    for (const member of members) cluster.crash(member, random.chance(0.5));
    return () => {
      for (const member of members) cluster.start(member);
    };
  },
  pause(cluster, random) {
    const member = leaderOr(cluster, random);
    const process = member?.process;
    if (process === null || process === undefined) return null;
    process.pause();
    return () => process.resume();
  },
  isolate(cluster, random) {
    const member = leaderOr(cluster, random);
    if (member === null) return null;
    const { wires } = cluster.world;
    wires.isolate(member.name);
    return () => wires.healAll();
  },
  cutFromOne(cluster, random) {
    if (cluster.nodes.length === 1) return null;
    const member = random.pick([...cluster.nodes]);
    const other = random.pick(others(cluster, member));
    const { wires } = cluster.world;
    if (random.chance(0.5)) wires.cutOneWay(member.name, other.name);
    else wires.cut(member.name, other.name);
    return () => wires.heal(member.name, other.name);
  },
  breakConnections(cluster, random) {
    const member = random.pick([...cluster.nodes]);
    const other = random.pick([...others(cluster, member).map(({ name }) => name), 'clients']);
    cluster.world.wires.breakConnections(member.name, other);
    return () => {};
  },
  slowLinks(cluster, random) {
    const member = random.pick([...cluster.nodes]);
    const links = others(cluster, member).flatMap((other) => [
      cluster.world.wires.link(member.name, other.name),
      cluster.world.wires.link(other.name, member.name),
    ]);
    for (const link of links) link.latencyMaxMs = random.pick([5, 50, 300]);
    return () => {
      for (const link of links) link.latencyMaxMs = 0.6;
    };
  },
  slowDisk(cluster, random) {
    const member = random.pick([...cluster.nodes]);
    member.host.device.slowness = random.pick([5, 30, 200]);
    return () => {
      member.host.device.slowness = 1;
    };
  },
  clockJump(cluster, random) {
    const member = random.pick([...cluster.nodes]);
    member.host.clock.jump(random.pick([-86_400_000, -5000, 5000, 86_400_000]));
    return () => {};
  },
  transfer(cluster) {
    const { leader } = cluster;
    if (leader?.node === null || leader?.node === undefined) return null;
    void leader.node.log.transferLeadership();
    return () => {};
  },
};

const names = Object.keys(faults);
/** Drawn apart from the mix: a play of several acts, which needs its time. */
const figureEightChance = 0.2;
const figureEightMs = 6000;

/**
 * What goes wrong in one run, drawn from its seed: each run has its own mix, pace and lengths, so that some are busy with one kind of
 * fault and others quiet.
 */
export class Nemesis {
  readonly #cluster: SimCluster;
  readonly #random: SimRandom;
  readonly #mix: readonly string[];
  readonly #paceMs: number;
  readonly #ends = new Set<() => void>();
  readonly happened: Map<string, number> = new Map();
  #over = false;

  constructor(cluster: SimCluster, random: SimRandom, only: readonly string[] | undefined) {
    this.#cluster = cluster;
    this.#random = random;
    const drawn = names.filter(() => random.chance(0.5));
    this.#mix = only ?? drawn;
    this.#paceMs = random.pick([150, 400, 1000]);
    if (random.chance(0.5)) cluster.onSnapshotOffered = (member) => this.#killWhileInstalling(member);
    const plays = only?.includes('figureEight') ?? random.fork('figure eight').chance(figureEightChance);
    if (plays) this.#figureEight();
    this.#next();
  }

  /** Nothing new goes wrong, and what is wrong is put right. */
  stop(): void {
    this.#over = true;
    for (const end of [...this.#ends]) end();
    this.#cluster.world.wires.healAll();
  }

  #next(): void {
    const { simulation } = this.#cluster.world;
    simulation.schedule(this.#random.between(10, 2 * this.#paceMs), 'fault', null, () => {
      if (this.#over) return;
      if (this.#mix.length > 0) this.#strike(this.#random.pick([...this.#mix]));
      this.#next();
    });
  }

  #killWhileInstalling(member: SimNode): void {
    const { simulation } = this.#cluster.world;
    const { process } = member;
    simulation.schedule(this.#random.between(0, 40), 'fault', null, () => {
      if (this.#over || process === null || member.process !== process) return;
      this.#begun('killInstalling', () => this.#cluster.start(member));
      if (this.#random.chance(0.5)) this.#cluster.kill(member);
      else this.#cluster.crash(member, false);
    });
  }

  #figureEight(): void {
    const { simulation } = this.#cluster.world;
    simulation.schedule(this.#random.fork('figure eight').between(200, 1500), 'fault', null, () => {
      const end = this.#over ? null : FigureEight.begin(this.#cluster);
      if (end !== null) this.#begun('figureEight', end, figureEightMs);
    });
  }

  #strike(name: string): void {
    const putRight = faults[name]?.(this.#cluster, this.#random) ?? null;
    if (putRight !== null) this.#begun(name, putRight);
  }

  #begun(name: string, putRight: () => void, forMs: number | null = null): void {
    this.happened.set(name, (this.happened.get(name) ?? 0) + 1);
    const end = (): void => {
      if (this.#ends.delete(end)) putRight();
    };
    this.#ends.add(end);
    const drawnMs = this.#random.pick([20, 200, 800, 2500, 4500]) * this.#random.between(0.5, 1.5);
    this.#cluster.world.simulation.schedule(forMs ?? drawnMs, 'put right', null, end);
  }
}
