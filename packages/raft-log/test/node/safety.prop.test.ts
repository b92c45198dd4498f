import t from 'tap';
import { Violation } from './invariants.ts';
import { SimCluster } from './sim-cluster.ts';
import type { Mutant } from './sim-member.ts';

const STEPS = 3000;
const SEEDS = 100;

/** The first seed that shows a violation, or null. */
function findViolation(mutant: Mutant, size: number, seeds: number): string | null {
  for (let seed = 0; seed < seeds; seed += 1) {
    try {
      new SimCluster(seed, size, mutant).run(STEPS);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return `seed ${seed}: ${error.message}`;
    }
  }
  return null;
}

for (const size of [1, 2, 3, 5]) {
  t.test(`${size} members stay safe under faults and come back to life after them`, (t) => {
    let committed = 0;
    let elections = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const cluster = new SimCluster(seed, size);
      try {
        cluster.run(STEPS * Math.ceil(size / 3));
        const stuck = cluster.settle();
        if (stuck !== null) t.fail(`seed ${seed}: ${stuck}`);
        cluster.invariants.checkLogs(cluster.members);
      } catch (error) {
        t.fail(`seed ${seed}: ${String(error)} ${error instanceof Error ? error.stack : ''}`);
      }
      committed += cluster.invariants.lastCommitted;
      elections += cluster.invariants.elections;
    }
    t.comment(`${committed} entries committed in ${elections} terms`);
    t.ok(committed > SEEDS * 25, 'the faults leave room for work');
    t.end();
  });
}

const mutants: readonly Mutant[] = [
  'counts-earlier-terms',
  'votes-not-persisted',
  'answers-before-disk',
  'wiped-may-vote',
  'admits-unconfirmed',
];
for (const mutant of mutants) {
  t.test(`the checks find a node that ${mutant}`, (t) => {
    const found = findViolation(mutant, 3, 400) ?? findViolation(mutant, 5, 400);
    t.comment(String(found));
    t.not(found, null);
    t.end();
  });
}
