import type { Log, NodeId } from '@lockstep/kernel';
import type { RaftOptions, Standing } from '../node/index.ts';
import { RaftNode } from '../node/raft-node.ts';
import { checkIdentity } from './check-identity.ts';
import { cappedLevels } from './levels.ts';
import { LiveSet } from './live-set.ts';
import { configurationFound, foundingConfiguration, isWitness } from './membership/founding-configuration.ts';
import { StatelessMachine } from './membership/witness-machine.ts';
import type { ReplicatedLogOptions, ReplicatedLogSettings } from './replicated-log-options.ts';
import { loadState } from './snapshots/load-state.ts';
import type { StateMachine } from './types.ts';
import type { Storage } from './storage-types.ts';
import { makeConfigurationEntry, makeEntry, NewerFormatError } from './storage/index.ts';

type Beginning = Pick<RaftOptions, 'id' | 'random' | 'founding' | 'recovered' | 'witness'>;

/**
 * The node of a member of a cluster, as its disk has it. `standing`: it has just become one; null: its disk says how it stands.
 */
export function beginNode(
  options: ReplicatedLogOptions,
  settings: ReplicatedLogSettings,
  storage: Storage,
  standing: Standing | null,
): RaftNode {
  const { node: id, random, members, makeNode = (made) => new RaftNode(made) } = options;
  const { recovered: found, identity } = storage;
  const hardState = standing === null ? found.hardState : { term: 0, votedFor: null, standing };
  const founding = foundingConfiguration(identity, members);
  const witness = hasNoState(options, storage);
  return makeNode(raftOptions({ id, random, founding, recovered: { ...found, hardState }, witness }, settings));
}

/** What the Raft node is made with: its time is ticks. */
function raftOptions(beginning: Beginning, settings: ReplicatedLogSettings): RaftOptions {
  const { appendBytesMax, inflightBytesMax, inflightAppendsMax, uncommittedBytesMax, tailBytesMax } = settings;
  const ticks = (ms: number, least: number): number => Math.max(least, Math.round(ms / settings.tickMs));
  const electionTicks = ticks(settings.electionMs, 2);
  return {
    ...{ ...beginning, makeEntry, makeConfigurationEntry },
    ...{ appendBytesMax, inflightBytesMax, inflightAppendsMax, uncommittedBytesMax, tailBytesMax },
    electionTicks,
    ledTicks: electionTicks,
    heartbeatTicks: ticks(settings.heartbeatMs, 1),
  };
}

/** What a member that begins has on its disk: no term, no vote, this standing. Resolves when it is there; rejects never (see `Storage.onFailure`). */
export function writeStanding(storage: Storage, standing: Standing): Promise<void> {
  return new Promise((resolve) => {
    storage.write({ hardState: { term: 0, votedFor: null, standing }, entries: [] }, resolve);
  });
}

/** `began`: how this node has just become a member; null: it was one. */
export function tellStart(log: Log, node: NodeId, cluster: string, lastIndex: number, began: Standing | null): void {
  if (began === null)
    log.info(`node ${node} is a member of cluster ${cluster}; its journal ends at entry ${lastIndex}`);
  else if (began === 'voter') log.info(`node ${node} is a founding member of cluster ${cluster}`);
  else log.info(`node ${node} joins cluster ${cluster} with an empty disk: it has no vote until it has caught up`);
}

/** Whether this node has no state machine, as far as is known: see `isWitness`. */
export function hasNoState({ node, witness = false }: ReplicatedLogOptions, { recovered, identity }: Storage): boolean {
  return isWitness(node, recovered, identity, witness);
}

export function machineOf(options: ReplicatedLogOptions, storage: Storage): StateMachine {
  return hasNoState(options, storage) ? new StatelessMachine(options.machine) : options.machine;
}

/**
 * Brings the state machine to the newest snapshot on the disk; resolves with the records that it refers to. First it is looked whether what is on the
 * disk is this node's, and of a level that this program speaks.
 * @throws ForeignDataError, NewerFormatError, CorruptionError
 */
export async function recoverState(options: ReplicatedLogOptions, storage: Storage): Promise<LiveSet> {
  checkIdentity(options, storage);
  const { recovered, identity } = storage;
  const { level } = configurationFound(recovered, identity, options.members);
  const { max } = cappedLevels(options.levelMax ?? null);
  if (level > max) throw new NewerFormatError('the configuration in the log', level, max);
  if (recovered.snapshotIndex === 0) return new LiveSet();
  return loadState(storage, machineOf(options, storage), recovered.snapshotIndex);
}
