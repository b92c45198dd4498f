import type { SimRandom } from '@lockstep/testkit';

import type { SimCluster, SimNode } from '../sim-cluster.ts';
import type { DamageBudget } from './damage-budget.ts';

/** What a fault has to work with. */
export interface Stage {
  readonly cluster: SimCluster;
  readonly random: SimRandom;
  readonly budget: DamageBudget;
}

/** Begins at once, and says how it is ended. Null: it could not be done just now. */
export type Fault = (stage: Stage) => (() => void) | null;

export type Faults = Readonly<Record<string, Fault>>;

export const running = ({ nodes }: SimCluster): SimNode[] =>
  nodes.filter(({ process }) => process?.state === 'running');

export function others(cluster: SimCluster, member: SimNode): SimNode[] {
  return cluster.nodes.filter((other) => other !== member);
}

/** A running member, and the leader more often than another; null when none runs. */
export function leaderOr({ cluster, random }: Stage): SimNode | null {
  const candidates = running(cluster);
  if (candidates.length === 0) return null;
  const { leader } = cluster;
  return leader?.process?.state === 'running' && random.chance(0.6) ? leader : random.pick(candidates);
}

export function shuffled(nodes: readonly SimNode[], random: SimRandom): SimNode[] {
  const left = [...nodes];
  return nodes.flatMap(() => left.splice(random.below(left.length), 1));
}
