import t from 'tap';
import type { Mutant } from './mutants.ts';
import { SimCluster } from './sim-cluster.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

const STEPS = 4000;

/** The first seed that shows a violation, or null. */
function findViolation(mutant: Mutant, world: Partial<World>, size: number): string | null {
  for (let seed = 0; seed < 400; seed += 1) {
    try {
      new SimCluster(seed, size, mutant, world).run(STEPS);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return `seed ${seed}: ${error.message}`;
    }
  }
  return null;
}

/** Wider: `SAFETY_SEEDS=5000 node build/test/node/safety.prop.test.js`. */
const seeds = Number(process.env['SAFETY_SEEDS'] ?? 60);

/** What has to have happened, per seed, lest silence be taken for safety. */
const least: Readonly<Record<string, number>> = { elections: 3, reads: 20, joint: 0.2, promoted: 0.1, handedOver: 0.1 };

for (const size of [1, 2, 3, 5]) {
  t.test(`${size} members and some more stay safe under faults and come back to life after them`, (t) => {
    let committed = 0;
    const seen: Record<string, number> = {};
    for (let seed = 0; seed < seeds; seed += 1) {
      const cluster = new SimCluster(seed, size);
      try {
        cluster.run(STEPS);
        const stuck = cluster.settle();
        if (stuck !== null) t.fail(`seed ${seed}: ${stuck}`);
        cluster.invariants.checkLogs(cluster.members);
      } catch (error) {
        t.fail(`seed ${seed}: ${String(error)} ${error instanceof Error ? error.stack : ''}`);
      }
      committed += cluster.invariants.lastCommitted;
      for (const [what, count] of Object.entries(cluster.invariants.seen)) seen[what] = (seen[what] ?? 0) + count;
    }
    t.comment(`${committed} entries committed; ${JSON.stringify(seen)}`);
    t.ok(committed > seeds * 25, 'the faults leave room for work');
    for (const [what, count] of Object.entries(least))
      if (size >= 2) t.ok(seen[what]! > seeds * count, `${what} often enough`);
    if (size >= 3) t.ok(seen['handedOn']! > 0, 'when the successor dies another is told');
    t.end();
  });
}

/** Where each bug shows: members that lose their disks, members that come and go, or neither. */
const mutants: readonly (readonly [Mutant, Partial<World>])[] = [
  ['counts-earlier-terms', { changes: 0, storm: 40 }],
  ['votes-not-persisted', { changes: 0, storm: 40, writesMax: 3, arrivalsMax: 1 }],
  ['answers-before-disk', {}],
  ['wiped-may-vote', { wiping: true }],
  ['admits-unconfirmed', { wiping: true }],
  ['believes-every-commit-index', {}],
  ['counts-overwritten-writes', { changes: 0, storm: 25, hasty: true, arrivalsMax: 8, loss: 0, wiping: false }],
  ['answers-reads-at-once', { changes: 0 }],
  ['hands-over-to-anybody', { wiping: false }],
  ['uses-the-committed-configuration', { changes: 15 }],
  ['needs-one-majority', { changes: 15 }],
  ['changes-while-changing', { changes: 15 }],
  ['promotes-at-once', { changes: 15, wiping: false }],
  ['releases-what-is-committed', { changes: 15, wiping: false }],
  ['asks-nobody-first', {}],
  ['leads-forever', { changes: 0 }],
  ['votes-for-older-logs', {}],
  ['compares-nothing', { changes: 0, storm: 40 }],
];
for (const [mutant, world] of mutants) {
  t.test(`the checks find a node that ${mutant}`, (t) => {
    const found = findViolation(mutant, world, 3) ?? findViolation(mutant, world, 5);
    t.comment(String(found));
    t.not(found, null);
    t.end();
  });
}
