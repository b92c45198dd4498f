import type { SimRandom } from '@lockstep/testkit';

import type { SimCluster, SimNode } from '../sim-cluster.ts';
import { shuffled } from './fault.ts';
import type { Stage } from './fault.ts';

/** So long some are away, at least and at most. */
const awayMs: readonly [number, number] = [200, 1500];

/**
 * A witness alone keeps what was acknowledged: some data members are away, so that the leader commits with the witness and as few others as
 * can be; then these die, or lose their disks, and those who were away come back. Only the witness can win, and it has to bring another up to date.
 */
export class LoneWitness {
  readonly #stage: Stage;
  readonly #away: readonly SimNode[];
  readonly #dying: readonly SimNode[];
  #over = false;

  private constructor(stage: Stage, away: readonly SimNode[], dying: readonly SimNode[]) {
    this.#stage = stage;
    this.#away = away;
    this.#dying = dying;
    this.#leave();
    const { cluster, random } = stage;
    cluster.world.simulation.schedule(random.between(...awayMs), 'fault', null, () => {
      if (!this.#over) this.#exchange();
    });
  }

  /** Null when the cluster is not as it is needed: a leader, an odd number of voters, one of them a witness, all up. Else how to end it. */
  static begin(stage: Stage): (() => void) | null {
    const { cluster, random } = stage;
    const { configuration, leader } = cluster;
    if (configuration === null || leader === undefined || configuration.votersOutgoing.length > 0) return null;
    const voters = cluster.nodes.filter(({ name }) => configuration.voters.some((id) => id === name));
    const slaves = voters.filter((one) => !one.witness && one !== leader);
    const isFit = voters.length % 2 === 1 && slaves.length === voters.length - 2;
    if (!isFit || voters.length < 3 || voters.some(({ process }) => process?.state !== 'running')) return null;
    const majority = (voters.length + 1) / 2;
    const drawn = shuffled(slaves, random);
    const play = new LoneWitness(stage, drawn.slice(majority - 2), [leader, ...drawn.slice(0, majority - 2)]);
    return () => play.#end();
  }

  #leave(): void {
    const { cluster, random } = this.#stage;
    for (const member of this.#away) {
      if (random.chance(0.5)) cluster.kill(member);
      else this.#cutOff(cluster, member);
    }
  }

  #cutOff(cluster: SimCluster, member: SimNode): void {
    for (const other of cluster.nodes) if (other !== member) cluster.world.wires.cut(member.name, other.name);
  }

  #exchange(): void {
    for (const member of this.#dying) this.#die(member, this.#stage.random);
    this.#comeBack();
  }

  #die(member: SimNode, random: SimRandom): void {
    const { cluster, budget } = this.#stage;
    const how = random.pick(['kill', 'crash', 'wipe']);
    if (how === 'crash') {
      cluster.crash(member, random.chance(0.5));
      return;
    }
    const wiped = how === 'wipe' && budget.allows(member);
    cluster.kill(member);
    if (!wiped) return;
    cluster.wipe(member);
    budget.damaged(member);
  }

  #comeBack(): void {
    const { cluster } = this.#stage;
    for (const member of this.#away) {
      cluster.start(member);
      for (const other of cluster.nodes) if (other !== member) cluster.world.wires.heal(member.name, other.name);
    }
  }

  #end(): void {
    this.#over = true;
    this.#comeBack();
    for (const member of this.#dying) this.#stage.cluster.start(member);
  }
}
