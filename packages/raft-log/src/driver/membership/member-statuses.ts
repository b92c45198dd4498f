import type { NodeId } from '@lockstep/kernel';
import type { RaftStatus } from '../../node/index.ts';
import type { MemberStatus } from '../replicated-log-options.ts';
import type { KnownMember } from './membership.ts';

/** The members as this node sees them: the leader knows most. */
export function memberStatuses(
  self: NodeId,
  members: readonly KnownMember[],
  raft: RaftStatus | null,
  isUp: (id: NodeId) => boolean,
  obstacleOf: (id: NodeId) => string | null,
): readonly MemberStatus[] {
  return members.map((member) => {
    const obstacle = obstacleOf(member.id);
    const hindered = obstacle === null ? {} : { obstacle };
    if (member.id !== self) return { ...member, ...peerStatus(member.id, raft, isUp(member.id)), ...hindered };
    const lag = raft?.role === 'leader' ? 0 : null;
    const standing = raft?.standing ?? null;
    return { ...member, reachable: true, alive: true, standing, matchIndex: raft?.persistedIndex ?? 0, lag };
  });
}

function peerStatus(id: NodeId, raft: RaftStatus | null, reachable: boolean): Omit<MemberStatus, keyof KnownMember> {
  const progress = raft?.peers.find((peer) => peer.id === id);
  if (raft === null || progress === undefined) {
    return { reachable, alive: reachable, standing: null, matchIndex: null, lag: null };
  }
  const { alive, standing, matchIndex } = progress;
  return { reachable, alive, standing, matchIndex, lag: Math.max(0, raft.lastIndex - matchIndex) };
}
