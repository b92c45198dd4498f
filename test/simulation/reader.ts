import type { SimRandom } from '@lockstep/testkit';

import { InvariantViolation } from './invariants.ts';
import type { SimCluster, SimNode } from './sim-cluster.ts';

/**
 * Asks some member now and then who the members are: the question that is answered by a linearizable read (thesis §6.4). Whoever confirms that it leads must have
 * applied, by then, all that was committed before the question was asked. One that was stopped for a while is asked at once when it goes on: it may not know yet that it is over.
 */
export class Reader {
  readonly #cluster: SimCluster;
  readonly #random: SimRandom;
  readonly #paceMs: number;
  #closed = false;

  constructor(cluster: SimCluster, random: SimRandom, paceMs: number) {
    this.#cluster = cluster;
    this.#random = random;
    this.#paceMs = paceMs;
    cluster.onResumed = (member) => this.#ask(member);
    this.#next();
  }

  /** Nothing more is asked. */
  close(): void {
    this.#closed = true;
  }

  #next(): void {
    const { simulation } = this.#cluster.world;
    simulation.schedule(this.#random.between(1, 2 * this.#paceMs), 'read', null, () => {
      if (this.#closed) return;
      this.#ask(this.#random.pick(this.#cluster.nodes));
      this.#next();
    });
  }

  #ask(asked: SimNode): void {
    const { nodes, committed, story } = this.#cluster;
    if (this.#closed || asked.node === null || asked.process?.state !== 'running') return;
    const processes = new Map(nodes.map(({ name, process }) => [name, process]));
    void asked.node.log.members.view().then(({ by, confirmed }) => {
      if (!confirmed) {
        story.saw('reads refused');
        return;
      }
      const answering = nodes.find(({ name }) => name === by);
      // One that has died since may have lost again what it had applied.
      if (answering === undefined || answering.node === null || answering.process !== processes.get(by)) return;
      const { appliedIndex } = answering.node.log.status;
      story.saw(answering === asked ? 'reads answered' : 'reads answered by another');
      if (appliedIndex < committed)
        this.#cluster.failure ??= new InvariantViolation(
          'a read covers what was committed before it',
          `${by} has applied ${appliedIndex} when it answers, ${committed} was committed before it was asked`,
        );
    });
  }
}
