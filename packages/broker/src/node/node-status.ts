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

import { countText, listText, spanText } from './explain/wording.ts';
import type { MasterWait } from './explain/types.ts';
import type { BrokerNodeOptions, MemberStatus, NodeRole, NodeStatus, PartMember, Readiness } from './types.ts';

export interface StatusInputs {
  readonly options: Pick<BrokerNodeOptions, 'broker' | 'node' | 'version'>;
  readonly log: ReplicatedLogStatus;
  readonly leadership: Leadership | null;
  readonly connections: number;
  readonly failover: string;
  readonly waiting: MasterWait | null;
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

export function nodeStatus({ options, log, leadership, connections, failover, waiting }: StatusInputs): NodeStatus {
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
    ...(waiting === null ? {} : { waiting }),
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
  /** Null: there is a way to the master. */
  readonly waiting: MasterWait | null;
  readonly slaveClients: 'serve' | 'refuse';
}

/** Can this node take clients just now? */
export function readiness(
  log: ReplicatedLogStatus,
  leadership: Leadership | null,
  { waiting, slaveClients }: ServingInputs,
): Readiness {
  const no = (reason: string): Readiness => {
    const full = `${reason}${waitingText(waiting)}`;
    return waiting === null ? { ready: false, reason: full } : { ready: false, reason: full, waiting };
  };
  if (log.raft === null) {
    const missing = log.waitingFor.length === 0 ? '' : `; not heard of yet: ${log.waitingFor.join(', ')}`;
    return no(`this node is not a member of a cluster yet${missing}`);
  }
  if (log.removed) {
    return no('this node is no member of the broker any more; to come back it must be added, with an empty disk');
  }
  if (leadership?.role === 'leader') {
    if (log.leading) return { ready: true, reason: 'master' };
    return no('this node leads but has not heard a majority lately');
  }
  const { leader } = log.raft;
  if (leader === null) return no(whyNoMaster(log, waiting?.forMs ?? null));
  if (ownPart(log) === 'witness') {
    return { ready: false, reason: `witness, which serves no clients; the master is ${leader}` };
  }
  if (slaveClients === 'refuse') {
    return { ready: false, reason: `slave of ${leader}, and slaveClients is \`refuse\`` };
  }
  if (waiting === null) return { ready: true, reason: `slave of ${leader}` };
  return no(`clients wait: ${leader} is to be the master, and this node is not attached to it yet`);
}

function waitingText(waiting: MasterWait | null): string {
  if (waiting === null || waiting.clients === 0) return '';
  const { clients, closedInMs } = waiting;
  const end =
    closedInMs === null ? '' : `, and ${clients === 1 ? 'is' : 'are'} disconnected in ${spanText(closedInMs)}`;
  return `; ${countText(clients, 'client')} of this node ${clients === 1 ? 'waits' : 'wait'} for a master${end}`;
}

/** `forMs`: since when; null: that is not known. */
function whyNoMaster({ raft, members, node }: ReplicatedLogStatus, forMs: number | null): string {
  const since = forMs === null ? '' : ` for ${spanText(forMs)}`;
  if (raft?.standing === 'abstaining' || raft?.configuration.configuration.voters.length === 0) {
    const data = 'its disk was empty; start the members that have their data';
    const hint =
      raft.configuration.configuration.voters.length > 0
        ? ''
        : '; a new node waits until `lockstep members add` makes it a member';
    return `no master is known${since}, and this node has no vote before it has caught up with one: ${data}${hint}`;
  }
  const { reached, missing, needed } = votersInReach({ members, node });
  const found = missing.length === 0 ? 'all can be reached' : `${listText(missing)} can't be reached from here`;
  const advice =
    reached.length < needed
      ? 'start what is down'
      : 'that is enough for an election, which is under way; if it does not end, look at what the members log';
  return `no master is known${since}: a majority of the members, with their data, is needed to elect one (${needed} of ${reached.length + missing.length}); ${found}: ${advice}`;
}

/** Who has a vote, by whether this node can reach it; and how many are needed. */
export function votersInReach({ members, node }: Pick<ReplicatedLogStatus, 'members' | 'node'>): {
  readonly reached: readonly NodeId[];
  readonly missing: readonly NodeId[];
  readonly needed: number;
} {
  const voters = members.filter(({ part }) => part !== 'learner' && part !== 'joining');
  const isThere = ({ id, alive }: LogMemberStatus): boolean => id === node || alive;
  const reached = voters.filter(isThere).map(({ id }) => id);
  const missing = voters.filter((one) => !isThere(one)).map(({ id }) => id);
  return { reached, missing, needed: Math.floor(voters.length / 2) + 1 };
}
