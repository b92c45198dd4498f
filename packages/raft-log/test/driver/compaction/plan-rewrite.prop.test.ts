import fc from 'fast-check';
import t from 'tap';

import { planRewrite, sumOf, wantedBytes } from '../../../src/driver/compaction/plan-rewrite.ts';
import type { FileUse, RewritePlan } from '../../../src/driver/compaction/plan-rewrite.ts';

const segmentBytes = 10_000;

/** What a rewrite makes of the files: one for each segment's worth of what is live. */
function rewritten(uses: readonly FileUse[], plan: RewritePlan, newId: () => number): FileUse[] {
  const old = uses.filter(({ id }) => plan.ids.includes(id));
  const rest = uses.filter(({ id }) => !plan.ids.includes(id));
  const liveBytes = sumOf(old, 'liveBytes');
  const first = Math.min(...old.map(({ firstPosition }) => firstPosition));
  const last = Math.max(...old.map(({ lastPosition }) => lastPosition));
  const count = Math.ceil(liveBytes / segmentBytes);
  const span = (last - first + 1) / Math.max(1, count);
  const made = Array.from({ length: count }, (_, i) => ({
    id: newId(),
    firstPosition: first + i * span,
    lastPosition: first + (i + 1) * span - 1,
    bytes: liveBytes / count,
    liveBytes: liveBytes / count,
    damaged: false,
  }));
  return [...rest, ...made].sort((a, b) => a.firstPosition - b.firstPosition);
}

const file = fc.record({
  positions: fc.integer({ min: 1, max: 500 }),
  overlap: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(600) }),
  bytes: fc.oneof(fc.constant(segmentBytes), fc.integer({ min: 100, max: segmentBytes })),
  live: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  damaged: fc.boolean(),
});

t.test('plans come to an end, within the bound, and each is a run of neighbours that makes little', (t) => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 150 }), (drawn) => {
      let position = 1;
      let id = 0;
      let uses: readonly FileUse[] = drawn
        .map(({ positions, overlap, bytes, live, damaged }) => {
          const firstPosition = Math.max(1, position - overlap);
          position = firstPosition + positions;
          const liveBytes = Math.round(bytes * live);
          return { id: ++id, firstPosition, lastPosition: position - 1, bytes, liveBytes, damaged };
        })
        .sort((a, b) => a.firstPosition - b.firstPosition);
      for (let steps = 0; ; steps++) {
        if (steps > 400) return false;
        const plan = planRewrite(uses, segmentBytes);
        if (plan === null) break;
        const taken = uses.filter(({ id }) => plan.ids.includes(id));
        if (plan.ids.length === 0 || (plan.why !== 'dead' && plan.ids.length > 64)) return false;
        if (sumOf(taken, 'liveBytes') > 2 * segmentBytes) return false;
        if (plan.why === 'sparse' && taken.length > 1 && sumOf(taken, 'liveBytes') > segmentBytes) return false;
        const places = taken.map((use) => uses.indexOf(use));
        if (plan.why !== 'dead' && places.some((place, i) => place !== places[0]! + i)) return false;
        uses = rewritten(uses, plan, () => ++id);
      }
      return sumOf(uses, 'bytes') <= wantedBytes(uses, segmentBytes) && uses.every(({ liveBytes }) => liveBytes > 0);
    }),
    { numRuns: 500 },
  );
  t.pass('for 500 stores');
  t.end();
});

t.test('one old message in each of many segments is one small file in the end', (t) => {
  let id = 0;
  let bytesMax = 0;
  let uses: readonly FileUse[] = [];
  for (let segment = 0; segment < 1000; segment++) {
    const firstPosition = segment * 100 + 1;
    const added = { id: ++id, firstPosition, lastPosition: firstPosition + 99, bytes: segmentBytes };
    uses = [...uses, { ...added, liveBytes: 10, damaged: false }];
    for (let plan = planRewrite(uses, segmentBytes); plan !== null; plan = planRewrite(uses, segmentBytes)) {
      uses = rewritten(uses, plan, () => ++id);
    }
    bytesMax = Math.max(bytesMax, sumOf(uses, 'bytes'));
  }
  t.ok(bytesMax < segmentBytes * 2, `${bytesMax} bytes at most`);
  t.ok(uses.length <= 32, `${uses.length} files`);
  t.end();
});

t.test('dense files are left alone', (t) => {
  const uses = Array.from({ length: 20 }, (_, i) => {
    const firstPosition = i * 100 + 1;
    return {
      id: i,
      firstPosition,
      lastPosition: firstPosition + 99,
      bytes: segmentBytes,
      liveBytes: 7000,
      damaged: false,
    };
  });
  t.equal(planRewrite(uses, segmentBytes), null);
  t.end();
});
