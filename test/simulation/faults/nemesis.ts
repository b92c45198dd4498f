import type { SimRandom } from '@lockstep/testkit';

import { isExchanging } from '../sim-cluster.ts';
import type { SimCluster, SimNode } from '../sim-cluster.ts';
import { DamageBudget } from './damage-budget.ts';
import { diskFaults, storedFaults } from './disk-faults.ts';
import { running } from './fault.ts';
import type { Faults } from './fault.ts';
import { FigureEight } from './figure-eight.ts';
import { LoneWitness } from './lone-witness.ts';
import { membershipFaults } from './membership-faults.ts';
import { networkFaults, protocolFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';

const usual: Faults = { ...processFaults, ...networkFaults, ...diskFaults, ...membershipFaults };
/** Drawn apart from those that came before, so that the mixes of seeds that are known by number stay as they were. */
const drawnApart: Faults = { ...protocolFaults, ...storedFaults };
const faults: Faults = { ...usual, ...drawnApart };
/** That there are any of these, and of each of them then. */
const drawnApartChances: readonly [number, number] = [0.3, 0.7];
/** Drawn apart from the mix: a play of several acts, which needs its time. */
const figureEightChance = 0.2;
const figureEightMs = 6000;
/** Where there is a witness. */
const loneWitnessChance = 0.6;
const loneWitnessMs = 5000;
const changeOfMembersChance = 0.4;
const crashesWhileJointChance = 0.5;
/** A joint configuration lasts so long, when nothing is in the way: two entries have to come to other disks, one after the other. */
const jointMs = [1, 4, 12] as const;

function drawApart(random: SimRandom): readonly string[] {
  const [any, each] = drawnApartChances;
  return random.chance(any) ? Object.keys(drawnApart).filter(() => random.chance(each)) : [];
}

/**
 * What goes wrong in one run, drawn from its seed: each run has its own mix, pace and lengths, so that some are busy with one kind of
 * fault and others quiet.
 */
export class Nemesis {
  readonly #cluster: SimCluster;
  readonly #random: SimRandom;
  readonly #mix: readonly string[];
  readonly #paceMs: number;
  readonly #budget: DamageBudget;
  readonly #ends = new Set<() => void>();
  readonly happened: Map<string, number> = new Map();
  #over = false;

  constructor(cluster: SimCluster, random: SimRandom, only: readonly string[] | undefined) {
    this.#cluster = cluster;
    this.#random = random;
    this.#budget = new DamageBudget(cluster);
    const share = random.pick([0.15, 0.35, 0.6]);
    const drawn = Object.keys(usual).filter(() => random.chance(share));
    this.#mix = only ?? [...drawn, ...drawApart(random.fork('drawn apart'))];
    this.#paceMs = random.pick([200, 500, 1200]);
    if (random.chance(0.5)) cluster.onSnapshotOffered = (member) => this.#killWhileInstalling(member);
    const plays = only?.includes('figureEight') ?? random.fork('figure eight').chance(figureEightChance);
    if (plays) this.#figureEight();
    if (only === undefined) this.#beginPlays();
    this.#next();
  }

  #beginPlays(): void {
    const [cluster, random] = [this.#cluster, this.#random];
    if (random.fork('crashes while joint').chance(crashesWhileJointChance)) {
      cluster.onJoint = (member) => {
        // Once for each joint configuration: who leads takes it up first.
        if (member === cluster.leader) this.#crashWhileJoint();
      };
    }
    if (random.fork('change of members').chance(changeOfMembersChance)) this.#changeMembers();
    const hasWitness = cluster.nodes.some(({ witness }) => witness);
    if (hasWitness && random.fork('lone witness').chance(loneWitnessChance)) this.#loneWitness();
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
      this.#budget.look();
      if (this.#mix.length > 0) this.#strike(this.#random.pick(this.#mix));
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

  /** One for whom the change is not over dies, the leader or another, while each decision needs two majorities. */
  #crashWhileJoint(): void {
    const [cluster, random] = [this.#cluster, this.#random];
    cluster.world.simulation.schedule(random.between(0, random.pick(jointMs)), 'fault', null, () => {
      const able = this.#over ? [] : running(cluster).filter(isExchanging);
      if (able.length === 0) return;
      const { leader } = cluster;
      const member = leader !== undefined && able.includes(leader) && random.chance(0.6) ? leader : random.pick(able);
      this.#begun('crashWhileJoint', () => cluster.start(member));
      if (random.chance(0.5)) cluster.kill(member);
      else cluster.crash(member, random.chance(0.5));
    });
  }

  /** A change as any other; but here one is tried for until it begins. */
  #changeMembers(): void {
    const random = this.#random.fork('change of members');
    const attempt = (): void => {
      this.#cluster.world.simulation.schedule(random.between(200, 2000), 'fault', null, () => {
        const stage = { cluster: this.#cluster, random, budget: this.#budget };
        const end = this.#over ? null : (membershipFaults['changeMembers']?.(stage) ?? null);
        if (end !== null) this.#begun('changeMembers', end);
        else if (!this.#over) attempt();
      });
    };
    attempt();
  }

  #loneWitness(): void {
    const random = this.#random.fork('lone witness');
    const attempt = (): void => {
      this.#cluster.world.simulation.schedule(random.between(200, 2500), 'fault', null, () => {
        const end = this.#over ? null : LoneWitness.begin({ cluster: this.#cluster, random, budget: this.#budget });
        if (end !== null) this.#begun('loneWitness', end, loneWitnessMs);
        else if (!this.#over) attempt();
      });
    };
    attempt();
  }

  #strike(name: string): void {
    const [cluster, random, budget] = [this.#cluster, this.#random, this.#budget];
    const putRight = faults[name]?.({ cluster, random, budget }) ?? null;
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
