import type { NodeId } from '@lockstep/kernel';
import type { Member } from './member.ts';
import type { PreVoteReply, PreVoteRequest, VoteReply, VoteRequest } from './types.ts';

/** Ticks between the campaigns of neighbours in rank when a leader is known to be dead: enough for an election on a LAN. */
const STAGGER_TICKS = 2;
/** How long somebody who has just granted a pre-vote leaves the field to that candidate. */
const YIELD_TICKS = 3;
/** After that many failed attempts in a row the usual election time-out holds again. */
const QUICK_TRIES = 4;
/** For so many election time-outs one that led to no end leaves the field to others. */
const STAND_BACK = 4;

/**
 * When this member campaigns, whom it votes for, and whether it has won (Raft §5.2, §5.4.1; pre-vote: thesis §9.6).
 *
 * A candidate first asks whether it could win (pre-vote), which changes nothing anywhere; so a member that was cut off, or that alone
 * lost sight of the leader, disturbs nobody. Then it votes for itself and asks for votes; the requests leave only when its own vote
 * (and with it all of its log) is on disk, since its log is what the others judge, and its own vote counts from then on.
 *
 * Whom it votes for does not depend on who is a member: a log that is more complete may know of members that this one has not yet heard of
 * (thesis §4.2.2). Votes of those who are no voters in its own configuration are nothing to a candidate.
 *
 * Two survivors of a leader's death must not split their votes: by rank one goes first, and who has granted a pre-vote waits a
 * little. Attempts that fail are repeated after a short random span, since no leader is there to be disturbed; the span grows.
 *
 * A leader that heard this member's earlier life a moment ago still counts it, and serves. So for `ledTicks` a member that comes back does as if it
 * had just heard one, unless all who might lead are known to be dead.
 */
export class Elections {
  readonly #member: Member;
  /** Called at once when the election is won, with those who voted. */
  readonly #won: (voters: ReadonlySet<NodeId>) => void;
  #phase: 'none' | 'preVote' | 'vote' = 'none';
  readonly #granted = new Set<NodeId>();
  readonly #rejected = new Set<NodeId>();
  #transfer = false;
  #requestsHeld = false;
  /** When to campaign, if nothing comes in between. */
  #deadline: number;
  /** Drawn anew for each spell of following. */
  #timeout: number;
  #tries = 0;
  #leaderHeardAt = 0;
  /** Until then an earlier life of this member may have been heard by a leader that it knows nothing of. */
  readonly #mayBeLedUntil: number;
  /** Until then this member does not campaign of its own accord. */
  #standsBackUntil = 0;
  /** Asked while the leader was still heard. Its death may be noticed here a moment later; then this is the first to answer. */
  #deferred: PreVoteRequest | null = null;
  #deferredAt = 0;

  constructor(member: Member, won: (voters: ReadonlySet<NodeId>) => void) {
    this.#member = member;
    this.#won = won;
    this.#timeout = member.electionTimeout();
    // Nobody else is there to be waited for in a cluster of one.
    this.#deadline = member.isAlone ? 0 : this.#timeout;
    this.#mayBeLedUntil = member.term > 0 ? (member.options.ledTicks ?? 0) : 0;
  }

  /** This member follows, whomever: no campaign is under way any more. */
  reset(): void {
    this.#phase = 'none';
    this.#requestsHeld = false;
    this.#timeout = this.#member.electionTimeout();
    this.#deadline = this.#member.now + this.#timeout;
  }

  leaderHeard(): void {
    this.#tries = 0;
    this.#deferred = null;
    this.#leaderHeardAt = this.#member.now;
    this.#deadline = this.#leaderHeardAt + this.#timeout;
  }

