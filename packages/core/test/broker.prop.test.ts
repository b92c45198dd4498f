import fc from 'fast-check';
import t from 'tap';
import { World } from './support/world.ts';
import type { Step } from './support/world.ts';

const session = fc.nat({ max: 2 });
const queue = fc.nat({ max: 2 });
const which = fc.nat({ max: 3 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('send' as const),
      session,
      // Few to the dead letter queue.
      queue: fc.constantFrom(0, 0, 0, 1, 1, 2),
      size: fc.nat({ max: 30 }),
      duplicate: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 4, 5),
      // Mostly none, few beside it.
      priority: fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        { weight: 2, arbitrary: fc.constantFrom(0, 4, 5, 9) },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('subscribe' as const),
      session,
      queue,
      prefetch: fc.integer({ min: 1, max: 5 }),
      bytes: fc.integer({ min: 1, max: 100 }),
      rank: fc.constantFrom(0, 0, 0, 5, -5),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('unsubscribe' as const), session, which }) },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('settle' as const),
      session,
      which,
      outcome: fc.nat({ max: 3 }),
      first: fc.nat({ max: 2 }),
      count: fc.nat({ max: 3 }),
      forged: fc.nat({ max: 40 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      session,
      which,
      sends: fc.array(fc.nat({ max: 1 }), { maxLength: 3 }),
      first: fc.nat({ max: 2 }),
      count: fc.nat({ max: 2 }),
      stale: fc.nat({ max: 7 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('end' as const), session, lost: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('apply' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('flush' as const), dispatch: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refuse' as const), refusing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restore' as const), cut: fc.integer({ min: 1, max: 300 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('changeMaster' as const),
      kept: fc.nat({ max: 4 }),
      to: fc.nat({ max: 2 }),
    }),
  },
);

t.test(
  'whatever sessions do and whoever is master, the queues are as the model says, and the replicas equal',
  async (t) => {
    const property = fc.property(fc.array(step, { minLength: 1, maxLength: 120, size: 'max' }), (steps) => {
      const world = new World();
      for (const one of steps) world.run(one);
      world.finish();
    });
    const result = fc.check(property, { numRuns: 400, seed: 20_261_122 });
    const why = result.errorInstance instanceof Error ? result.errorInstance.message : '';
    t.notOk(result.failed, `${why} ${fc.defaultReportMessage(result) ?? 'no counterexample'}`);
  },
);
