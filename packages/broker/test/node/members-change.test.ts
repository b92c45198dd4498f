import type { NodeId } from '@lockstep/kernel';
import type { LogMemberStatus, MemberPart } from '@lockstep/raft-log';
import t from 'tap';

import { membershipChange } from '../../src/node/members-change.ts';

const id = (name: string): NodeId => name as NodeId;
const member = (name: string, port: number, part: MemberPart = 'voter'): LogMemberStatus => ({
  id: id(name),
  address: { host: '127.0.0.1', port },
  part,
  ...{ reachable: true, alive: true, standing: 'voter', matchIndex: 1, lag: 0 },
});
const members = [member('a', 1), member('b', 2), member('w', 3, 'witness')];
const add = (name: string, host: string, port: number, witness = false) =>
  ({ type: 'add', id: id(name), address: { host, port }, witness }) as const;

t.test('what is asked for, as the log takes it', (t) => {
  t.strictSame(membershipChange(add('d', '127.0.0.1', 4), members, false), {
    add: [{ id: 'd', role: 'voter', witness: false, address: '127.0.0.1:4' }],
  });
  t.strictSame(membershipChange(add('d', '10.0.0.4', 4, true), members, true), {
    add: [{ id: 'd', role: 'voter', witness: true, address: '10.0.0.4:4' }],
  });
  t.strictSame(membershipChange(add('b', '127.0.0.1', 9), members, false), { addresses: { b: '127.0.0.1:9' } });
  t.strictSame(membershipChange({ type: 'remove', id: id('a') }, members, false), { remove: ['a'] });
  t.strictSame(membershipChange({ type: 'promote', id: id('a') }, members, false), { promote: ['a'] });
  t.end();
});

t.test('what would do harm is refused', (t) => {
  const cases = [
    [add('d', '10.0.0.4', 4), /beyond loopback, .* cluster\.secretFile or cluster\.tls/],
    [add('d', '127.0.0.1', 2), /is the address of node b already/],
    [add('b', '127.0.0.1', 2), /node b is a member already, at 127\.0\.0\.1:2/],
    [add('b', '127.0.0.1', 9, true), /remove it first/],
    [add('w', '127.0.0.1', 9), /remove it first/],
  ] as const;
  for (const [change, reason] of cases) t.match(membershipChange(change, members, false), { why: 'refused', reason });
  t.end();
});