  /** For everybody but a leader; `member.now` has moved on by `ticks`. */
  tick(ticks: number): void {
    const { now, options } = this.#member;
    // After a stall the leader's messages may be waiting in the sockets: they come first.
    if (ticks > options.heartbeatTicks) this.#deadline = Math.max(this.#deadline, now + 1);
    if (now >= this.#deadline) this.#campaign();
  }

  peerDown(peer: NodeId): void {
    const member = this.#member;
    const candidateDied = member.leader === null && this.#phase === 'none' && member.votedFor === peer;
    if (member.leader === peer || (candidateDied && !this.#mayBeLed(null))) {
      member.leader = null;
      this.#tries = 0;
      const deferred = this.#deferred;
      this.#deferred = null;
      const waiting = deferred !== null && member.now - this.#deferredAt < member.options.electionTicks;
      if (waiting && deferred.from !== peer && deferred.term > member.term) {
        this.onPreVoteRequest(deferred);
        this.#deadline = Math.min(this.#deadline, member.now + YIELD_TICKS + this.#chance());
      } else {
        this.#campaignByRank();
      }
    } else if (this.#phase !== 'none') {
      this.#retrySoonIfLost();
    }
  }

  /** What was asked of that peer may be lost: ask again. */
  peerUp(peer: NodeId): void {
    if (this.#phase === 'none' || this.#requestsHeld || this.#granted.has(peer)) return;
    this.#request(peer);
  }

  /** The disk has caught up: a vote for oneself may count now. */
  persisted(): void {
    const { durable, id, term } = this.#member;
    if (this.#phase !== 'vote' || durable.term !== term || durable.votedFor !== id) return;
    this.#requestsHeld = false;
    this.#grant(id);
  }

  /** The leader asks for it (thesis §3.10): no pre-vote, and the others vote even though they hear a leader. */
  timeoutNow(): void {
    if (!this.#mayCampaign || this.#member.isWitness(this.#member.id)) return;
    this.#transfer = true;
    this.#campaignForVotes();
  }

  onPreVoteRequest(request: PreVoteRequest): void {
    const member = this.#member;
    const upToDate = member.log.isUpToDate(request.lastIndex, request.lastTerm);
    const votes = member.standing === 'voter' && request.term > member.term;
    const leaderHeard = this.#hearsLeaderOtherThan(request.from);
    if (votes && upToDate && leaderHeard && member.role === 'follower') {
      this.#deferred = request;
      this.#deferredAt = member.now;
    }
    const granted = votes && upToDate && !leaderHeard;
    const term = granted ? request.term : member.term;
    member.outbox.sendNow({ type: 'preVoteReply', from: member.id, to: request.from, term, granted });
    if (granted) this.#deadline = Math.max(this.#deadline, member.now + YIELD_TICKS);
    if (!upToDate && !leaderHeard) this.#campaignInstead();
  }

  /** `request.term` is this member's own by now. */
  onVoteRequest(request: VoteRequest): void {
    const member = this.#member;
    const upToDate = member.log.isUpToDate(request.lastIndex, request.lastTerm);
    const free = member.votedFor === request.from || (member.votedFor === null && member.leader === null);
    const granted = member.standing === 'voter' && free && upToDate;
    const reply = { type: 'voteReply', from: member.id, to: request.from, term: member.term, granted } as const;
    if (granted) {
      member.voteFor(request.from);
      member.role = 'follower';
      this.#phase = 'none';
      this.#deadline = member.now + this.#timeout;
    }
    member.outbox.sendAfterPersist(reply);
    if (!upToDate && member.leader === null) this.#campaignInstead();
  }

  /** Who hears a leader takes part in no election (thesis §4.2.3), unless that leader itself is asking. */
  ignoresCandidate(request: VoteRequest): boolean {
    return !request.transfer && this.#hearsLeaderOtherThan(request.from);
  }

  onPreVoteReply(reply: PreVoteReply): void {
    if (this.#phase !== 'preVote') return;
    if (!reply.granted) this.#reject(reply.from);
    else if (reply.term === this.#member.term + 1) this.#grant(reply.from);
  }

  onVoteReply(reply: VoteReply): void {
    if (this.#phase !== 'vote') return;
    if (reply.granted) this.#grant(reply.from);
    else this.#reject(reply.from);
  }

  /** This member's campaign met a later term: there is no leader to wait for, so try again in that one soon. */
  retrySoon(): void {
    this.#deadline = Math.min(this.#deadline, this.#member.now + this.#retrySpan());
  }

  /** This member's leading was of no use to anybody. */
  standBack(): void {
    const { now, options } = this.#member;
    this.#standsBackUntil = now + STAND_BACK * options.electionTicks;
  }

  get isCampaigning(): boolean {
    return this.#phase !== 'none';
  }

  #hearsLeaderOtherThan(candidate: NodeId): boolean {
    const { leader, now, options, id } = this.#member;
    if (leader === null) return this.#mayBeLed(candidate);
    if (leader === candidate) return false;
    return leader === id || now - this.#leaderHeardAt < options.electionTicks;
  }

  /** By somebody else than who asks for its vote. */
  #mayBeLed(candidate: NodeId | null): boolean {
    const { now, others, dead } = this.#member;
    return now < this.#mayBeLedUntil && others.some((one) => one !== candidate && !dead.has(one));
  }

  /** Somebody asks whose log is older than this one: it can't win against this member, so this one should. */
  #campaignInstead(): void {
    if (this.#phase === 'none' && this.#member.role !== 'leader') this.#campaign();
  }

  #campaignByRank(): void {
    const member = this.#member;
    const { members, dead, id, now } = member;
    const able = members.filter((one) => member.votes(one) && !dead.has(one));
    const rank = [
      ...able.filter((one) => !member.isWitness(one)),
      ...able.filter((one) => member.isWitness(one)),
    ].indexOf(id);
    if (rank === 0) this.#campaign();
    else if (rank > 0) this.#deadline = Math.min(this.#deadline, now + STAGGER_TICKS * rank + this.#chance());
  }

  #chance(): number {
    return this.#member.options.random.below(STAGGER_TICKS);
  }

  #campaign(): void {
    const member = this.#member;
    this.#timeout = member.electionTimeout();
    this.#deadline = member.now + this.#timeout;
    if (!this.#mayCampaign) {
      member.leader = null;
      return;
    }
    this.#tries += 1;
    this.#transfer = false;
    if (!member.rules.asksFirst()) {
      this.#campaignForVotes();
      return;
    }
    this.#begin('preVote');
    for (const peer of member.others) this.#request(peer);
    this.#grant(member.id);
  }

  /** A learner, or who has been removed, could only disturb (thesis §4.2.3). */
  get #mayCampaign(): boolean {
    const { now, standing, mayLead } = this.#member;
    return standing === 'voter' && mayLead && now >= this.#standsBackUntil;
  }

  #campaignForVotes(): void {
    const member = this.#member;
    member.enterTerm(member.term + 1, member.id);
    this.#begin('vote');
    this.#requestsHeld = true;
    this.#deadline = member.now + member.electionTimeout();
    for (const peer of member.others) this.#request(peer);
  }

  #begin(phase: 'preVote' | 'vote'): void {
    this.#phase = phase;
    this.#requestsHeld = false;
    this.#granted.clear();
    this.#rejected.clear();
    this.#member.role = 'candidate';
    this.#member.leader = null;
  }

