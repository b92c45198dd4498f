import type { BrokerId, NodeId } from '@lockstep/kernel';
import { configurationOf } from '@lockstep/raft-log';
import type { Leadership, MemberPart, PeerProgress, RaftStatus, ReplicatedLogStatus } from '@lockstep/raft-log';
import t from 'tap';

import { nodeStatus, readiness } from '../../src/node/node-status.ts';
import type { NodeStatus } from '../../src/node/types.ts';

const [a, b, c] = ['a', 'b', 'c'] as [NodeId, NodeId, NodeId];
const leading: Leadership = { leading: true, role: 'leader', leader: a, term: 3 };
const following: Leadership = { leading: false, role: 'follower', leader: b, term: 3 };

function peer(id: NodeId, more: Partial<PeerProgress> = {}): PeerProgress {
  return { id, state: 'replicate', matchIndex: 9, standing: 'voter', alive: true, caughtUp: false, ...more };
}

function logStatus(raft: Partial<RaftStatus>, more: Partial<ReplicatedLogStatus> = {}): ReplicatedLogStatus {
  const indices = { commitIndex: 9, lastIndex: 10, persistedIndex: 10 };
  const full: RaftStatus = {
    id: a,
    role: 'leader',
    term: 3,
    leader: a,
    standing: 'voter',
    ...indices,
    configuration: { index: 0, configuration: configurationOf([a, b, c]) },
    configurationCommitted: true,
    peers: [],
    ...raft,
  };
  const members = [a, b, c].map((id, i) => {
    const base = { id, address: { host: '127.0.0.1', port: i + 1 }, part: 'voter' as const, reachable: true };
    const progress = full.peers.find((one) => one.id === id);
    const own = { alive: true, standing: full.standing, matchIndex: 10, lag: 0 };
    if (id === a) return { ...base, ...own };
    if (progress === undefined) return { ...base, alive: true, standing: null, matchIndex: null, lag: null };
    const { alive, standing, matchIndex } = progress;
    return { ...base, alive, standing, matchIndex, lag: 1 };
  });
  const rest = {
    clusterId: 'x',
    state: 'founded',
    waitingFor: [],
    leading: full.role === 'leader',
    appliedIndex: 9,
    level: 2,
    removed: false,
  } as const;
  return { node: a, ...rest, raft: full, members, ...more };
}

function statusOf(log: ReplicatedLogStatus, leadership: Leadership | null): NodeStatus {
  const options = { broker: 'paris' as BrokerId, node: a, version: '1' };
  return nodeStatus({ options, log, leadership, connections: 2, failover: 'failover:(x)', waiting: null });
}

t.test('a master knows how far all are, which one learns, and which is silent', async (t) => {
  const peers = [peer(b, { standing: 'abstaining' }), peer(c, { alive: false, matchIndex: 4 })];
  t.strictSame(statusOf(logStatus({ peers }), leading), {
    ...{ broker: 'paris', node: 'a', role: 'master', master: 'a', term: 3, commitIndex: 9, lastIndex: 10 },
    members: [
      { id: 'a', address: '127.0.0.1:1', role: 'master', matchIndex: 10, lagEntries: 0, alive: true },
      { id: 'b', address: '127.0.0.1:2', role: 'learner', matchIndex: 9, lagEntries: 1, alive: true },
      { id: 'c', address: '127.0.0.1:3', role: 'slave', matchIndex: 4, lagEntries: 1, alive: false },
    ],
    ...{ version: '1', connections: 2, failover: 'failover:(x)' },
  });
});

t.test('a slave knows whom it hears, and not how far they are', async (t) => {
  const status = statusOf(logStatus({ role: 'follower', leader: b }), following);
  t.match(status, { role: 'slave', master: 'b' });
  t.strictSame(status.members[1], {
    ...{ id: 'b', address: '127.0.0.1:2', role: 'master' },
    ...{ matchIndex: null, lagEntries: null, alive: true },
  });
});

