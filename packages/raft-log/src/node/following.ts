import type { NodeId } from '@lockstep/kernel';
import type { Member } from './member.ts';
import type { ConfigurationAt } from './configuration.ts';
import { entryKind } from './types.ts';
import type { AppendRequest, Entry, Heartbeat, Installation, Shape } from './types.ts';

/**
 * The follower's side of replication (Raft §5.3): which entries it takes, what it knows to be committed, and what it acknowledges.
 *
 * **How an abstaining member gets its vote back, and why nothing is lost by it.** A member whose disk was wiped may have been part
 * of the majority that committed an entry, or that elected a leader. Let W be the wiped members, k of them, and q the quorum of all
 * n members (2q > n). While they abstain, every election and every commit needs q members outside W.
 *
 * (1) *While they abstain, nothing committed is lost.* An entry was committed by q members, so at least q−k outside W hold it; a new
 * leader is elected by q outside W. (q−k) + q > n−k: one of those who vote outside W holds the entry, and the usual argument
 * (§5.4.3) goes through. The same count holds for two majorities that elect.
 *
 * (2) *When one is admitted, its log holds all that its earlier self acknowledged and that was committed by it.* Let e be such
 * an entry, committed in term E by a quorum that counts the earlier self; so e was acknowledged before the wipe. The leader L of term T gives
 * `admitIndex` only after a round, begun after it first heard the member abstain, has been answered by a majority M of members that
 * do not abstain; L itself among them. If E > T: E's leader was elected by q members before the wipe, q−k of them outside W;
 * (q−k) + |M| > n−k, so somebody in M had been in term E before it answered L in term T < E, which nobody does. So E ≤ T, and L
 * holds e: by leader completeness (E < T) or as its own entry (E = T). And it holds it at an index ≤ its last one when M has
 * answered: that is `admitIndex`. The follower votes only when its disk agrees with L's log up to there, proven in term T. (That L has
 * committed an entry of its own term is asked besides: a leader that can't commit should not change who votes.)
 *
 * (3) *Each process start counts as a new wipe*: the leader forgets match and admission of a peer at `peerUp` and asks for a new round,
 * so what one incarnation was given never serves the next. The driver must hand over nothing of an older connection after that.
 *
 * (4) *Votes of the earlier self*: it may have voted in a term V for a candidate that still counts that vote. In terms up to T that is
 * harmless: the member never votes below T, and in T it counts as having voted for L. If V > T, the candidate is not in M (it would have
 * answered with V). For two leaders in V, two candidates would need q−1 further voters each, disjoint, among n−1 members:
 * impossible for even n, and for n = 3, where M is everybody else. For odd n ≥ 5 it takes a candidate that was cut off
 * while campaigning, stays so until the wiped member is admitted, and then goes on with the same campaign, though a campaign ends at
 * its time-out: it would have to be suspended all that while.
 */
export class Following {
  readonly #member: Member;
  /** Up to here the log is known to be the leader's of this term: never claim more, never commit beyond it. */
  #validatedIndex: number;
  /** The term in which that was found. */
  #term: number;
  #acknowledge = false;
  #admitIndex: number | null = null;
  #install: Installation | null = null;
  #released = 0;
  #releaseTold = 0;

  constructor(member: Member) {
    this.#member = member;
    this.#validatedIndex = member.commitIndex;
    this.#term = member.term;
  }

