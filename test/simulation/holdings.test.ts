import type { NodeId } from '@lockstep/kernel';
import t from 'tap';

import { Holdings } from './holdings.ts';
import type { Look } from './holdings.ts';

const voters = ['a', 'b', 'c'] as NodeId[];

/** Three members, each with entries 1 to `index` on its disk, which it has said. */
function holding(indexes: readonly [number, number, number]): Holdings {
  const holdings = new Holdings();
  for (const [at, index] of indexes.entries()) holdings.look({ ...voter(voters[at]!), index });
  return holdings;
}

function voter(name: string): Look {
  return { name, disk: 0, isFirst: true, abstaining: false, index: 0, term: 1 };
}

const counts = (holdings: Holdings, index: number): boolean =>
  holdings.onMajority(index, { voters, votersOutgoing: [] });

t.test('a majority has the entry, of each half while the configuration is joint', (t) => {
  const holdings = holding([7, 5, 3]);
  t.equal(counts(holdings, 5), true);
  t.equal(counts(holdings, 6), false);
  const outgoing = ['b', 'c', 'd'] as NodeId[];
  t.equal(holdings.onMajority(3, { voters, votersOutgoing: outgoing }), true);
  t.equal(holdings.onMajority(4, { voters, votersOutgoing: outgoing }), false);
  t.end();
});

t.test('who has lost what it acknowledged counts while it has no vote', (t) => {
  for (const [how, disk] of [
    ['a new disk', 1],
    ['the same disk, with its log cut off at damage', 0],
  ] as const) {
    const holdings = holding([7, 7, 0]);
    holdings.look({ ...voter('b'), disk, abstaining: true });
    t.equal(counts(holdings, 7), true, how);
    t.equal(counts(holdings, 8), false, how);
    // Not lost once more by a second death.
    holdings.look({ ...voter('b'), disk, abstaining: true });
    t.equal(counts(holdings, 7), true, `${how}, twice`);
  }
  t.end();
});

t.test('who votes counts for what it has now', (t) => {
  const holdings = holding([7, 7, 0]);
  holdings.look({ ...voter('b'), index: 3 });
  t.equal(counts(holdings, 7), false, 'a voter that forgot is no help');
  holdings.look({ ...voter('b'), index: 3, abstaining: true });
  t.equal(counts(holdings, 7), false, 'what it forgot as a voter, it did not lose by damage');
  t.end();
});

t.test('entries that an abstaining member replaces within a life are not lost ones', (t) => {
  const holdings = holding([7, 0, 0]);
  holdings.look({ ...voter('b'), disk: 1, abstaining: true, index: 7 });
  holdings.look({ ...voter('b'), disk: 1, abstaining: true, isFirst: false, index: 4 });
  t.equal(counts(holdings, 7), false);
  t.equal(counts(holdings, 4), true);
  t.end();
});