t.test('every node tells learners and witnesses from slaves, also of itself', async (t) => {
  const log = logStatus({ role: 'follower', leader: b });
  const [own, , third] = log.members;
  const seen = (parts: readonly [MemberPart, MemberPart]): readonly string[] => {
    const members = [{ ...own!, part: parts[0] }, log.members[1]!, { ...third!, part: parts[1] }];
    const status = statusOf({ ...log, members }, following);
    return [status.role, ...status.members.map(({ role }) => role)];
  };
  t.strictSame(seen(['voter', 'learner']), ['slave', 'slave', 'master', 'learner']);
  t.strictSame(seen(['joining', 'leaving']), ['learner', 'learner', 'master', 'slave']);
  t.strictSame(seen(['witness', 'joining']), ['witness', 'witness', 'master', 'learner']);
});

const serving = { waiting: null, slaveClients: 'serve' } as const;

t.test('who was removed, and who waits to be added, is told so', async (t) => {
  const without = { role: 'follower', leader: null } as const;
  t.match(readiness(logStatus(without, { removed: true }), null, serving), {
    ready: false,
    reason: 'no member of the broker any more',
  });
  const waiting = {
    ...without,
    standing: 'abstaining',
    configuration: { index: 0, configuration: configurationOf([]) },
  } as const;
  t.match(readiness(logStatus(waiting), null, serving), {
    ready: false,
    reason: '`lockstep members add` makes it a member',
  });
});

t.test('a master that has heard no majority lately is none, before it has been told', async (t) => {
  const log = logStatus({}, { leading: false });
  const status = statusOf(log, leading);
  t.match(status, { role: 'candidate', master: null });
  t.equal(status.members[0]?.role, 'candidate');
  t.strictSame(readiness(log, leading, serving), {
    ready: false,
    reason: 'this node leads but has not heard a majority lately',
  });
});

t.test('clients that wait for a master: how many, since when, and what for', async (t) => {
  const waiting = { clients: 3, forMs: 4_000, closedInMs: 16_000 };
  const without = logStatus({ role: 'follower', leader: null, peers: [peer(b, { alive: false })] });
  const needed = 'a majority of the members, with their data, is needed to elect one (2 of 3)';
  const wait = '; 3 clients of this node wait for a master, and are disconnected in 16 s';
  t.strictSame(readiness(without, null, { ...serving, waiting }), {
    ready: false,
    reason: `no master is known for 4.0 s: ${needed}; b can't be reached from here: that is enough for an election, which is under way; if it does not end, look at what the members log${wait}`,
    waiting,
  });
  const alone = logStatus({ role: 'follower', leader: null, peers: [b, c].map((id) => peer(id, { alive: false })) });
  const one = { clients: 1, forMs: 60_000, closedInMs: null };
  t.match(readiness(alone, null, { ...serving, waiting: one }), {
    reason: `no master is known for 60 s: ${needed}; b and c can't be reached from here: start what is down; 1 client of this node waits for a master`,
  });
  const nobody = { clients: 0, forMs: 1, closedInMs: null };
  t.match(readiness(alone, null, { ...serving, waiting: nobody }).reason, /start what is down$/);
  const known = readiness(logStatus({ role: 'follower', leader: b }), following, { ...serving, waiting });
  t.match(known, {
    ready: false,
    waiting,
    reason: /^clients wait: b is to be the master, .* not attached to it yet; 3 clients/,
  });
  t.strictSame(readiness(logStatus({ role: 'follower', leader: b }), following, serving), {
    ready: true,
    reason: 'slave of b',
  });
});

t.test('without a master: what is missing', async (t) => {
  const voter = readiness(logStatus({ role: 'follower', leader: null }), null, serving);
  t.match(voter, { ready: false, reason: 'a majority of the members, with their data, is needed' });
  const emptied = readiness(logStatus({ role: 'follower', leader: null, standing: 'abstaining' }), null, serving);
  t.match(emptied, { ready: false, reason: 'its disk was empty; start the members that have their data' });
});
