import { ProcessCluster } from '../../harness/process-cluster.ts';
import type { RunningServer } from '../server.ts';

/** The passcode of the one user is `guest`, as it is that of the others'. */
const config = `
users:
  - name: guest
    password: scrypt$ln=14,r=8,p=1$XY6Agtp5XC0LQsvdHliqmA$lDtxAcWqyePz6ecEWGny+dqdFIt+jsnRefV+wZvYRUk
`;

/** A broker of one, with its data in a directory of its own. */
export async function startLockstep(): Promise<RunningServer> {
  const cluster = await ProcessCluster.start({ nodes: 1, config });
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
