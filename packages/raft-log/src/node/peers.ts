import type { NodeId } from '@lockstep/kernel';
import type { Configuration } from './configuration.ts';
import type { Member } from './member.ts';
import { Progress } from './progress.ts';

/** A leader's view of all other members: who they are as the configuration changes, and what majorities of them have said. */
export class Peers {
  readonly #member: Member;
  readonly #byId: Map<NodeId, Progress> = new Map();
  #all: readonly Progress[] = [];

  /** `voters`: those who elected this leader, and so were heard just now. */
  constructor(member: Member, voters: ReadonlySet<NodeId>) {
    this.#member = member;
    this.sync();
    for (const peer of this.#all) {
      if (!voters.has(peer.id)) continue;
      peer.heardAt = member.now;
      peer.confirmedAt = member.now;
    }
  }

  /** Those who are leaving too. */
  get all(): readonly Progress[] {
    return this.#all;
  }

  get(id: NodeId): Progress | undefined {
    return this.#byId.get(id);
  }

  /**
   * The configuration has changed. Who is no member any more is written to until it knows that this is committed, or an election time-out has
   * passed: else it would wait for a leader for ever. It counts for nothing.
   */
  sync(): void {
    const { id: self, members, log, now } = this.#member;
    for (const id of members) {
      const known = this.#byId.get(id);
      if (known !== undefined) known.leavesAt = null;
      // Hopeful: most followers hold all of it, and the first append tells.
      else if (id !== self) this.#byId.set(id, new Progress(id, log.lastIndex + 1, now));
    }
    for (const peer of this.#byId.values())
      if (!members.includes(peer.id)) peer.leavesAt ??= { index: log.lastIndex, since: now };
    this.#all = [...this.#byId.values()];
  }

  dropThoseGone(): void {
    const { now, options } = this.#member;
    for (const { id, leavesAt, matchIndex, commitSent } of this.#all) {
      if (leavesAt === null) continue;
      const knows = matchIndex >= leavesAt.index && commitSent >= leavesAt.index;
      if (knows || now - leavesAt.since >= options.electionTicks) this.#byId.delete(id);
    }
    if (this.#byId.size < this.#all.length) this.#all = [...this.#byId.values()];
  }

  isAlive(peer: Progress): boolean {
    const { now, options } = this.#member;
    return peer.heardAt !== null && now - peer.heardAt < options.electionTicks;
  }

  /** Of those who are there and could lead, none can be brought up to date from this member's log. */
  get allOutOfReach(): boolean {
    const { configuration } = this.#member.configuration;
    const there = this.#all.filter(
      (peer) => configuration.voters.includes(peer.id) && !this.#member.isWitness(peer.id) && this.isAlive(peer),
    );
    return there.length > 0 && there.every(({ outOfReach }) => outOfReach);
  }

  get quorumHeard(): boolean {
    return this.#member.majorities.agree(this.#isHeard);
  }

  readonly #isHeard = (id: NodeId): boolean => {
    if (id === this.#member.id) return true;
    const peer = this.#byId.get(id);
    return peer?.standing === 'voter' && this.isAlive(peer);
  };

  /** Has a majority answered a round that began within the last election time-out? */
  get confirmed(): boolean {
    return this.#member.majorities.agree(this.#isConfirmed);
  }

  readonly #isConfirmed = (id: NodeId): boolean => {
    const { id: self, now, options } = this.#member;
    if (id === self) return true;
    const peer = this.#byId.get(id);
    if (peer?.standing !== 'voter' || peer.confirmedAt === null) return false;
    return now - peer.confirmedAt < options.electionTicks;
  };

  /** Has a majority answered that round or a later one? */
  confirmedSince(round: number): boolean {
    return this.#member.majorities.agree((id) => {
      if (id === this.#member.id) return true;
      const peer = this.#byId.get(id);
      return peer?.standing === 'voter' && peer.ackedRound >= round;
    });
  }

  /** Is it there, and does it hold what it ever acknowledged? */
  couldVote(id: NodeId): boolean {
    const peer = this.#byId.get(id);
    if (peer === undefined) return id === this.#member.id;
    return peer.isKnown && peer.standing === 'voter' && this.isAlive(peer) && !this.#member.dead.has(id);
  }

  /**
   * Could those who shall vote go on without the others? Learners among them count as if they could vote: they are waited for. Asked before a joint configuration
   * is entered, since one whose new half has no majority can be neither committed nor taken back.
   */
  couldDecide({ votersNext, learners }: Configuration): boolean {
    const able = votersNext.filter((id) => learners.includes(id) || this.couldVote(id));
    return votersNext.length === 0 || able.length * 2 > votersNext.length;
  }

  /** What a majority has on disk; this member's own only as far as it has been told. */
  get heldByMajority(): number {
    return this.#member.majorities.reached(this.#heldBy);
  }

  readonly #heldBy = (id: NodeId): number => {
    if (id === this.#member.id) return this.#member.log.persistedIndex;
    const peer = this.#byId.get(id);
    return peer?.standing === 'voter' ? peer.matchIndex : 0;
  };

  /** What every member with a state machine has on disk, those who only learn and those who abstain included. */
  get heldByAllWithState(): number {
    const member = this.#member;
    let held = member.log.persistedIndex;
    for (const id of member.members)
      if (id !== member.id && !member.isWitness(id)) held = Math.min(held, this.#byId.get(id)?.matchIndex ?? 0);
    return held;
  }
}
