import fc from 'fast-check';
import t from 'tap';

import { LiveSet } from '../../src/driver/live-set.ts';
import type { LivePositions } from '../../src/driver/live-set.ts';

/** Around the borders of words and pages, and far beyond 32 bits. */
const position = fc.oneof(
  fc.nat({ max: 200 }),
  fc.nat({ max: 3 * 4096 }),
  fc
    .tuple(fc.constantFrom(1, 32, 4096, 8192, 2 ** 31, 2 ** 32, 2 ** 45), fc.integer({ min: -2, max: 2 }))
    .map(([near, by]) => Math.max(0, near + by)),
);

type Step =
  | { readonly type: 'retain' | 'release'; readonly first: number; readonly count: number }
  | { readonly type: 'freeze' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ type: fc.constant('retain' as const), first: position, count: fc.nat(70) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('release' as const), first: position, count: fc.nat(70) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('freeze' as const) }) },
);

function same(live: LivePositions, naive: ReadonlySet<number>, probes: readonly number[]): boolean {
  const sorted = [...naive].sort((a, b) => a - b);
  if (live.size !== naive.size) return false;
  const walked: number[] = [];
  for (let at = live.next(0); at !== null; at = live.next(at + 1)) walked.push(at);
  if (walked.length !== sorted.length || walked.some((at, i) => at !== sorted[i])) return false;
  return probes.every(
    (from) =>
      live.has(from) === naive.has(from) &&
      live.next(from) === (sorted.find((at) => at >= from) ?? null) &&
      [...probes, Infinity].every(
        (to) => live.countBetween(from, to) === sorted.filter((at) => at >= from && at <= to).length,
      ),
  );
}

t.test('a live set is a set of positions, and a frozen one stays as it was', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(position, { maxLength: 8 }), (steps, probes) => {
      const live = new LiveSet();
      const naive = new Set<number>();
      const frozen: { readonly live: LivePositions; readonly naive: ReadonlySet<number> }[] = [];
      for (const one of steps) {
        if (one.type === 'freeze') {
          frozen.push({ live: live.freeze(), naive: new Set(naive) });
          continue;
        }
        for (let at = one.first; at < one.first + one.count; at++) {
          if (one.type === 'retain') live.retain(at);
          else live.release(at);
          if (one.type === 'retain') naive.add(at);
          else naive.delete(at);
        }
      }
      frozen.push({ live, naive });
      return frozen.every((pair) => same(pair.live, pair.naive, probes));
    }),
    { numRuns: 300 },
  );
  t.pass('as a Set');
  t.end();
});
