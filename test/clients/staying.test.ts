import t from 'tap';

import { campaign, clusterFor } from '../harness/surviving/campaign.ts';
import { libraries } from '../harness/surviving/staying.ts';

/** stompit's are in the cluster suite. */
for (const library of libraries.filter((one) => one !== 'stompit')) {
  t.test(`${library}: clients of the other nodes stay while the master gets SIGKILL`, async (t) => {
    const cluster = await clusterFor('kill');
    t.teardown(async () => cluster.stop(!t.passing()));
    const result = await campaign(cluster, { library, paceMs: 20, how: 'kill', rounds: 2 });
    t.comment(`pauses of ${result.pausesMs.map(Math.round).join(' and ')} ms, ${result.receipts} receipts`);
    t.ok(result.clean, JSON.stringify(result.verdicts));
  });
}
