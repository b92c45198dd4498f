import t from 'tap';
import type { Test } from 'tap';

import { FailoverConsumer, FailoverProducer } from '../harness/failover-clients.ts';
import { Ledger } from '../harness/ledger.ts';
import { ProcessCluster } from '../harness/process-cluster.ts';
import { until } from '../harness/until.ts';

const kept = { lost: [], phantoms: [], unmarkedRepeats: [], disorder: [] };

/** Runs producers and consumers against three processes while `faults` happen to them, and judges the books at the end. */
async function underLoad(
  t: Test,
  faults: (cluster: ProcessCluster, progress: (more: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const cluster = await ProcessCluster.start();
  t.teardown(async () => cluster.stop(!t.passing()));
  t.comment(`logs in ${cluster.directory} if this fails`);
  const ledger = new Ledger();
  const shared = { uri: cluster.failoverUri, destination: '/queue/nothing-lost', ledger };
  const producers = ['p1', 'p2', 'p3'].map((name) => new FailoverProducer({ ...shared, name, window: 20 }));
  const consumers = ['c1', 'c2', 'c3'].map((name) => new FailoverConsumer({ ...shared, name, prefetch: 50 }));
  const progress = async (more: number): Promise<void> => {
    const goal = ledger.receipts + more;
    await until(`${more} more receipts`, () => ledger.receipts >= goal);
  };
  await progress(500);
  await faults(cluster, progress);
  await Promise.all(producers.map(async (producer) => producer.stop()));
  await until('every receipted message to arrive', () => ledger.complete).catch(() => undefined);
  for (const consumer of consumers) consumer.stop();
  t.comment(`${ledger.receipts} receipts, ${ledger.deliveries} deliveries, ${ledger.resent} sent again`);
  t.same(ledger.verdict(), kept);
}

t.test('SIGKILL of the master, six times, each time revived', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    for (let round = 0; round < 6; round++) {
      const master = await cluster.settled();
      await cluster.kill(master);
      await progress(300);
      cluster.revive(master);
      await progress(300);
    }
  });
});

t.test(
  'a master stopped for longer than the election time-out hands out no receipt for what is not kept',
  async (t) => {
    await underLoad(t, async (cluster, progress) => {
      for (let round = 0; round < 3; round++) {
        const master = await cluster.settled();
        cluster.signal(master, 'SIGSTOP');
        await cluster.master(master);
        await progress(100);
        cluster.signal(master, 'SIGCONT');
        await progress(300);
      }
    });
  },
);

t.test('SIGKILL of all three at once, and a restart', async (t) => {
  await underLoad(t, async (cluster, progress) => {
    for (let round = 0; round < 3; round++) {
      await cluster.settled();
      await Promise.all(cluster.nodes.map(async (node) => cluster.kill(node)));
      for (const node of cluster.nodes) cluster.revive(node);
      await progress(300);
    }
  });
});
