import type { NodeId } from '@lockstep/kernel';
import { membersOf } from './configuration.ts';
import type { Configuration } from './configuration.ts';
import type { MembershipChange } from './types.ts';

/**
 * What the configuration becomes when that change is asked for; in words, why it makes no sense. Who votes is not touched yet: a change of
 * voters only goes into `votersNext`, and `enterJoint` and `leaveJoint` follow when it is time.
 */
export function changed(configuration: Configuration, change: MembershipChange): Configuration | string {
  const { add = [], remove = [], promote = [], addresses = {}, level = configuration.level } = change;
  const members = membersOf(configuration);
  const named = [...add.map(({ id }) => id), ...remove, ...promote];
  const twice = named.find((id, at) => named.indexOf(id) !== at);
  if (twice !== undefined) return `member ${twice} is named twice`;
  const present = add.find(({ id }) => members.includes(id));
  if (present !== undefined) return `${present.id} is a member already`;
  const unknown = [...remove, ...promote].find((id) => !members.includes(id));
  if (unknown !== undefined) return `${unknown} is not a member`;
  const noLearner = promote.find((id) => !configuration.learners.includes(id));
  if (noLearner !== undefined) return `${noLearner} is no learner`;
  const stays = (id: NodeId): boolean => !remove.includes(id);
  const intended = configuration.votersNext.length > 0 ? configuration.votersNext : configuration.voters;
  const voters = [
    ...intended.filter(stays),
    ...add.filter(({ role }) => role === 'voter').map(({ id }) => id),
    // Who is waited for already stays so.
    ...promote.filter((id) => !intended.includes(id)),
  ];
  const witnesses = [...configuration.witnesses, ...add.filter(({ witness }) => witness).map(({ id }) => id)];
  const voting = voters.filter((id) => witnesses.includes(id));
  if (voters.length === 0) return 'nobody would be left to vote';
  if (voting.length * 2 >= voters.length) return 'half of the voters or more would be witnesses';
  if (level < configuration.level) return `level ${configuration.level} is in use and never goes down`;
  const foreign = Object.keys(addresses).find((id) => !members.includes(id as NodeId));
  if (foreign !== undefined) return `${foreign} is not a member`;
  const learners = [...configuration.learners.filter(stays), ...add.map(({ id }) => id)];
  const added = Object.fromEntries(add.map(({ id, address }) => [id, address]));
  const next = {
    ...configuration,
    votersNext: sameMembers(voters, configuration.voters) ? [] : voters,
    learners,
    witnesses,
    addresses: { ...configuration.addresses, ...added, ...addresses },
    level,
  };
  return tidied(next);
}

/** The learners that are waited for. */
export function joining({ votersNext, learners }: Configuration): readonly NodeId[] {
  return votersNext.filter((id) => learners.includes(id));
}

/** Thesis §4.3: C_old,new. Who goes is a member until the joint configuration is left. */
export function enterJoint(configuration: Configuration): Configuration {
  const { voters, votersNext } = configuration;
  const learners = configuration.learners.filter((id) => !votersNext.includes(id));
  return { ...configuration, voters: votersNext, votersOutgoing: voters, votersNext: [], learners };
}

/** Thesis §4.3: C_new. */
export function leaveJoint(configuration: Configuration): Configuration {
  return tidied({ ...configuration, votersOutgoing: [] });
}

/** Nothing is said of those who are no members. */
function tidied(configuration: Configuration): Configuration {
  const members = membersOf(configuration);
  const isMember = (id: string): boolean => members.includes(id as NodeId);
  const addresses = Object.entries(configuration.addresses).filter(([id]) => isMember(id));
  return {
    ...configuration,
    witnesses: configuration.witnesses.filter(isMember),
    addresses: Object.fromEntries(addresses),
  };
}

function sameMembers(one: readonly NodeId[], other: readonly NodeId[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
