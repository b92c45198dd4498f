import { formatAddress } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import type {
  Leadership,
  LogMemberStatus,
  MemberPart,
  RaftStatus,
  ReplicatedLogStatus,
  Standing,
} from '@lockstep/raft-log';

import type { BrokerNodeOptions, MemberStatus, NodeRole, NodeStatus, PartMember } from './types.ts';

export interface StatusInputs {
  readonly options: Pick<BrokerNodeOptions, 'broker' | 'node' | 'version'>;
  readonly log: ReplicatedLogStatus;
  readonly leadership: Leadership | null;
  readonly connections: number;
  readonly failover: string;
}

/** The role as users see it. A leader that cannot serve yet, or no longer, is a candidate. */
export function nodeRole(
  raft: RaftStatus | null,
  leadership: Leadership | null,
  part: MemberPart | null = null,
): NodeRole {
  if (leadership?.leading === true) return 'master';
  if (raft === null) return 'candidate';
  const role = roleByPart(part, raft.standing);
  if (role !== 'slave') return role;
  return raft.role === 'follower' && raft.leader !== null ? 'slave' : 'candidate';
}

function roleByPart(part: MemberPart | null, standing: Standing | null): 'slave' | 'learner' | 'witness' {
  if (part === 'witness') return 'witness';
  return part === 'learner' || part === 'joining' || standing === 'abstaining' ? 'learner' : 'slave';
}

/** What this node is to the cluster; null: nothing yet. */
export function ownPart({ node, members, raft }: ReplicatedLogStatus): MemberPart | null {
  return raft === null ? null : (members.find(({ id }) => id === node)?.part ?? null);
}

export function nodeStatus({ options, log, leadership, connections, failover }: StatusInputs): NodeStatus {
  const { raft } = log;
  // Time that has passed counts before this node has been told: a status never says master where `/readyz` says no.
  const role = nodeRole(raft, log.leading ? leadership : null, ownPart(log));
  const master = role === 'master' ? options.node : role === 'candidate' ? null : (raft?.leader ?? null);
  return {
    broker: options.broker,
    node: options.node,
    role,
    master,
    term: raft?.term ?? 0,
    commitIndex: raft?.commitIndex ?? 0,
    lastIndex: raft?.lastIndex ?? 0,
    members: log.members.map((member) => ({
      ...memberStatus(member, master),
      ...(member.id === options.node ? { role } : {}),
    })),
    version: options.version,
    connections,
    failover,
  };
}

/** A member, as far as the node whose view it is can tell. */
export function memberStatus(member: LogMemberStatus, master: NodeId | null): MemberStatus {
  const { id, address, part, standing, matchIndex, lag, alive } = member;
  const role = id === master ? 'master' : roleByPart(part, standing);
  return { id, address: address === null ? '' : formatAddress(address), role, matchIndex, lagEntries: lag, alive };
}

/** The same, with what it is to the broker. */
export function partMember(member: LogMemberStatus, master: NodeId | null): PartMember {
  const { part, obstacle } = member;
  return { ...memberStatus(member, master), part, ...(obstacle === undefined ? {} : { obstacle }) };
}

export interface ServingInputs {
  /** There is a way to the master. */
  readonly hasMaster: boolean;
  readonly slaveClients: 'serve' | 'refuse';
}

/** Can this node take clients just now? */
export function readiness(
  log: ReplicatedLogStatus,
  leadership: Leadership | null,
  { hasMaster, slaveClients }: ServingInputs,
): { readonly ready: boolean; readonly reason: string } {
  if (log.raft === null) {
    const missing = log.waitingFor.length === 0 ? '' : `; not heard of yet: ${log.waitingFor.join(', ')}`;
    return { ready: false, reason: `this node is not a member of a cluster yet${missing}` };
  }
  if (log.removed) {
    const reason = 'this node is no member of the broker any more; to come back it must be added, with an empty disk';
    return { ready: false, reason };
  }
  if (leadership?.role === 'leader') {
    if (log.leading) return { ready: true, reason: 'master' };
    return { ready: false, reason: 'this node leads but has not heard a majority lately' };
  }
  if (log.raft.leader !== null) {
    const { leader } = log.raft;
    if (ownPart(log) === 'witness')
      return { ready: false, reason: `witness, which serves no clients; the master is ${leader}` };
    if (slaveClients === 'refuse')
      return { ready: false, reason: `slave of ${leader}, and slaveClients is \`refuse\`` };
    if (hasMaster) return { ready: true, reason: `slave of ${leader}` };
    return {
      ready: false,
      reason: `clients wait: ${leader} is to be the master, and this node is not attached to it yet`,
    };
  }
  if (log.raft.configuration.configuration.voters.length === 0) {
    const reason =
      'no master is known, and this node has no vote before it has caught up with one: its disk was empty; start the members that have their data; a new node waits until `lockstep members add` makes it a member';
    return { ready: false, reason };
  }
  if (log.raft.standing === 'abstaining') {
    const reason =
      'no master is known, and this node has no vote before it has caught up with one: its disk was empty; start the members that have their data';
    return { ready: false, reason };
  }
  return {
    ready: false,
    reason: 'no master is known: a majority of the members, with their data, is needed to elect one',
  };
}
