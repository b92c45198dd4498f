import { ProcessCluster } from '../process-cluster.ts';
import type { ProcessNode } from '../process-cluster.ts';
import { isClean } from './books.ts';
import { killRound, partitionRound, partitions, restartRound, stopRound, transferRound } from './rounds.ts';
import type { Happening } from './rounds.ts';
import { Staying } from './staying.ts';
import type { StayingOptions, StayingVerdict } from './staying.ts';

export interface CampaignOptions extends StayingOptions {
  readonly how: Happening;
  readonly rounds: number;
  /** Told of each round as it ends. */
  readonly onRound?: (round: number, what: string, pauseMs: number) => void;
}

export interface CampaignResult {
  /** Of each round; milliseconds. */
  readonly pausesMs: readonly number[];
  readonly receipts: number;
  readonly deliveries: number;
  readonly transactions: number;
  readonly clean: boolean;
  /** Of each set of clients that stayed. */
  readonly verdicts: readonly StayingVerdict[];
}

/** What happens in a round, and to whom. */
interface Play {
  readonly what: string;
  readonly victim: ProcessNode;
  readonly run: (staying: Staying, beside: Staying | null) => Promise<number>;
}

function play(cluster: ProcessCluster, how: Happening, round: number): Play {
  const turn = cluster.nodes[round % cluster.nodes.length]!;
  const fixed = cluster.nodes[0]!;
  const partition = partitions[round % partitions.length]!;
  switch (how) {
    case 'kill':
      return { what: `kill ${fixed.id}`, victim: fixed, run: (staying) => killRound(cluster, staying, fixed) };
    case 'stop':
      return { what: `stop ${fixed.id}`, victim: fixed, run: (staying) => stopRound(cluster, staying, fixed) };
    case 'rolling':
      return { what: `restart ${turn.id}`, victim: turn, run: (staying) => restartRound(cluster, staying, turn) };
    case 'transfer':
      return { what: `transfer to ${turn.id}`, victim: turn, run: (staying) => transferRound(cluster, staying, turn) };
    case 'partition':
      return {
        what: `${partition}: ${fixed.id}`,
        victim: fixed,
        run: (staying, beside) => partitionRound(partition, beside!)(cluster, staying, fixed),
      };
  }
}

/**
 * Clients that stay on the nodes of a cluster to which nothing happens, through so many rounds. Where the same node suffers in every round, the
 * same connections go through all of them. `cluster` of three; with wires for partitions.
 */
export async function campaign(cluster: ProcessCluster, options: CampaignOptions): Promise<CampaignResult> {
  const { how, rounds } = options;
  const pausesMs: number[] = [];
  const verdicts: StayingVerdict[] = [];
  const sum = { receipts: 0, deliveries: 0, transactions: 0 };
  let groups: readonly Staying[] = [];
  const end = async (): Promise<void> => {
    for (const group of groups) {
      const { books } = group;
      verdicts.push(await group.end());
      sum.receipts += books.receipts;
      sum.deliveries += books.deliveries;
      sum.transactions += books.transactions;
    }
    groups = [];
  };
  try {
    for (let round = 0; round < rounds; round++) {
      const { what, victim, run } = play(cluster, how, round);
      if (how === 'rolling') await end();
      await cluster.settled();
      if (groups.length === 0) groups = await begin(cluster, victim, options);
      const pauseMs = await run(groups[0]!, groups[1] ?? null);
      pausesMs.push(pauseMs);
      options.onRound?.(round, what, pauseMs);
    }
    await end();
  } catch (error) {
    if (groups.length === 0) throw error;
    // What was seen up to then says more than where it showed.
    const left = [`it ended early: ${(error as Error).message}`];
    for (const group of groups) verdicts.push({ ...group.verdict(), left });
    for (const group of groups) group.drop();
  }
  const clean = verdicts.every((verdict) => isClean(verdict) && verdict.left.length === 0);
  return { pausesMs, ...sum, clean, verdicts };
}

/** When mastership only moves, the clients of all nodes stay; where one is cut off for a moment, its own do too, beside those of the others. */
async function begin(
  cluster: ProcessCluster,
  victim: ProcessNode,
  options: CampaignOptions,
): Promise<readonly Staying[]> {
  const { how } = options;
  const others = cluster.nodes.filter((node) => node !== victim);
  const staying = await Staying.begin(cluster, how === 'transfer' ? cluster.nodes : others, options);
  if (how !== 'partition') return [staying];
  return [staying, await Staying.begin(cluster, cluster.nodes, options)];
}

/** The cluster that it needs. */
export async function clusterFor(how: Happening): Promise<ProcessCluster> {
  return ProcessCluster.start({ wired: how === 'partition' });
}