  #request(to: NodeId): void {
    const { id: from, log, outbox, term } = this.#member;
    const { lastIndex, lastTerm } = log;
    if (this.#phase === 'preVote') {
      outbox.sendNow({ type: 'preVoteRequest', from, to, term: term + 1, lastIndex, lastTerm });
    } else {
      const transfer = this.#transfer;
      outbox.sendAfterPersist({ type: 'voteRequest', from, to, term, lastIndex, lastTerm, transfer });
    }
  }

  #grant(voter: NodeId): void {
    this.#rejected.delete(voter);
    this.#granted.add(voter);
    if (!this.#member.majorities.agree((id) => this.#granted.has(id))) return;
    if (this.#phase === 'preVote') {
      this.#campaignForVotes();
      return;
    }
    // Answers may come before the driver reports that the own vote is on disk; leading waits for that.
    if (!this.#granted.has(this.#member.id)) return;
    this.#phase = 'none';
    this.#tries = 0;
    this.#won(this.#granted);
  }

  #reject(voter: NodeId): void {
    if (this.#granted.has(voter)) return;
    this.#rejected.add(voter);
    this.#retrySoonIfLost();
  }

  /** The phase stays open: who has rejected may yet notice the leader's death and grant after all. */
  #retrySoonIfLost(): void {
    const { majorities, dead } = this.#member;
    const mayYet = (id: NodeId): boolean => this.#granted.has(id) || (!this.#rejected.has(id) && !dead.has(id));
    if (!majorities.agree(mayYet)) this.retrySoon();
  }

  #retrySpan(): number {
    const { random } = this.#member.options;
    if (this.#tries > QUICK_TRIES) return this.#member.electionTimeout();
    return 1 + random.below(2 ** this.#tries);
  }
}
