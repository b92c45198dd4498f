import t from 'tap';

import { ClusterView } from '../../src/cluster/cluster-view.ts';

function setup(): { readonly view: ClusterView; at(ms: number): void } {
  let now = 0;
  const view = new ClusterView(['a', 'b', 'c'], () => now);
  return { view, at: (ms) => void (now = ms) };
}

/** All up, `a` is the master. */
function running(): ReturnType<typeof setup> {
  const all = setup();
  all.view.roleHeard('a', 'master', 'a');
  all.view.roleHeard('b', 'slave', 'a');
  all.view.roleHeard('c', 'slave', 'a');
  return all;
}

t.test('roles as they change, each once', (t) => {
  const { view } = setup();
  t.equal(view.summary, 'a starting · b starting · c starting');
  t.equal(view.roleHeard('b', 'candidate', null), 'b looks for a master');
  t.equal(view.roleHeard('b', 'candidate', 'b'), null, 'still the same to people');
  t.equal(view.roleHeard('b', 'master', 'b'), 'b is the master');
  t.equal(view.roleHeard('b', 'master', 'b'), null);
  t.equal(view.roleHeard('a', 'slave', 'b'), 'a is a slave of b');
  t.equal(view.roleHeard('a', 'slave', 'c'), 'a is a slave of c');
  t.equal(view.master, 'b');
  t.equal(view.summary, 'a slave · b master · c starting');
  t.end();
});

t.test('a killed master: how long until there is another', (t) => {
  const { view, at } = running();
  at(1000);
  t.equal(view.changed('a', 'down', 'was killed (SIGKILL)'), 'a was killed (SIGKILL)');
  t.equal(view.master, null);
  at(1240);
  t.equal(view.roleHeard('c', 'master', 'c'), 'c is the master, 0.24 s after a was killed (SIGKILL)');
  t.equal(view.summary, 'a down · b slave · c master');
  t.end();
});

t.test('what a paused node said last no longer counts, not even after it goes on', (t) => {
  const { view } = running();
  view.changed('a', 'paused', 'was paused');
  t.equal(view.roleHeard('a', 'master', 'a'), null, 'it was on its way');
  t.equal(view.master, null);
  view.roleHeard('b', 'master', 'b');
  view.changed('a', 'running', 'goes on');
  t.equal(view.master, 'b');
  view.roleHeard('a', 'master', 'a');
  view.roleHeard('b', 'master', 'b');
  t.equal(view.node('a').role, 'master', 'it does not know yet');
  t.end();
});

t.test('without a majority it says what that means', (t) => {
  const { view } = running();
  t.notMatch(view.changed('b', 'down', 'was killed'), 'majority');
  t.equal(
    view.changed('c', 'paused', 'was paused'),
    'c was paused: 1 of 3 nodes is left, which is no majority; nothing is acknowledged until one is revived',
  );
  t.notMatch(view.changed('c', 'running', 'goes on'), 'majority');
  t.end();
});
