import type { NodeId } from '@lockstep/kernel';
import fc from 'fast-check';
import t from 'tap';
import { configurationOf } from '../../src/node/index.ts';
import { Majorities } from '../../src/node/majorities.ts';

const ids = 'abcdefg'.split('') as NodeId[];
const voters = fc.subarray(ids, { minLength: 1 });
const values = fc.array(fc.nat(9), { minLength: ids.length, maxLength: ids.length });

function majorities(incoming: readonly NodeId[], outgoing: readonly NodeId[]): Majorities {
  return new Majorities({ ...configurationOf(incoming), votersOutgoing: outgoing });
}

t.test('two sets of members that each decide have a member in common, in every configuration', (t) => {
  const sides = fc.array(fc.constantFrom('left', 'right', 'both', 'none'), { minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(voters, fc.option(voters, { nil: [] }), sides, (incoming, outgoing, side) => {
      const decides = (name: string): boolean =>
        majorities(incoming, outgoing).agree((id) => ['both', name].includes(side[ids.indexOf(id)]!));
      return !decides('left') || !decides('right') || side.includes('both');
    }),
  );
  t.end();
});

t.test('a joint configuration decides nothing that either half would not', (t) => {
  fc.assert(
    fc.property(voters, voters, fc.subarray(ids), (incoming, outgoing, yes) => {
      const test = (id: NodeId): boolean => yes.includes(id);
      const each = majorities(incoming, []).agree(test) && majorities(outgoing, []).agree(test);
      return majorities(incoming, outgoing).agree(test) === each;
    }),
  );
  t.end();
});

t.test('what has been reached is what a majority agrees to have reached, and no more', (t) => {
  fc.assert(
    fc.property(voters, fc.option(voters, { nil: [] }), values, (incoming, outgoing, held) => {
      const valueOf = (id: NodeId): number => held[ids.indexOf(id)]!;
      const all = majorities(incoming, outgoing);
      const reached = all.reached(valueOf);
      return all.agree((id) => valueOf(id) >= reached) && !all.agree((id) => valueOf(id) > reached);
    }),
  );
  t.end();
});

t.test('nobody decides nothing', (t) => {
  t.notOk(majorities([], []).agree(() => true));
  t.equal(
    majorities([], []).reached(() => 5),
    0,
  );
  t.end();
});
