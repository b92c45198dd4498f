import type { SimRandom } from '@lockstep/testkit';
import { membersOf } from '../../src/node/index.ts';
import type { Configuration, MembershipChange } from '../../src/node/index.ts';
import type { World } from './world.ts';

/** Something that an operator may wish, sensible or not. */
export function drawChange(random: SimRandom, configuration: Configuration, world: World): MembershipChange {
  const members = membersOf(configuration);
  const others = world.ids.filter((id) => !members.includes(id));
  const dice = random.below(10);
  const role = random.pick(['voter', 'voter', 'learner'] as const);
  const added = random.chance(0.3) ? others.slice(0, 2) : others.length > 0 ? [random.pick(others)] : [];
  const add = added.map((id) => ({ id, role, witness: world.witnesses.includes(id), address: `${id}:1` }));
  if (dice < 4) return { add };
  const remove = [random.pick(members.length > 0 ? members : world.ids)];
  if (dice < 7) return { remove };
  if (dice < 9) return { add, remove };
  return { promote: configuration.learners };
}
