import { setTimeout as pause } from 'node:timers/promises';

import type { ProcessCluster, ProcessNode } from '../process-cluster.ts';
import { until } from '../until.ts';
import type { Staying } from './staying.ts';

/** What can happen to one node of three, so that clients of the others must notice nothing but a pause. */
export const happenings = ['kill', 'stop', 'partition', 'rolling', 'transfer'] as const;
export type Happening = (typeof happenings)[number];

/** Ways to be cut off: whole, unheard, deaf; the master or a slave. */
export const partitions = [
  'master alone',
  'slave alone',
  'master unheard',
  'master deaf',
  'slave unheard',
  'slave deaf',
] as const;
export type Partition = (typeof partitions)[number];

/** Well below the lease, and longer than an election takes. */
const partitionMs = 3000;
/** A node that was started less than a second ago is dialled again with growing waits: its death would be seen late, and the pause tell of that. */
const restMs = 1500;
/** Receipts of each producer that show that all is well again. */
const enough = 10;

/** Makes that node the master. */
export async function lead(cluster: ProcessCluster, node: ProcessNode): Promise<void> {
  await until(`node ${node.id} to lead`, async () => {
    const master = await cluster.settled();
    if (master === node) return true;
    await transferTo(master, node);
    return false;
  });
}

async function transferTo(master: ProcessNode, to: ProcessNode): Promise<boolean> {
  const headers = { 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${master.adminPort}/api/v1/transfer`;
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ to: to.id }) })).ok;
}

/** The longest pause of a producer, milliseconds, on the nodes to which nothing happens. */
type Round = (cluster: ProcessCluster, staying: Staying, victim: ProcessNode) => Promise<number>;

/** A transaction is open on every node before it happens, and is committed after it. */
async function through(staying: Staying, happen: () => Promise<void>): Promise<number> {
  await staying.hold();
  staying.books.beginPause();
  await happen();
  await staying.progress(enough);
  const pauseMs = staying.books.longestPauseMs();
  staying.release();
  await staying.commits(2 * staying.nodes.length);
  return pauseMs;
}

/** SIGKILL of the master; it comes back. */
export const killRound: Round = async (cluster, staying, victim) => {
  await lead(cluster, victim);
  await pause(restMs);
  await staying.progress(enough);
  const pauseMs = await through(staying, async () => cluster.kill(victim));
  cluster.revive(victim);
  await cluster.settled();
  return pauseMs;
};

/** SIGSTOP of the master, until another one leads. */
export const stopRound: Round = async (cluster, staying, victim) => {
  await lead(cluster, victim);
  await staying.progress(enough);
  const pauseMs = await through(staying, async () => cluster.signal(victim, 'SIGSTOP'));
  cluster.signal(victim, 'SIGCONT');
  await cluster.settled();
  return pauseMs;
};

/** A clean restart of whatever the node is. */
export const restartRound: Round = async (cluster, staying, victim) => {
  await staying.progress(enough);
  const pauseMs = await through(staying, async () => cluster.kill(victim, 'SIGTERM'));
  cluster.revive(victim);
  await cluster.settled();
  await staying.progress(enough);
  return pauseMs;
};

/** Mastership is handed to that node; all nodes have clients. */
export const transferRound: Round = async (cluster, staying, victim) => {
  await staying.progress(enough);
  return through(staying, async () => lead(cluster, victim));
};

/**
 * Cut off for less than the lease. `staying` are on the other nodes; `beside` are on all of them, and share their queues with those that are cut
 * off, who notice nothing but a pause either.
 */
export function partitionRound(how: Partition, beside: Staying): Round {
  return async (cluster, staying, victim) => {
    const { wires } = cluster;
    if (wires === null) throw new Error('the cluster has no wires');
    const others = cluster.nodes.filter((node) => node !== victim);
    await lead(cluster, how.startsWith('master') ? victim : others[0]!);
    await staying.progress(enough);
    await Promise.all([staying.hold(), beside.hold()]);
    staying.books.beginPause();
    for (const { id } of others) {
      if (!how.endsWith('deaf')) wires.cut(victim.id, id);
      if (!how.endsWith('unheard')) wires.cut(id, victim.id);
    }
    const over = pause(partitionMs);
    await staying.progress(enough);
    const pauseMs = staying.books.longestPauseMs();
    await over;
    wires.healAll();
    await Promise.all([staying.progress(enough), beside.progress(enough)]);
    for (const clients of [staying, beside]) {
      clients.release();
      await clients.commits(2 * clients.nodes.length);
    }
    await cluster.settled();
    return pauseMs;
  };
}
