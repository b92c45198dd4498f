import type { RaftNode } from '@lockstep/raft-log';

import { Holdings } from './holdings.ts';

/** What the checks look at in one life of a node; the same object for all of it. */
export interface NodeView {
  readonly name: string;
  readonly raft: RaftNode;
  /** It has no state: nothing is applied. */
  readonly witness: boolean;
  /** Counts the disks that it has had. */
  readonly disk: number;
  /** The state machine stands here. */
  readonly applied: () => number;
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
  persistedIndex: number;
  abstaining: boolean;
  configuration: RaftNode['configuration'];
}

/** So long may two members at a time take themselves for the master: what the clocks of two processes cannot tell apart. */
const overlapMs = 60;

/** A promise of Raft, or of the replicated state, did not hold. */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
  readonly invariant: string;
  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** A witness that leads does so in secret, but then has followers. */
function leads({ raft, witness }: NodeView): boolean {
  return raft.role === 'leader' || (witness && raft.role === 'candidate' && raft.status.peers.length > 0);
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

  readonly #holdings = new Holdings();
  /** More than one lead, as far as they know. */
  #severalLead = false;
  /** When two members were first seen to serve at the same time; null while at most one does. */
  #overlapSinceMs: number | null = null;

  /**
   * Would `check` find nothing new after a step in which only this one's process has run (null: a process that is no running member)? What a
   * node knows and does changes in steps of its own process alone, so that all others are as they were. While several lead, time alone may break a rule.
   */
  isQuiet(node: NodeView | null): boolean {
    if (this.#severalLead) return false;
    return node === null || !(this.#hasChanged(node, this.#before.get(node)) || node.applied() > node.raft.commitIndex);
  }

  #hasChanged({ raft }: NodeView, before: Before | undefined): boolean {
    return (
      before === undefined ||
      raft.commitIndex !== before.commitIndex ||
      raft.lastIndex !== before.lastIndex ||
      raft.term !== before.term ||
      raft.role !== before.role ||
      raft.snapshotIndex !== before.snapshotIndex ||
      raft.persistedIndex !== before.persistedIndex ||
      before.abstaining
    );
  }

  /** Looks again only at nodes of which something has changed. */
  check(nodes: readonly NodeView[], nowMs: number): void {
    let leaders = 0;
    for (const node of nodes) {
      const { raft } = node;
      if (raft.role === 'leader') leaders++;
      if (node.applied() > raft.commitIndex)
        throw new InvariantViolation(
          'applied only what is committed',
          `${node.name} has applied entry ${node.applied()}`,
        );
      const before = this.#before.get(node);
      if (this.#hasChanged(node, before)) this.#look(node, before ?? null);
    }
    this.#severalLead = leaders > 1;
    if (leaders > 1) this.#oneMaster(nodes, nowMs);
    else this.#overlapSinceMs = null;
  }

  #oneMaster(nodes: readonly NodeView[], nowMs: number): void {
    const serving = nodes.filter(({ raft }) => raft.serving);
    if (serving.length < 2) {
      this.#overlapSinceMs = null;
      return;
    }
    this.#overlapSinceMs ??= nowMs;
    if (nowMs - this.#overlapSinceMs > overlapMs)
      throw new InvariantViolation('one master at a time', serving.map(({ name }) => name).join(' and '));
  }

  #look(node: NodeView, before: Before | null): void {
    const { raft, name, disk } = node;
    const abstaining = raft.status.standing === 'abstaining';
    if (before === null && !abstaining) this.#acknowledgementsOutlive(node);
    if (before === null && (raft.termAt(raft.lastIndex) ?? 0) > raft.term)
      throw new InvariantViolation(
        'the term is on disk before its entries',
        `${name} comes back in term ${raft.term} with an entry of term ${raft.termAt(raft.lastIndex)}`,
      );
    this.#electionSafety(node);
    const { role, term, commitIndex, snapshotIndex, lastIndex, persistedIndex } = raft;
    const isFirst = before === null;
    this.#holdings.look({ name, disk, isFirst, abstaining, index: persistedIndex, term: raft.termAt(persistedIndex) });
    this.#committedNeverChanges(node, before);
    const lastTerm = raft.termAt(lastIndex);
    const now: Before = {
      role,
      term,
      commitIndex,
      snapshotIndex,
      lastIndex,
      lastTerm,
      persistedIndex,
      abstaining,
      configuration: raft.configuration,
    };
    if (before !== null) this.#count(raft, before, now);
    this.#before.set(node, now);
  }

  /** A member that votes has after a restart what it had on its disk before it, and may have acknowledged. */
  #acknowledgementsOutlive({ name, disk, raft }: NodeView): void {
    const held = this.#holdings.of(name);
    // Of an entry below a snapshot that is being installed the term is not known any more.
    if (held === undefined || held.disk !== disk || held.term === null || held.index <= raft.snapshotIndex) return;
    if (raft.termAt(held.index) !== held.term)
      throw new InvariantViolation(
        'what is acknowledged outlives the process',
        `${name} had entry ${held.index} of term ${held.term} on its disk, and comes back with ${raft.lastIndex} entries`,
      );
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
    if (!leads(node)) return;
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

  #committedNeverChanges({ name, raft }: NodeView, before: Before | null): void {
    const from = before?.commitIndex ?? raft.snapshotIndex;
    if (raft.commitIndex < from) {
      throw new InvariantViolation('commit', `${name} went back from ${from} to ${raft.commitIndex}`);
    }
    if (raft.commitIndex > raft.lastIndex) {
      const detail = `${name} takes entry ${raft.commitIndex} for committed, and holds ${raft.lastIndex}`;
      throw new InvariantViolation('committed only what it holds', detail);
    }
    for (let index = from + 1; index <= raft.commitIndex; index++) {
      const term = raft.termAt(index);
      if (term === null) continue;
      const known = this.#committed[index];
      if (known === undefined) {
        // Of a configuration that came in the same step it is not known whether it came first.
        const counted = [raft.configuration, before?.configuration ?? raft.configuration];
        if (raft.role === 'leader' && !counted.some((one) => this.#holdings.onMajority(index, one)))
          throw new InvariantViolation(
            'committed only what a majority has on disk',
            `${name} commits entry ${index}, which too few of ${raft.configuration.voters.join(', ')} have`,
          );
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
