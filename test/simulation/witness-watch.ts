import type { RaftNode } from '@lockstep/raft-log';

import { InvariantViolation } from './invariants.ts';
import type { NodeView } from './invariants.ts';
import type { SimCluster } from './sim-cluster.ts';

/** Where a witness stood when it was last looked at. */
interface Before {
  readonly raft: RaftNode;
  readonly snapshotIndex: number;
  readonly persistedIndex: number;
}

/** What a member has said that it holds. */
interface Holding {
  readonly disk: number;
  /** On that disk. */
  readonly index: number;
  /** On whatever disk it has had. */
  readonly furthest: number;
}

/**
 * Looks at the witnesses of a cluster after every step: they serve nobody, and keep what a voter with a state has not yet got. Tells the story
 * of how they were needed.
 */
class WitnessWatch {
  readonly #cluster: SimCluster;
  readonly #before = new Map<string, Before>();
  readonly #holdings = new Map<string, Holding>();
  /** Data members that are down, and that some witness holds something for. */
  readonly #missed = new Set<string>();
  /** To whom a witness handed over what it led for, and the term in which it did. */
  #handedOver: { readonly to: string; readonly term: number } | null = null;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    cluster.watchers.add(() => this.#look());
    cluster.onHandOver = (from, to, term) => {
      if (!cluster.nodes.some(({ name, witness }) => name === from && witness)) return;
      cluster.story.saw('witnesses elected');
      this.#handedOver = { to, term };
    };
  }

  #look(): void {
    const { views } = this.#cluster;
    for (const { name, disk, raft } of views) {
      const known = this.#holdings.get(name);
      // While a snapshot is installed the node no longer says which of the entries before it have come to its disk.
      const index = Math.max(raft.persistedIndex, raft.snapshotIndex);
      if (known?.disk === disk && known.index === index) continue;
      this.#holdings.set(name, { disk, index, furthest: Math.max(known?.furthest ?? 0, index) });
    }
    for (const view of views) {
      if (view.witness) this.#check(view);
      const { role, term } = view.raft;
      if (role !== 'leader' || view.name !== this.#handedOver?.to || term <= this.#handedOver.term) continue;
      if (term === this.#handedOver.term + 1) this.#cluster.story.saw('a witness elected handed over');
      this.#handedOver = null;
    }
  }

  #check({ name, raft }: NodeView): void {
    const { role, snapshotIndex, persistedIndex } = raft;
    if (role === 'leader' || raft.serving) this.#broken('a witness serves nobody', `${name} leads visibly`);
    const before = this.#before.get(name);
    // A shape that a leader has sent is of what the witness never had.
    const letGo =
      before?.raft === raft && snapshotIndex > before.snapshotIndex && snapshotIndex <= before.persistedIndex;
    if (letGo) this.#checkRelease(name, raft);
    this.#noteMissed(raft);
    if (before?.raft !== raft || before.snapshotIndex !== snapshotIndex || before.persistedIndex !== persistedIndex)
      this.#before.set(name, { raft, snapshotIndex, persistedIndex });
  }

  #checkRelease(name: string, raft: RaftNode): void {
    this.#cluster.story.saw('witnesses let go of what all have');
    const { voters, witnesses } = raft.configurationAt(raft.snapshotIndex).configuration;
    const still = [...raft.configuration.voters, ...raft.configuration.votersOutgoing];
    for (const id of voters) {
      if (witnesses.includes(id) || !still.includes(id)) continue;
      const furthest = this.#holdings.get(id)?.furthest ?? 0;
      if (furthest < raft.snapshotIndex)
        this.#broken(
          'a witness keeps what a member with a state lacks',
          `${name} lets go of ${raft.snapshotIndex}, and ${id} has had ${furthest}`,
        );
    }
  }

  #noteMissed({ configuration, commitIndex, snapshotIndex }: RaftNode): void {
    for (const { name, process, witness } of this.#cluster.nodes) {
      if (process !== null) this.#missed.delete(name);
      if (process !== null || witness || this.#missed.has(name)) continue;
      const held = this.#holdings.get(name)?.index ?? 0;
      const isVoter = configuration.voters.some((id) => id === name);
      if (!isVoter || commitIndex <= held || snapshotIndex > held) continue;
      this.#missed.add(name);
      this.#cluster.story.saw('a witness held bodies while a data member was down');
    }
  }

  #broken(rule: string, detail: string): void {
    this.#cluster.failure ??= new InvariantViolation(rule, detail);
  }
}

export function watchWitnesses(cluster: SimCluster): void {
  new WitnessWatch(cluster);
}
