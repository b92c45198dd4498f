import fc from 'fast-check';
import t from 'tap';

import { RangeCutter } from '../../../src/driver/records/range-cutter.ts';
import { setOf, upTo } from './fakes.ts';

t.test('the ranges hold every missing position once, however answers cut them short', async (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 20_000 }), { maxLength: 300 }),
      fc.array(fc.boolean(), { minLength: 300, maxLength: 300 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      (live, isMissing, cuts) => {
        const missing = live.filter((_, at) => isMissing[at]);
        const cutter = new RangeCutter(setOf(live), setOf(missing), 1000);
        const seen: number[] = [];
        for (let range = cutter.next(); range !== null; range = cutter.next()) {
          const { from, to } = range;
          const next = Math.min(to, from + (cuts.next().value as number));
          seen.push(...missing.filter((position) => position >= from && position < next));
          cutter.answered(cuts.next().value as number, cuts.next().value as number);
          if (next < to) cutter.giveBack({ from: next, to });
        }
        const ascending = missing.toSorted((one, other) => one - other);
        return cutter.exhausted && JSON.stringify(seen.toSorted((x, y) => x - y)) === JSON.stringify(ascending);
      },
    ),
  );
  t.pass('never one too few or too many');
});

t.test('a long stretch that is here already is not asked about, dead positions cost nothing', async (t) => {
  const held = new RangeCutter(setOf(upTo(1000)), setOf([1, 2, 999, 1000]), 1000);
  t.same([held.next(), held.next(), held.next()], [{ from: 1, to: 3 }, { from: 999, to: 1001 }, null]);
  const dead = new RangeCutter(setOf([1, 1000, 50_000]), setOf([1, 1000, 50_000]), 1000);
  t.same([dead.next(), dead.next()], [{ from: 1, to: 50_001 }, null]);
});

t.test('a range is about as long as one answer, by what the answers before were like', async (t) => {
  const cutter = new RangeCutter(setOf(upTo(100_000)), setOf(upTo(100_000)), 10_000);
  const first = cutter.next()!;
  cutter.answered(100, 5000);
  const second = cutter.next()!;
  t.equal(second.to - second.from, 200);
  t.equal(second.from, first.to);
  cutter.answered(1, 50_000);
  const third = cutter.next()!;
  t.equal(third.to - third.from, 1, 'never none');
});
