import type { RaftNode } from '@lockstep/raft-log';
import type { SimRandom } from '@lockstep/testkit';

import type { SimCluster, SimNode } from './sim-cluster.ts';

/** Chances of each message that comes in. */
export interface Straying {
  /** It comes once more, later. */
  readonly twice: number;
  /** It comes later, and others before it. */
  readonly late: number;
}

const latestMs = 80;

/**
 * Messages of the members to each other that come twice, or behind others that were sent after them. Between two processes TCP lets neither happen;
 * but the protocol is to bear both (Raft §5: RPCs are idempotent and may come in any order), and a transport of another kind might do it. What strays never outlives the
 * process that sent it, as nothing does that is on its way in a connection.
 */
export class StrayMessages {
  readonly #cluster: SimCluster;
  readonly #straying = new Map<SimNode, { readonly chances: Straying; readonly random: SimRandom }>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** Of what comes to that member, from now on. Returns how to end it. */
  begin(member: SimNode, chances: Straying, random: SimRandom): () => void {
    this.#straying.set(member, { chances, random });
    return () => void this.#straying.delete(member);
  }

  /** The same node, with what comes to it led astray. */
  deliver(member: SimNode, raft: RaftNode): RaftNode {
    const step = raft.step.bind(raft);
    raft.step = (input) => {
      const straying = input.type === 'receive' ? this.#straying.get(member) : undefined;
      if (input.type !== 'receive' || straying === undefined) {
        step(input);
        return;
      }
      const { chances, random } = straying;
      const late = random.chance(chances.late);
      if (!late) step(input);
      if (!late && !random.chance(chances.twice)) return;
      this.#cluster.story.saw(late ? 'messages out of order' : 'messages that came twice');
      this.#later(member, input.message.from, random.between(0.1, latestMs), () => step(input));
    };
    return raft;
  }

  #later(member: SimNode, from: string, delayMs: number, act: () => void): void {
    const { process } = member;
    const sender = this.#cluster.nodes.find(({ name }) => name === from);
    const sent = sender?.process;
    this.#cluster.world.simulation.schedule(delayMs, 'stray', null, () => {
      if (member.process === process && process?.state === 'running' && sender?.process === sent) act();
    });
  }
}
