import type { BrokerId, NodeId } from '@lockstep/kernel';
import { configurationOf } from '@lockstep/raft-log';
import type { Leadership, PeerProgress, RaftStatus, ReplicatedLogStatus } from '@lockstep/raft-log';
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
    const known = id === a ? 0 : full.peers.some((progress) => progress.id === id) ? 1 : null;
    return { id, address: { host: '127.0.0.1', port: i + 1 }, reachable: true, lag: known };
  });
  const rest = {
    clusterId: 'x',
    state: 'founded',
    waitingFor: [],
    leading: full.role === 'leader',
    appliedIndex: 9,
  } as const;
  return { node: a, ...rest, raft: full, members, ...more };
}

function statusOf(log: ReplicatedLogStatus, leadership: Leadership | null): NodeStatus {
  const options = { broker: 'paris' as BrokerId, node: a, version: '1' };
  return nodeStatus({ options, log, leadership, connections: 2, failover: 'failover:(x)' });
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

t.test('a master that has heard no majority lately is none, before it has been told', async (t) => {
  const log = logStatus({}, { leading: false });
  const status = statusOf(log, leading);
  t.match(status, { role: 'candidate', master: null });
  t.equal(status.members[0]?.role, 'candidate');
  t.strictSame(readiness(log, leading), {
    ready: false,
    reason: 'this node leads but has not heard a majority lately',
  });
});

t.test('without a master: what is missing', async (t) => {
  const voter = readiness(logStatus({ role: 'follower', leader: null }), null);
  t.match(voter, { ready: false, reason: 'a majority of the members, with their data, is needed' });
  const emptied = readiness(logStatus({ role: 'follower', leader: null, standing: 'abstaining' }), null);
  t.match(emptied, { ready: false, reason: 'its disk was empty; start the members that have their data' });
});
