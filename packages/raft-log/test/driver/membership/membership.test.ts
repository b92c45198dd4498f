import { silentLog } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { Membership } from '../../../src/driver/membership/membership.ts';
import { configurationOf } from '../../../src/node/index.ts';
import type { RaftStatus, Standing } from '../../../src/node/index.ts';
import { HandClock } from '../storage/harness.ts';

const [a, b, c] = ['a', 'b', 'c'].map((name) => name as NodeId) as [NodeId, NodeId, NodeId];

function statusOf(standing: Standing): RaftStatus {
  const configuration = { index: 0, configuration: configurationOf([a, b]) };
  return {
    id: c,
    role: 'follower',
    term: 1,
    leader: a,
    standing,
    commitIndex: 1,
    lastIndex: 1,
    persistedIndex: 1,
    configuration,
    configurationCommitted: true,
    peers: [],
  };
}

const d = 'd' as NodeId;

t.test('a member that has been away hears of those who came meanwhile, from whoever still counts it in', (t) => {
  const membership = membershipOfC([a, b, c]);
  const now = { ...configurationOf([a, d]), addresses: { d: 'd:7000' } };
  membership.hint(now);
  t.notOk(membership.peers.has(d), 'who does not count it in has nothing to say');
  membership.hint({ ...now, voters: [a, c, d] });
  t.same(membership.peers.get(d), { host: 'd', port: 7000 });
  t.end();
});

function membershipOfC(members: readonly NodeId[] = [a, b]): Membership {
  const membership = new Membership(
    { node: c, configured: [] },
    { clock: new HandClock(), log: silentLog, setPeers: () => {} },
  );
  membership.use(configurationOf(members));
  return membership;
}

t.test('a node that begins with a snapshot of before it was added is not taken for one that was removed', (t) => {
  const joining = membershipOfC();
  joining.tick(statusOf('abstaining'));
  t.equal(joining.removed, false);
  const voted = membershipOfC();
  voted.tick(statusOf('voter'));
  t.equal(voted.removed, true, 'who had a vote has been a member');
  t.end();
});

t.test('who keeps records, and who of them only has what is in the log', (t) => {
  const membership = membershipOfC([a, b, c]);
  membership.use({ ...configurationOf([a, b, c]), learners: [d], witnesses: [b] });
  t.same([membership.holders, membership.witnesses], [[a, d], [b]]);
  membership.use({ ...configurationOf([a, b, c]), witnesses: [c] });
  t.same([membership.holders, membership.witnesses], [[a, b], []], 'this node is none of the others');
  t.end();
});
