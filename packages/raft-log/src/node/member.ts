import { assert } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import { Log } from './log.ts';
import { Outbox } from './outbox.ts';
import type { HardState, RaftOptions, RaftRole, Standing } from './types.ts';

/**
 * What this member is and knows, whatever its role: the state that the parts of the node share. Only those parts see it.
 */
export class Member {
  readonly options: RaftOptions;
  readonly id: NodeId;
  /** In one order for everybody: rank decides who campaigns first. */
  readonly members: readonly NodeId[];
  readonly others: readonly NodeId[];
  /** Of all members, abstaining ones too: they add nothing to it, so a cluster with one of them needs more of the rest. */
  readonly quorum: number;
  readonly log: Log;
  readonly outbox: Outbox = new Outbox();
  /** Whose process is known to be gone; until something is heard of them. */
  readonly dead: Set<NodeId> = new Set();
  /** Ticks told so far. */
  now = 0;
  role: RaftRole = 'follower';
  leader: NodeId | null = null;
  /** Never goes back. */
  commitIndex: number;
  appliedIndex: number;
  #term: number;
  #votedFor: NodeId | null;
  #standing: Standing;
  #dirty = false;
  #durable: HardState;
  readonly #writes: { readonly batch: number; readonly hardState: HardState }[] = [];

  constructor(options: RaftOptions) {
    this.options = options;
    this.id = options.id;
    this.members = options.founding.voters.toSorted();
    this.others = this.members.filter((member) => member !== options.id);
    assert(this.others.length === this.members.length - 1, 'a node must be one of its members, and each member once');
    assert(new Set(this.members).size === this.members.length, 'a member is listed twice');
    assert(options.heartbeatTicks >= 1 && options.electionTicks > options.heartbeatTicks, 'heartbeats come more often');
    this.quorum = Math.floor(this.members.length / 2) + 1;
    const { recovered } = options;
    this.log = new Log(recovered, options.founding);
    this.commitIndex = recovered.snapshotIndex;
    this.appliedIndex = recovered.snapshotIndex;
    this.#term = recovered.hardState.term;
    this.#votedFor = recovered.hardState.votedFor;
    this.#standing = recovered.hardState.standing;
    this.#durable = recovered.hardState;
  }

  get term(): number {
    return this.#term;
  }

  get votedFor(): NodeId | null {
    return this.#votedFor;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** What is on disk: a vote counts, and a standing is shown, only when it is here. */
  get durable(): HardState {
    return this.#durable;
  }

  enterTerm(term: number, votedFor: NodeId | null): void {
    assert(term > this.#term, 'terms only grow');
    this.#term = term;
    this.#votedFor = votedFor;
    this.#dirty = true;
  }

  voteFor(candidate: NodeId): void {
    if (this.#votedFor === candidate) return;
    assert(this.#votedFor === null, 'one vote per term');
    this.#votedFor = candidate;
    this.#dirty = true;
  }

  /** Counts as having voted for the leader it follows: an earlier self may have. */
  becomeVoterUnder(leader: NodeId): void {
    this.#standing = 'voter';
    this.#votedFor ??= leader;
    this.#dirty = true;
  }

  commitTo(index: number): void {
    if (index > this.commitIndex) this.commitIndex = index;
  }

  get hasUnwrittenHardState(): boolean {
    return this.#dirty;
  }

  /** The hard state to write with `batch`, or null when what is on its way to the disk still holds. */
  takeUnwrittenHardState(batch: number): HardState | null {
    if (!this.#dirty) return null;
    this.#dirty = false;
    const hardState = { term: this.#term, votedFor: this.#votedFor, standing: this.#standing };
    this.#writes.push({ batch, hardState });
    return hardState;
  }

  persisted(batch: number): void {
    this.log.persisted(batch);
    while (this.#writes.length > 0 && this.#writes[0]!.batch <= batch) this.#durable = this.#writes.shift()!.hardState;
  }

  /** A random election time-out, in ticks. */
  electionTimeout(): number {
    const { electionTicks, random } = this.options;
    return electionTicks + random.below(electionTicks);
  }
}
