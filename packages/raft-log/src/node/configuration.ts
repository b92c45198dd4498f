import type { NodeId } from '@lockstep/kernel';

/**
 * Who belongs to the cluster, and how. It is used from the moment its entry is in the log, committed or not (Raft §6, thesis §4.1), and
 * a truncation brings the one before back. No list holds a member twice; their order means nothing.
 */
export interface Configuration {
  /** Who votes and counts. Empty only in a node that has not yet been told of any cluster: it waits for a leader to write to it. */
  readonly voters: readonly NodeId[];
  /** While joint (thesis §4.3): the voters before the change. Every decision then needs a majority of these and one of `voters`. Else empty. */
  readonly votersOutgoing: readonly NodeId[];
  /** Who is to vote once all of them that are learners yet have caught up. Empty when that is who votes already. */
  readonly votersNext: readonly NodeId[];
  /** Receive everything, never count. None is a voter, of either kind. */
  readonly learners: readonly NodeId[];
  /** Those of all members that have no state machine. They vote as others do, but never lead visibly. */
  readonly witnesses: readonly NodeId[];
  /** Where members listen for each other, `host:port`. The node passes them on unread. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The format level in use; see the driver. Never goes down. */
  readonly level: number;
}

/** A configuration, and the entry that brought it; 0: the one that the node was founded with. */
export interface ConfigurationAt {
  readonly index: number;
  readonly configuration: Configuration;
}

/** All of these vote, none is more. */
export function configurationOf(voters: readonly NodeId[]): Configuration {
  return {
    voters,
    votersOutgoing: [],
    votersNext: [],
    learners: [],
    witnesses: [],
    addresses: {},
    level: 1,
  };
}

/** Everybody, each once, in the order of their ids as strings. */
export function membersOf({ voters, votersOutgoing, learners }: Configuration): readonly NodeId[] {
  return [...new Set([...voters, ...votersOutgoing, ...learners])].toSorted();
}

export function isJoint({ votersOutgoing }: Configuration): boolean {
  return votersOutgoing.length > 0;
}

/** Could a correct leader have made it? Not so for one that comes off the wire or the disk. */
export function isConfiguration(configuration: Configuration): boolean {
  const { voters, votersOutgoing, votersNext, learners, witnesses, addresses, level } = configuration;
  const members = new Set(membersOf(configuration));
  const lists = [voters, votersOutgoing, votersNext, learners, witnesses];
  const eachOnce = lists.every((list) => new Set(list).size === list.length);
  const known = [...votersNext, ...witnesses, ...Object.keys(addresses)].every((id) => members.has(id as NodeId));
  const apart = learners.every((id) => !voters.includes(id) && !votersOutgoing.includes(id));
  return voters.length > 0 && eachOnce && known && apart && Number.isSafeInteger(level) && level >= 1;
}
