import { isJoint } from '@lockstep/raft-log';

import type { SimCluster, SimNode } from '../sim-cluster.ts';

/** So long a member must have been a voter again before another one's disk may go: then its own disk says so too. */
const settledMs = 3000;

/**
 * The promise holds for damage to fewer than half of the members at a time. Damaged is a member whose disk was emptied, until it
 * votes again, or holds bytes that are not those written, until they are gone. Being stopped, cut off, slow, or without what was not synced is no
 * damage, and may happen to all of them.
 */
export class DamageBudget {
  readonly #cluster: SimCluster;
  readonly #founded = new Set<SimNode>();
  readonly #voterSinceMs = new Map<SimNode, number>();

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    cluster.onDiskReplaced = (member) => this.emptied(member);
  }

  /** To be called now and then: notes who votes. */
  look(): void {
    const { nowMs } = this.#cluster.world.simulation;
    for (const member of this.#cluster.nodes) {
      const standing = member.node?.log.raft?.status.standing;
      if (standing === undefined || member.process?.state !== 'running') continue;
      if (standing !== 'voter') this.#voterSinceMs.delete(member);
      else if (!this.#voterSinceMs.has(member)) this.#voterSinceMs.set(member, nowMs);
      if (standing === 'voter') this.#founded.add(member);
    }
  }

  /** May this member's disk be damaged now? A cluster that is just being founded is spared. */
  allows(member: SimNode): boolean {
    this.look();
    const { configuration } = this.#cluster;
    if (configuration === null || isJoint(configuration) || configuration.votersNext.length > 0) return false;
    const voters = this.#cluster.nodes.filter(({ name }) => configuration.voters.some((id) => id === name));
    if (!voters.includes(member) || !voters.every((one) => this.#founded.has(one))) return false;
    const damaged = voters.filter((one) => one !== member && this.#isDamaged(one)).length;
    return damaged + 1 <= Math.floor((voters.length - 1) / 2);
  }

  /** This member's disk is empty. */
  emptied(member: SimNode): void {
    this.#voterSinceMs.delete(member);
  }

  #isDamaged(member: SimNode): boolean {
    const since = this.#voterSinceMs.get(member);
    if (since === undefined || this.#cluster.world.simulation.nowMs - since < settledMs) return true;
    return member.misreads || member.host.device.rottenBytes > 0;
  }
}
