import t from 'tap';
import type { Test } from 'tap';

import { campaign, clusterFor } from '../harness/surviving/campaign.ts';
import type { Happening } from '../harness/surviving/rounds.ts';

/** Clients whose own node goes on must notice nothing but a pause. */
async function unnoticed(t: Test, how: Happening, rounds: number): Promise<void> {
  const cluster = await clusterFor(how);
  t.teardown(async () => cluster.stop(!t.passing()));
  t.comment(`logs in ${cluster.directory} if this fails`);
  const onRound = (round: number, what: string, pauseMs: number): void =>
    t.comment(`round ${round}, ${what}: a pause of ${Math.round(pauseMs)} ms`);
  const result = await campaign(cluster, { library: 'stompit', paceMs: 10, how, rounds, onRound });
  const { receipts, deliveries, transactions } = result;
  t.comment(`${receipts} receipts, ${deliveries} deliveries, ${transactions} transactions`);
  for (const { marked, ...broken } of result.verdicts) {
    t.comment(`${marked.length} came behind later ones, marked`);
    t.same(broken, {
      lost: [],
      phantoms: [],
      unmarkedRepeats: [],
      disorder: [],
      doubled: [],
      cuts: [],
      left: [],
    });
  }
}

t.test('SIGKILL of the master', async (t) => unnoticed(t, 'kill', 3));
t.test('SIGSTOP of the master', async (t) => unnoticed(t, 'stop', 2));
t.test('a member cut off from the others, whole or one way', async (t) => unnoticed(t, 'partition', 6));
t.test('all three restarted, one after the other', async (t) => unnoticed(t, 'rolling', 3));
t.test('mastership handed round', async (t) => unnoticed(t, 'transfer', 3));
