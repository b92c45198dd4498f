import { configurationOf } from '../../src/node/index.ts';
import type { Configuration } from '../../src/node/index.ts';
import type { NodeId } from '@lockstep/kernel';
import type { SimRandom } from '@lockstep/testkit';

/** Who there is in a run, and what may happen to them. Each seed has its own mixture. */
export interface World {
  /** Everybody who is or may become a member. */
  readonly ids: readonly NodeId[];
  readonly founding: Configuration;
  /** Those that are witnesses whenever they are members. */
  readonly witnesses: readonly NodeId[];
  readonly loss: number;
  readonly duplication: number;
  readonly wiping: boolean;
  /** Not only who serves is proposed to. */
  readonly hasty: boolean;
  /** How much more often than in fair weather leaders are lost. */
  readonly storm: number;
  /** So many messages arrive at a time. */
  readonly arrivalsMax: number;
  /** A disk takes up to that many batches at a time. */
  readonly writesMax: number;
  /** How often who is a member changes, per thousand steps. */
  readonly changes: number;
}

export function drawWorld(random: SimRandom, size: number): World {
  const faults = {
    loss: random.pick([0, 0.02, 0.2]),
    duplication: random.pick([0, 0.05, 0.2]),
    wiping: random.chance(0.4),
    hasty: random.chance(0.3),
    storm: random.pick([0, 4, 15]),
  };
  const writesMax = random.pick([3, 8, 16]);
  const arrivalsMax = random.pick([1, 4, 4]);
  const changes = random.pick([0, 5, 20]);
  const founders = (['a', 'b', 'c', 'd', 'e', 'i', 'j'] as NodeId[]).slice(0, size);
  const spares = (changes > 0 ? ['f', 'g', 'h', 'w'] : []) as NodeId[];
  const withWitness = size >= 3 && random.chance(0.4);
  const witnesses = [...(withWitness ? founders.slice(-1) : []), ...spares.slice(-1)];
  const founding = { ...configurationOf(founders), witnesses: withWitness ? founders.slice(-1) : [] };
  return { ...faults, arrivalsMax, writesMax, changes, ids: [...founders, ...spares], founding, witnesses };
}
