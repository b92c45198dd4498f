import { assert } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import { membersOf } from './configuration.ts';
import type { ConfigurationAt } from './configuration.ts';
import { Log } from './log.ts';
import type { Majorities } from './majorities.ts';
import { Outbox } from './outbox.ts';
import type { Rules } from './rules.ts';
import type { HardState, RaftOptions, RaftRole, Standing } from './types.ts';

/** What follows from a configuration, worked out once. */
interface Membership {
  readonly of: ConfigurationAt;
  readonly members: readonly NodeId[];
  readonly majorities: Majorities;
}

/**
 * What this member is and knows, whatever its role: the state that the parts of the node share. Only those parts see it.
 */
export class Member {
  readonly options: RaftOptions;
  readonly id: NodeId;
  readonly rules: Rules;
  readonly log: Log;
  readonly outbox: Outbox = new Outbox();
  /** Whose process is known to be gone; until something is heard of them. */
  readonly dead: Set<NodeId> = new Set();
  /** They are told of commits at once. */
  posted: ReadonlySet<NodeId> = new Set();
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
  #membership: Membership;
  #durable: HardState;
  readonly #writes: { readonly batch: number; readonly hardState: HardState }[] = [];

  constructor(options: RaftOptions, rules: Rules) {
    this.options = options;
    this.id = options.id;
    this.rules = rules;
    assert(options.heartbeatTicks >= 1 && options.electionTicks > options.heartbeatTicks, 'heartbeats come more often');
    const { recovered } = options;
    this.log = new Log(recovered, options.founding, rules);
    this.commitIndex = recovered.snapshotIndex;
    this.#membership = this.#derived(this.configuration);
    this.appliedIndex = recovered.snapshotIndex;
    this.#term = recovered.hardState.term;
    this.#votedFor = recovered.hardState.votedFor;
    this.#standing = recovered.hardState.standing;
    this.#durable = recovered.hardState;
  }

  /** In use. */
  get configuration(): ConfigurationAt {
    return this.rules.inUse(this.log.configurations, this.commitIndex);
  }

  /** Everybody in the configuration in use, in one order for everybody: rank decides who campaigns first. */
  get members(): readonly NodeId[] {
    return this.#inUse.members;
  }

  get others(): readonly NodeId[] {
    return this.members.filter((member) => member !== this.id);
  }

  /** Of the configuration in use. */
  get majorities(): Majorities {
    return this.#inUse.majorities;
  }

  /** Does it vote, as far as this member knows? It may yet be abstaining. */
  votes(id: NodeId): boolean {
    return this.majorities.includes(id);
  }

  /**
   * A voter; or one that was until an entry which is not known to be committed, since it may be the only one to hold that entry: those who
   * remain, not having it, would ask for this member's vote and be refused for ever (thesis §4.2.2, figure 4.6).
   */
  get mayLead(): boolean {
    if (this.votes(this.id)) return true;
    const { index } = this.configuration;
    const { configuration: before } = this.log.configurations.at(index - 1);
    return index > this.commitIndex && this.rules.majorities(before).includes(this.id);
  }

  /** Nobody else is there to be waited for. */
  get isAlone(): boolean {
    return this.majorities.agree((id) => id === this.id);
  }

  /** Has this member no state machine? */
  get hasNoState(): boolean {
    return this.options.witness === true;
  }

  isWitness(id: NodeId): boolean {
    return this.configuration.configuration.witnesses.includes(id) || (id === this.id && this.hasNoState);
  }

  get #inUse(): Membership {
    const { configuration } = this;
    if (this.#membership.of !== configuration) this.#membership = this.#derived(configuration);
    return this.#membership;
  }

  #derived(of: ConfigurationAt): Membership {
    return { of, members: membersOf(of.configuration), majorities: this.rules.majorities(of.configuration) };
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

  /** A random election time-out, in ticks. A witness leaves the field to members that can serve, as long as they have a chance. */
  electionTimeout(): number {
    const { electionTicks, random } = this.options;
    const least = this.isWitness(this.id) ? 2 * electionTicks : electionTicks;
    return least + random.below(electionTicks);
  }
}