  /**
   * In a new term only what is committed is sure to be in the leader's log (leader completeness). In the old one (this member lost sight
   * of its leader, asked around, and hears it again) all is as it was, and must be: the leader knows of nothing that it should send again.
   */
  reset(): void {
    if (this.#term === this.#member.term) return;
    this.#term = this.#member.term;
    this.#validatedIndex = this.#member.commitIndex;
    this.#acknowledge = false;
    this.#admitIndex = null;
  }

  onAppend(append: AppendRequest): void {
    const { log, commitIndex } = this.#member;
    const { previousIndex, previousTerm, entries } = append;
    // What is committed agrees with every leader's log, even where the own journal no longer knows its terms.
    if (previousIndex > commitIndex && log.termAt(previousIndex) !== previousTerm) {
      this.#reject(append.from, previousIndex, previousTerm);
      return;
    }
    if (!this.#take(append)) return;
    this.#validated(previousIndex + entries.length);
    this.#member.commitTo(this.#member.rules.mayBeCommitted(append.commitIndex, previousIndex + entries.length));
    this.#acknowledge = true;
  }

  onHeartbeat(heartbeat: Heartbeat): void {
    const member = this.#member;
    member.commitTo(member.rules.mayBeCommitted(heartbeat.commitIndex, this.#validatedIndex));
    this.#release(heartbeat.releasedIndex);
    if (heartbeat.admitIndex !== null) this.#admitIndex = heartbeat.admitIndex;
    this.joinIfComplete();
    member.outbox.sendNow({
      type: 'heartbeatReply',
      from: member.id,
      to: heartbeat.from,
      term: member.term,
      round: heartbeat.round,
      standing: member.durable.standing,
    });
  }

  /** The sender leads this term, and its snapshot holds nothing that isn't committed. */
  onSnapshot(index: number, term: number, configuration: ConfigurationAt | null, shape = false): void {
    const { log, commitIndex } = this.#member;
    if (index > commitIndex) {
      if (log.termAt(index) !== term) {
        log.reset(index, term, configuration, commitIndex);
        this.#install = { index, term, shape, configuration: log.configurations.current };
      }
      this.#member.commitTo(index);
    }
    this.#validated(Math.max(index, commitIndex));
    this.#acknowledge = true;
  }

  /** The shape of a snapshot. Who has a state machine would lose its log by it, and takes none, whoever believes it to be a witness. */
  onShape({ index, shapeTerm, configuration }: Shape): void {
    const fits = this.#member.hasNoState && configuration.index <= index;
    if (fits) this.onSnapshot(index, shapeTerm, configuration, true);
  }

  /** An abstaining member that holds all it was asked to hold takes part again. */
  joinIfComplete(): void {
    const member = this.#member;
    const index = this.#admitIndex;
    if (index === null || member.leader === null || member.standing === 'voter') return;
    if (this.#validatedIndex < index || member.log.persistedIndex < index) return;
    member.becomeVoterUnder(member.leader);
  }

  /** A batch that installs carries nothing else that concerns the log. */
  /** On a witness: what need not be kept any more, when that has become more; else null. */
  takeRelease(): number | null {
    const { log } = this.#member;
    // A shape must not run ahead of the own journal: what stands there yet may be of another term.
    const index = Math.min(this.#released, log.persistedIndex);
    if (index <= Math.max(this.#releaseTold, log.snapshotIndex)) return null;
    this.#releaseTold = index;
    return index;
  }

  takeInstall(): Installation | null {
    const install = this.#install;
    this.#install = null;
    return install;
  }

  get mustAcknowledge(): boolean {
    return this.#acknowledge || this.#install !== null;
  }

  /** One acknowledgement stands for all appends of a turn; it leaves when the batch is on disk. `index`: how much of the log that batch completes. */
  acknowledge(index: number): void {
    if (!this.#acknowledge) return;
    const { id: from, leader: to, term, outbox, durable } = this.#member;
    const matchIndex = Math.min(this.#validatedIndex, index);
    this.#acknowledge = matchIndex < this.#validatedIndex;
    if (to === null) return;
    outbox.sendAfterPersist({
      type: 'appendReply',
      from,
      to,
      term,
      matchIndex,
      reject: null,
      standing: durable.standing,
    });
  }

  #release(index: number): void {
    const { commitIndex, hasNoState } = this.#member;
    if (hasNoState) this.#released = Math.max(this.#released, Math.min(index, commitIndex));
  }

  #validated(index: number): void {
    if (index > this.#validatedIndex) this.#validatedIndex = index;
  }

  /** False when the message is not what a leader may send; nothing has been touched then. */
  #take({ entries, previousIndex, term }: AppendRequest): boolean {
    const { log } = this.#member;
    if (!isRun(entries, previousIndex, term)) return false;
    const firstNew = entries.findIndex((entry) => this.#differs(entry));
    if (firstNew === -1) return true;
    const index = entries[firstNew]!.index;
    if (index <= log.lastIndex) log.truncateFrom(index);
    for (let at = firstNew; at < entries.length; at += 1) log.append(entries[at]!);
    return true;
  }

  #differs(entry: Entry): boolean {
    const { log, commitIndex } = this.#member;
    return entry.index > commitIndex && log.termAt(entry.index) !== entry.term;
  }

  /** Says where the leader should look: the last entry not after the one it named, in place or term (the thesis' fast back-off, from this side). */
  #reject(to: NodeId, previousIndex: number, previousTerm: number): void {
    const { id: from, term, log, commitIndex, outbox, durable } = this.#member;
    const hintIndex = Math.max(commitIndex, log.lastNotAfter(previousIndex, previousTerm));
    const hintTerm = log.termAt(hintIndex) ?? 0;
    const reject = { previousIndex, hintIndex, hintTerm };
    outbox.sendAfterPersist({
      type: 'appendReply',
      from,
      to,
      term,
      matchIndex: 0,
      reject,
      standing: durable.standing,
    });
  }
}

/** Do these entries stand next to each other, right after `previousIndex`, are none of a later term than the sender's, and whole? */
function isRun(entries: readonly Entry[], previousIndex: number, term: number): boolean {
  let index = previousIndex;
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index || entry.term > term) return false;
    if ((entry.kind === entryKind.configuration) !== (entry.configuration !== undefined)) return false;
  }
  return true;
}
