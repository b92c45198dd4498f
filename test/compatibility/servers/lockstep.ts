import { ProcessCluster } from '../../harness/process-cluster.ts';
import type { RunningServer } from '../server.ts';

/** A broker of one, with its data in a directory of its own. */
export async function startLockstep(): Promise<RunningServer> {
  const cluster = await ProcessCluster.start({ nodes: 1 });
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('a cluster of one has a node');
  return {
    name: 'Lockstep',
    port: node.stompPort,
    host: 'localhost',
    login: 'guest',
    passcode: 'guest',
    patienceMs: 800,
    stop: async () => cluster.stop(),
  };
}
