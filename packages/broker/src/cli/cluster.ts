import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { clusterLayout } from '../cluster/cluster-layout.ts';
import type { NodeLayout } from '../cluster/cluster-layout.ts';
import { takeClusterDirectory } from '../cluster/cluster-directory.ts';
import { takenPort } from '../cluster/free-ports.ts';
import { LocalCluster } from '../cluster/local-cluster.ts';
import { watchRunners } from '../cluster/runner-parents.ts';
import { DataLockedError } from '../ports/data-lock.ts';
import type { DataLock } from '../ports/data-lock.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

export interface ClusterFlags {
  readonly nodes: string;
  readonly basePort?: string;
  readonly data: string;
  readonly fresh?: boolean;
}

const KEYS = 'keys: k kill the master · p pause it · r revive what is down · s send a few messages · q quit';
const DEMO_QUEUE = '/queue/demo';
const DEMO_MESSAGES = 5;

function say(line: string): void {
  console.log(`${new Date().toTimeString().slice(0, 8)}  ${line}`);
}

function layoutOf(flags: ClusterFlags): readonly NodeLayout[] {
  try {
    return clusterLayout(Number(flags.nodes), flags.basePort === undefined ? undefined : Number(flags.basePort));
  } catch (error) {
    throw new CommandError(exitCodes.usage, (error as Error).message, error);
  }
}

async function takeDirectory(data: string, layout: readonly NodeLayout[], fresh: boolean): Promise<DataLock> {
  try {
    return await takeClusterDirectory(data, layout, fresh);
  } catch (error) {
    const hint = error instanceof DataLockedError ? ', which runs a cluster there: --data names another directory' : '';
    throw new CommandError(exitCodes.usage, `${(error as Error).message}${hint}`, error);
  }
}

/** SENDs with receipts through whichever node answers: shows that the broker takes messages just now. */
async function sendSome({ uri, master }: LocalCluster): Promise<void> {
  if (master === null) say('there is no master just now: the messages wait for one');
  const { connectClient, clientFailure } = await import('./client.ts');
  const startedMs = performance.now();
  try {
    const client = await connectClient({ uri, login: {}, patient: false });
    const bodies = Array.from({ length: DEMO_MESSAGES }, (_, index) => `message ${index + 1} of ${DEMO_MESSAGES}`);
    await Promise.all(bodies.map((body) => client.send(DEMO_QUEUE, Buffer.from(body))));
    const took = Math.round(performance.now() - startedMs);
    say(`${DEMO_MESSAGES} messages sent to ${DEMO_QUEUE} and acknowledged, in ${took} ms`);
    await client.disconnect();
  } catch (error) {
    say(error instanceof CommandError ? error.message : clientFailure(error, uri).message);
  }
}

function takeKeys(cluster: LocalCluster, quit: () => void): void {
  const { stdin } = process;
  if (!stdin.isTTY) return;
  stdin.setRawMode(true);
  stdin.setEncoding('utf8').on('data', (keys: string) => {
    for (const key of keys) {
      if (key === 'k') void cluster.killMaster();
      else if (key === 'p') cluster.pauseMaster();
      else if (key === 'r') void cluster.revive();
      else if (key === 's') void sendSome(cluster);
      else if (key === 'q' || key === '\u0003' || key === '\u0004') quit();
      else if (key >= ' ' || key === '\r') say(`${cluster.summary}   (${KEYS})`);
    }
  });
}

function announce(cluster: LocalCluster, layout: readonly NodeLayout[], data: string): void {
  console.log(`ready ${cluster.uri}`);
  console.log(`WebSocket: ${layout.map(({ id, ws }) => `${id} ws://${ws}`).join('  ')}`);
  console.log(`status pages: ${layout.map(({ id, admin }) => `${id} http://${admin}/`).join('  ')}`);
  console.log(`logs: ${data}/{${layout.map(({ id }) => id).join(',')}}.log`);
  console.log(process.stdin.isTTY ? KEYS : 'SIGINT or SIGTERM ends it');
}

/** Runs until it is told to stop. @throws CommandError */
export async function cluster(flags: ClusterFlags): Promise<void> {
  const layout = layoutOf(flags);
  const data = resolve(flags.data);
  const lock = await takeDirectory(data, layout, flags.fresh === true);
  let end: (failure: CommandError | null) => void = () => {};
  const ended = new Promise<CommandError | null>((settle) => (end = settle));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(null));
  watchRunners(() => end(null));
  const taken = await takenPort(layout);
  if (taken !== null) {
    await lock.release();
    throw new CommandError(exitCodes.failed, taken);
  }
  say(`starting ${layout.length} nodes, with data in ${data}`);
  const nodes: LocalCluster = new LocalCluster({
    command: [process.execPath, fileURLToPath(new URL('../../../bin/lockstep.js', import.meta.url))],
    layout,
    data,
    say,
    onReady: () => announce(nodes, layout, data),
    onStartFailure: (reason) => end(new CommandError(exitCodes.failed, reason)),
  });
  takeKeys(nodes, () => end(null));
  const failure = await ended;
  if (failure === null) say('stopping all nodes');
  await nodes.stop();
  await lock.release();
  if (failure !== null) throw failure;
  process.exit(exitCodes.fine);
}
