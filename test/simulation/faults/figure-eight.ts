import type { RaftNode } from '@lockstep/raft-log';

import type { SimCluster, SimNode } from '../sim-cluster.ts';

type Act = 'uncommitted' | 'other leads' | 'other holds' | 'old leads again' | 'old commits' | 'over';

/**
 * Raft's figure 8, played on three nodes. The leader is cut off while it holds entries that are not committed; another leads and puts an entry of its
 * own on its disk alone, then dies; the first leads again and brings its old entries to the third node. Were they committed for being on a
 * majority, the second would overwrite what was committed, once the first has died and it leads again (§5.4.2).
 *
 * Looks at the cluster after every step, and moves on when the scene is set. A node that behaves never lets it come to the last act.
 */
export class FigureEight {
  readonly #cluster: SimCluster;
  readonly #old: SimNode;
  readonly #others: readonly SimNode[];
  #act: Act = 'uncommitted';
  /** Who leads in between, and the third. */
  #other: SimNode | null = null;
  #third: SimNode | null = null;
  /** The first leader's last entry before it was cut off from the others. */
  #oldIndex = 0;
  readonly #watch = (): void => this.#look();

  private constructor(cluster: SimCluster, old: SimNode) {
    this.#cluster = cluster;
    this.#old = old;
    this.#others = cluster.nodes.filter((node) => node !== old);
    for (const node of this.#others) cluster.world.wires.cut(old.name, node.name);
    cluster.watchers.add(this.#watch);
  }

  /** Null without a leader, or with another number of nodes than three. Else how to end it. */
  static begin(cluster: SimCluster): (() => void) | null {
    const { leader } = cluster;
    if (cluster.nodes.length !== 3 || cluster.members.length !== 3 || leader === undefined) return null;
    const play = new FigureEight(cluster, leader);
    return () => play.#end();
  }

  #look(): void {
    const old = raftOf(this.#old);
    switch (this.#act) {
      case 'uncommitted':
        if (old === null) this.#act = 'over';
        else if (old.lastIndex > old.commitIndex) this.#act = 'other leads';
        break;
      case 'other leads':
        this.#otherLeads();
        break;
      case 'other holds':
        this.#otherHolds();
        break;
      case 'old leads again':
        if (old?.role === 'leader') this.#act = 'old commits';
        break;
      case 'old commits':
        this.#oldCommits(old);
        break;
      case 'over':
        break;
    }
  }

  #otherLeads(): void {
    const other = this.#others.find((node) => raftOf(node)?.role === 'leader');
    const third = this.#others.find((node) => node !== other);
    if (other === undefined || third === undefined) return;
    // Before its first entry has gone out.
    this.#cluster.world.wires.cut(other.name, third.name);
    [this.#other, this.#third] = [other, third];
    this.#oldIndex = raftOf(this.#old)?.lastIndex ?? 0;
    this.#act = 'other holds';
  }

  #otherHolds(): void {
    const raft = this.#other === null ? null : raftOf(this.#other);
    if (raft === null || this.#other === null || this.#third === null) {
      this.#act = 'over';
    } else if (raft.status.persistedIndex === raft.lastIndex && raft.termAt(raft.lastIndex) === raft.term) {
      this.#cluster.kill(this.#other);
      this.#cluster.world.wires.heal(this.#old.name, this.#third.name);
      this.#act = 'old leads again';
    }
  }

  #oldCommits(old: RaftNode | null): void {
    if (old === null || this.#other === null || this.#third === null) {
      this.#act = 'over';
    } else if (old.termAt(old.commitIndex) === old.term) {
      this.#act = 'over';
    } else if (old.commitIndex >= this.#oldIndex) {
      this.#cluster.kill(this.#old);
      this.#cluster.start(this.#other);
      this.#cluster.world.wires.heal(this.#other.name, this.#third.name);
      this.#act = 'over';
    }
  }

  #end(): void {
    this.#cluster.watchers.delete(this.#watch);
    for (const node of this.#cluster.nodes) {
      for (const other of this.#cluster.nodes) {
        if (other !== node) this.#cluster.world.wires.heal(node.name, other.name);
      }
      this.#cluster.start(node);
    }
  }
}

function raftOf(node: SimNode): RaftNode | null {
  return node.node?.log.raft ?? null;
}
