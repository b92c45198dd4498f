import { formatAddress } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import type { Leadership, RaftStatus, ReplicatedLogStatus } from '@lockstep/raft-log';

import type { BrokerNodeOptions, MemberStatus, NodeRole, NodeStatus } from './types.ts';

export interface StatusInputs {
  readonly options: Pick<BrokerNodeOptions, 'broker' | 'node' | 'version'>;
  readonly log: ReplicatedLogStatus;
  readonly leadership: Leadership | null;
  readonly connections: number;
  readonly failover: string;
}

/** The role as users see it. A leader that cannot serve yet, or no longer, is a candidate. */
export function nodeRole(raft: RaftStatus | null, leadership: Leadership | null): NodeRole {
  if (leadership?.leading === true) return 'master';
  if (raft === null) return 'candidate';
  if (raft.standing === 'abstaining') return 'learner';
  return raft.role === 'follower' && raft.leader !== null ? 'slave' : 'candidate';
}

export function nodeStatus({ options, log, leadership, connections, failover }: StatusInputs): NodeStatus {
  const { raft } = log;
  // Time that has passed counts before this node has been told: a status never says master where `/readyz` says no.
  const role = nodeRole(raft, log.leading ? leadership : null);
  const master = role === 'master' ? options.node : role === 'candidate' ? null : (raft?.leader ?? null);
  return {
    broker: options.broker,
    node: options.node,
    role,
    master,
    term: raft?.term ?? 0,
    commitIndex: raft?.commitIndex ?? 0,
    lastIndex: raft?.lastIndex ?? 0,
    members: log.members.map((member) => {
      const base = { id: member.id, address: formatAddress(member.address) };
      if (member.id !== options.node) return { ...base, ...peerStatus(member, raft, master) };
      return { ...base, role, matchIndex: raft?.persistedIndex ?? 0, lagEntries: member.lag, alive: true };
    }),
    version: options.version,
    connections,
    failover,
  };
}

/** Another member, as far as this node can tell: the master knows most. */
function peerStatus(
  { id, lag, reachable }: ReplicatedLogStatus['members'][number],
  raft: RaftStatus | null,
  master: NodeId | null,
): Omit<MemberStatus, 'id' | 'address'> {
  const progress = raft?.peers.find((peer) => peer.id === id);
  const role = id === master ? 'master' : progress?.standing === 'abstaining' ? 'learner' : 'slave';
  return { role, matchIndex: progress?.matchIndex ?? null, lagEntries: lag, alive: progress?.alive ?? reachable };
}

/** Can this node take clients just now? */
export function readiness(
  log: ReplicatedLogStatus,
  leadership: Leadership | null,
): { readonly ready: boolean; readonly reason: string } {
  if (log.raft === null) {
    const missing = log.waitingFor.length === 0 ? '' : `; not heard of yet: ${log.waitingFor.join(', ')}`;
    return { ready: false, reason: `this node is not a member of a cluster yet${missing}` };
  }
  if (leadership?.role === 'leader') {
    if (log.leading) return { ready: true, reason: 'master' };
    return { ready: false, reason: 'this node leads but has not heard a majority lately' };
  }
  if (log.raft.leader !== null) return { ready: true, reason: `slave of ${log.raft.leader}` };
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
