import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { isWitness } from '../../../src/driver/membership/founding-configuration.ts';
import type { Identity } from '../../../src/driver/storage-types.ts';
import { identityFollowing } from '../../../src/driver/storage/identity-file.ts';
import { configurationOf } from '../../../src/node/index.ts';
import type { ConfigurationAt, RecoveredLog } from '../../../src/node/index.ts';

const ids = (names: string): NodeId[] => Array.from(names) as NodeId[];

/** Of `node`, in a cluster that these founded. */
function identityOf(node: string, members: string, witnesses: string): Identity {
  return {
    ...{ formatVersion: 2, broker: 'b', node: node as NodeId, clusterId: 'x', incarnation: 'i', state: 'founded' },
    ...{ members: ids(members), witnesses: ids(witnesses) },
  };
}

function configurationAt(index: number, members: string, witnesses: string): ConfigurationAt {
  return { index, configuration: { ...configurationOf(ids(members)), witnesses: ids(witnesses) } };
}

/** A log that holds this configuration. */
function logOf(configuration: ConfigurationAt): RecoveredLog {
  const { index } = configuration;
  return {
    hardState: { term: 1, votedFor: null, standing: 'voter' },
    ...{ snapshotIndex: index, snapshotTerm: 1, firstIndex: index + 1, lastIndex: index, terms: [] },
    configurations: [configuration],
  };
}

t.test('the identity follows a committed configuration', (t) => {
  const identity = identityOf('a', 'abc', 'c');
  t.same(identityFollowing(identity, configurationAt(7, 'abde', 'd')), {
    ...identity,
    ...{ members: ids('abde'), membersAt: 7, witnesses: ids('d') },
  });
  t.equal(identityFollowing(identity, configurationAt(7, 'abc', 'c')), null, 'it says so already');
  t.end();
});

t.test('a witness stays one when a configuration does not name it', (t) => {
  for (const [what, identity] of [
    ['removed', identityOf('c', 'abc', 'c')],
    ['about to be added', identityOf('c', '', 'c')],
  ] as const) {
    const without = configurationAt(7, 'ab', '');
    const next = identityFollowing(identity, without)!;
    t.same([next.members, next.witnesses], [ids('ab'), ids('c')], what);
    t.equal(isWitness('c' as NodeId, logOf(without), next, false), true, what);
    t.equal(identityFollowing(next, configurationAt(9, 'ab', '')), null, `${what}: it says so already`);
  }
  t.end();
});

t.test('a configuration that names a node says whether it is a witness', (t) => {
  const named = configurationAt(7, 'abc', 'c');
  const next = identityFollowing(identityOf('c', '', 'c'), named)!;
  t.same(next.witnesses, ids('c'), 'once');
  t.equal(isWitness('c' as NodeId, logOf(named), next, false), true);
  t.equal(isWitness('b' as NodeId, logOf(named), identityOf('b', 'abc', 'c'), true), false);
  t.same(identityFollowing(identityOf('b', 'abc', 'c'), configurationAt(7, 'ac', 'c'))!.witnesses, ids('c'));
  t.end();
});
