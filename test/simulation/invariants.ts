import type { RaftNode } from '@lockstep/raft-log';

/** What the checks look at in one life of a node; the same object for all of it. */
export interface NodeView {
  readonly name: string;
  readonly raft: RaftNode;
  /** The replicated state's hash and the position it stands at. */
  readonly digest: () => { readonly position: number; readonly digest: string | number };
}

/** What a node looked like when it was last looked at. */
interface Before {
  role: RaftNode['role'];
  term: number;
  commitIndex: number;
  snapshotIndex: number;
  lastIndex: number;
  lastTerm: number | null;
  abstaining: boolean;
}

/** A promise of Raft, or of the replicated state, did not hold. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
  readonly invariant: string;
  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** Looks at all nodes after every step, and remembers what must never change (Raft, figure 3). */
export class Invariants {
  readonly #leaderOfTerm = new Map<number, string>();
  /** Term of each committed entry, by index, as first seen committed anywhere. */
  readonly #committed: number[] = [];
  /** In which term that was: a leader of an older one, which does not know yet that it is over, need not hold it. */
  readonly #committedIn: number[] = [];
  readonly #checkedLeaders = new Set<string>();
  readonly #digests = new Map<number, string | number>();
  /** How often each was really put to the test, so that silence is not mistaken for safety. */
  readonly seen = {
    elections: 0,
    commits: 0,
    'states compared': 0,
    'snapshots kept': 0,
    'suffixes replaced': 0,
    'votes regained': 0,
  };
  readonly #before = new WeakMap<NodeView, Before>();

  /** Looks again only at nodes of which something has changed. */
  check(nodes: readonly NodeView[]): void {
    for (const node of nodes) {
      const { raft } = node;
      const before = this.#before.get(node);
      if (before === undefined) {
        this.#look(node, null);
        continue;
      }
      const same =
        raft.commitIndex === before.commitIndex &&
        raft.lastIndex === before.lastIndex &&
        raft.term === before.term &&
        raft.role === before.role &&
        raft.snapshotIndex === before.snapshotIndex &&
        !before.abstaining;
      if (!same) this.#look(node, before);
    }
  }

  #look(node: NodeView, before: Before | null): void {
    const { raft } = node;
    this.#electionSafety(node);
    this.#committedNeverChanges(node, before?.commitIndex ?? raft.snapshotIndex);
    const { role, term, commitIndex, snapshotIndex, lastIndex } = raft;
    const lastTerm = raft.termAt(lastIndex);
    const abstaining = raft.status.standing === 'abstaining';
    const now: Before = { role, term, commitIndex, snapshotIndex, lastIndex, lastTerm, abstaining };
    if (before !== null) this.#count(raft, before, now);
    this.#before.set(node, now);
  }

  /** States that a run should come to; nothing is judged here. */
  #count(raft: RaftNode, before: Before, now: Before): void {
    if (now.snapshotIndex > before.snapshotIndex) this.seen['snapshots kept']++;
    const replaced = before.lastIndex > now.snapshotIndex && raft.termAt(before.lastIndex) !== before.lastTerm;
    if (replaced) this.seen['suffixes replaced']++;
    if (before.abstaining && !now.abstaining) this.seen['votes regained']++;
  }

  /** Dearer, so not after every step: logs that agree at an index agree up to it; equal positions have equal states. */
  checkDeeply(nodes: readonly NodeView[]): void {
    for (const [i, one] of nodes.entries()) {
      for (const other of nodes.slice(i + 1)) this.#logMatching(one, other);
      const { position, digest } = one.digest();
      if (position === 0) continue;
      const known = this.#digests.get(position);
      if (known === undefined) this.#digests.set(position, digest);
      else {
        this.seen['states compared']++;
        if (known !== digest) {
          throw new InvariantViolation('state machine equality', `${one.name} differs at position ${position}`);
        }
      }
    }
  }

  /** At most one leader in a term; and a leader holds all that was committed before (leader completeness). */
  #electionSafety(node: NodeView): void {
    if (node.raft.role !== 'leader') return;
    const { term } = node.raft;
    const known = this.#leaderOfTerm.get(term);
    if (known !== undefined && known !== node.name) {
      throw new InvariantViolation('election safety', `${known} and ${node.name} both lead in term ${term}`);
    }
    this.#leaderOfTerm.set(term, node.name);
    const key = `${node.name}/${term}`;
    if (this.#checkedLeaders.has(key)) return;
    this.#checkedLeaders.add(key);
    this.seen.elections++;
    for (let index = node.raft.snapshotIndex + 1; index < this.#committed.length; index++) {
      const committed = this.#committed[index];
      if (committed === undefined || (this.#committedIn[index] ?? 0) >= term) continue;
      if (node.raft.termAt(index) !== committed) {
        throw new InvariantViolation(
          'leader completeness',
          `${node.name} leads in term ${term} without entry ${index} (term ${committed}), which was committed`,
        );
      }
    }
  }

  #committedNeverChanges({ name, raft }: NodeView, from: number): void {
    if (raft.commitIndex < from) {
      throw new InvariantViolation('commit', `${name} went back from ${from} to ${raft.commitIndex}`);
    }
    for (let index = from + 1; index <= raft.commitIndex; index++) {
      const term = raft.termAt(index);
      if (term === null) continue;
      const known = this.#committed[index];
      if (known === undefined) {
        this.#committed[index] = term;
        this.#committedIn[index] = raft.term;
        this.seen.commits++;
      } else if (known !== term) {
        throw new InvariantViolation(
          'state machine safety',
          `${name} commits entry ${index} of term ${term}, where one of term ${known} was committed`,
        );
      }
    }
  }

  #logMatching(one: NodeView, other: NodeView): void {
    const from = Math.max(one.raft.snapshotIndex, other.raft.snapshotIndex) + 1;
    let index = Math.min(one.raft.lastIndex, other.raft.lastIndex);
    while (index >= from && one.raft.termAt(index) !== other.raft.termAt(index)) index--;
    for (; index >= from; index--) {
      if (one.raft.termAt(index) !== other.raft.termAt(index)) {
        throw new InvariantViolation(
          'log matching',
          `${one.name} and ${other.name} differ at ${index} below an equal entry`,
        );
      }
    }
  }
}
