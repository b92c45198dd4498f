import type { Test } from 'tap';

import { FailoverConsumer, FailoverProducer } from './failover-clients.ts';
import { Ledger } from './ledger.ts';
import { ProcessCluster } from './process-cluster.ts';
import type { ProcessClusterOptions } from './process-cluster.ts';
import { until } from './until.ts';

const kept = { lost: [], phantoms: [], unmarkedRepeats: [], disorder: [] };

/**
 * Runs producers and consumers against three processes while `faults` happen to them, and judges the books at the end. `progress`
 * resolves when so many more receipts have come.
 */
export async function underLoad(
  t: Test,
  faults: (cluster: ProcessCluster, progress: (more: number) => Promise<void>) => Promise<void>,
  options: ProcessClusterOptions = {},
): Promise<void> {
  const cluster = await ProcessCluster.start(options);
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
