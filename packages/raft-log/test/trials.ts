/** Runs of parts of this package, each drawn from a seed, for who breaks something in them and wants to see it noticed. */
import { complaintOf } from './complaint.ts';
import type { Complaint } from './complaint.ts';
import { crashHistory } from './driver/compaction/crash-history.ts';
import { crashAndRecover } from './driver/storage/crash-run.ts';
import type { CrashRunOptions } from './driver/storage/crash-run.ts';
import { damageAndOpen } from './driver/storage/damage-run.ts';
import type { Mutant } from './node/mutants.ts';
import { SimCluster } from './node/sim-cluster.ts';
import type { World } from './node/world.ts';

export type { Complaint } from './complaint.ts';
export { brokenRules } from './node/mutants.ts';
export type { BrokenRule, Mutant as NodeBug } from './node/mutants.ts';
export type { World as NodeWorld } from './node/world.ts';

const steps = 4000;

/** Pure nodes, with a network that loses, repeats and reorders, and members that crash, come and go. */
export async function tryNodes(
  seed: number,
  size: number,
  bug: Mutant,
  world: Partial<World>,
): Promise<Complaint | null> {
  try {
    new SimCluster(seed, size, bug, world).run(steps);
    return null;
  } catch (error) {
    return complaintOf(error);
  }
}

/** A storage whose power fails. */
export async function tryCrash(seed: number, options: CrashRunOptions = {}): Promise<Complaint | null> {
  return crashAndRecover(seed, options).catch(complaintOf);
}

/** A journal with a wrong byte. */
export async function tryDamage(seed: number): Promise<Complaint | null> {
  return damageAndOpen(seed).catch(complaintOf);
}

/** Snapshots and compaction, with crashes. */
export async function tryCompaction(seed: number): Promise<Complaint | null> {
  try {
    const { wrong } = await crashHistory(seed);
    return wrong === null ? null : { invariant: 'no live record is lost', detail: wrong };
  } catch (error) {
    return complaintOf(error);
  }
}
