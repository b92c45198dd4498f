import { isJoint } from '@lockstep/raft-log';

import type { SimCluster, SimNode } from '../sim-cluster.ts';

/** So long a member must have been a voter again before another one's disk may go: then its own disk says so too. */
const settledMs = 3000;

interface Held {
  /** A witness has no bodies up to here. */
  readonly snapshotIndex: number;
  readonly persistedIndex: number;
}

/**
 * The promise holds for damage to fewer than half of the members at a time. Damaged is a member whose disk was emptied, holds bytes that are not
 * those written, or brings them when it is read; and it stays damaged, whatever it has cut off meanwhile, until it votes again. Being stopped, cut off, slow, or without what
 * was not synced is no damage, and may happen to all of them.
 *
 * A witness whose log was lost is sent the shape of what it lacks, and votes; but a slave that has not got that yet can't have it from the witness.
 * Until it has, the witness counts as damaged.
 */
export class DamageBudget {
  readonly #cluster: SimCluster;
  readonly #founded = new Set<SimNode>();
  readonly #soundSinceMs = new Map<SimNode, number>();
  /** What each member had on its disk when it was last looked at. */
  readonly #held = new Map<SimNode, Held>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    cluster.onDiskReplaced = (member) => this.damaged(member);
  }

  /** To be called now and then: notes who votes. */
  look(): void {
    const { nowMs } = this.#cluster.world.simulation;
    for (const member of this.#cluster.nodes) {
      if (this.#isRotten(member)) this.#soundSinceMs.delete(member);
      const raft = member.node?.log.raft ?? null;
      if (raft === null || member.process?.state !== 'running') continue;
      const { standing } = raft.status;
      const { snapshotIndex, persistedIndex } = raft;
      this.#held.set(member, { snapshotIndex, persistedIndex });
      if (standing === 'voter') this.#founded.add(member);
      if (standing !== 'voter') this.#soundSinceMs.delete(member);
      else if (!this.#isRotten(member) && !this.#soundSinceMs.has(member)) this.#soundSinceMs.set(member, nowMs);
    }
  }

  /** May this member's disk be damaged now? A cluster that is just being founded is spared. */
  allows(member: SimNode): boolean {
    this.look();
    const { configuration } = this.#cluster;
    if (configuration === null || isJoint(configuration) || configuration.votersNext.length > 0) return false;
    const voters = this.#cluster.nodes.filter(({ name }) => configuration.voters.some((id) => id === name));
    if (!voters.includes(member) || !voters.every((one) => this.#founded.has(one))) return false;
    // One that has a joint configuration in its log, though it be uncommitted, asks other majorities.
    if (voters.some((one) => one.isJoint)) return false;
    const damaged = voters.filter((one) => one !== member && (this.#isDamaged(one) || this.#lacks(one, voters)));
    return damaged.length + 1 <= Math.floor((voters.length - 1) / 2);
  }

  /** This member's disk was emptied, or damaged just now: what it does about that may not show before it runs again. */
  damaged(member: SimNode): void {
    this.#soundSinceMs.delete(member);
    this.#held.delete(member);
  }

  /** A witness, and what it has no bodies of is not on the disks of all who keep them. */
  #lacks(one: SimNode, voters: readonly SimNode[]): boolean {
    const { snapshotIndex = 0 } = this.#held.get(one) ?? {};
    const holds = (other: SimNode): boolean => (this.#held.get(other)?.persistedIndex ?? 0) >= snapshotIndex;
    return one.witness && voters.some((other) => !other.witness && !holds(other));
  }

  #isDamaged(member: SimNode): boolean {
    const since = this.#soundSinceMs.get(member);
    return since === undefined || this.#cluster.world.simulation.nowMs - since < settledMs;
  }

  #isRotten(member: SimNode): boolean {
    return member.misreads || member.host.device.rottenBytes > 0;
  }
}
