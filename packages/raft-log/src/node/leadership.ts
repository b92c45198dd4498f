import type { NodeId } from '@lockstep/kernel';
import { isJoint } from './configuration.ts';
import type { Configuration } from './configuration.ts';
import { HandOver } from './hand-over.ts';
import type { Member } from './member.ts';
import { changed, enterJoint, joining, leaveJoint } from './membership.ts';
import { Peers } from './peers.ts';
import type { Progress } from './progress.ts';
import { Reads } from './reads.ts';
import { Replication } from './replication.ts';
import { entryKind } from './types.ts';
import type {
  AppendReply,
  ChangeRefusal,
  Entry,
  HeartbeatReply,
  MembershipChange,
  PeerProgress,
  ProposeRefusal,
  RaftInput,
  Standing,
} from './types.ts';

/** Tick inputs in a row without a majority before a leader gives up: after a stall what waits in the sockets is heard first. */
const STRIKES = 2;

type Input<Type extends RaftInput['type']> = Extract<RaftInput, { readonly type: Type }>;

/**
 * One spell of leading, from the election to whatever ends it: commit (Raft §5.3, §5.4.2), check-quorum (thesis §6.2), changes of membership
 * (§4.3), admission of abstaining members, reads (§6.4).
 *
 * A witness that has won an election holds what every other voter lacked. It takes nothing on: it brings the best member that has a state
 * machine up to date and hands over to it, again and again until somebody else leads.
 */
export class Leadership {
  readonly #member: Member;
  readonly #replication: Replication;
  readonly #peers: Peers;
  readonly #reads: Reads;
  readonly #handOver: HandOver;
  /** Of its first own entry; with it, all that earlier leaders left behind is committed (Raft §8). */
  readonly #firstOwnIndex: number;
  #uncommittedBytes = 0;
  #round = 0;
  /** When the latest rounds began, oldest first; the last one is `#round`'s. Those older than an election time-out prove nothing any more. */
  readonly #roundsBeganAt: number[] = [];
  #sinceHeartbeat = 0;
  #strikes = 0;
  /** It is committed that this member has no vote: it leads only until it has handed over. */
  #retiring = false;

  constructor(member: Member, voters: ReadonlySet<NodeId>) {
    this.#member = member;
    this.#replication = new Replication(member);
    this.#reads = new Reads(member);
    this.#peers = new Peers(member, voters);
    this.#handOver = new HandOver(member, this.#peers);
    const { log, now, options } = member;
    this.#roundsBeganAt.push(now);
    this.#firstOwnIndex = log.lastIndex + 1;
    log.append(options.makeEntry(this.#firstOwnIndex, member.term, entryKind.noop, new Uint8Array(0)));
  }

  get ownTermCommitted(): boolean {
    return this.#member.commitIndex >= this.#firstOwnIndex;
  }

  /**
   * A majority followed this leader within the last election time-out, and no hand-over is under way. What counts is when the rounds began
   * that it answered: after a stall the answers that have waited in the sockets prove nothing, since another may lead by now.
   */
  get confirmed(): boolean {
    return !this.#isEnding && this.#peers.confirmed;
  }

  get progress(): readonly PeerProgress[] {
    return this.#peers.all.map((peer) => ({
      id: peer.id,
      state: peer.state,
      matchIndex: peer.matchIndex,
      standing: peer.standing,
      alive: this.#peers.isAlive(peer),
      caughtUp: peer.caughtUp,
    }));
  }

  propose(payloads: readonly Uint8Array[]): number | ProposeRefusal {
    const { log, term, options } = this.#member;
    const refusal = this.#refusal;
    if (refusal !== null) return refusal;
    let bytes = 0;
    for (const payload of payloads) bytes += payload.length;
    // One that is too large by itself must still be possible.
    const full = this.#uncommittedBytes > 0 && this.#uncommittedBytes + bytes > options.uncommittedBytesMax;
    if (full) return { reason: 'too-much-uncommitted' };
    const first = log.lastIndex + 1;
    for (const payload of payloads)
      this.#append(options.makeEntry(log.lastIndex + 1, term, entryKind.command, payload));
    return first;
  }

  /** Returns the index of the first entry that this leads to. */
  changeMembership(change: MembershipChange): number | ChangeRefusal {
    const refusal = this.#refusal;
    if (refusal !== null) return refusal;
    if (!this.#mayChange) return { reason: 'change-under-way' };
    const next = changed(this.#member.configuration.configuration, change);
    if (typeof next === 'string') return { reason: 'invalid', detail: next };
    if (!this.#peers.couldDecide(next)) return { reason: 'no-quorum' };
    return this.#appendConfiguration(this.#isReady(next) ? enterJoint(next) : next);
  }

  /** Returns false when this member must stop leading. */
  tick(ticks: number): boolean {
    const { options, rules } = this.#member;
    this.#strikes = rules.mayGoOnLeading(this.#peers.quorumHeard) ? 0 : this.#strikes + 1;
    if (this.#strikes >= STRIKES) return false;
    this.#handOver.tick();
    if (this.#retiring && !this.#handOver.underWay) return false;
    if (this.#isWitness && this.canHelpNobody) return false;
    if (this.#isWitness) this.#handOver.begin(null);
    this.#reads.expire();
    this.#peers.dropThoseGone();
    for (const peer of this.#peers.all) this.#judgeRound(peer);
    this.#proceed();
    this.#sinceHeartbeat += ticks;
    if (this.#sinceHeartbeat >= options.heartbeatTicks) {
      this.#heartbeatAll();
    } else {
      for (const peer of this.#peers.all) if (this.#committedFor(peer) > peer.commitSent) this.#heartbeat(peer);
    }
    return true;
  }

  /** A witness that leads to no end. */
  get canHelpNobody(): boolean {
    return this.#peers.allOutOfReach;
  }

  /** Builds what the followers are due; once per batch. */
  advance(): void {
    if (this.#reads.wantsRound) this.#heartbeatAll();
    for (const peer of this.#peers.all) this.#replication.advance(peer);
    if (this.#member.posted.size > 0) this.#post();
    this.#handOver.advance();
  }

  /** This member leads no more. */
  end(): void {
    this.#reads.refuseAll();
  }

  onAppendReply(reply: AppendReply): void {
    const peer = this.#heard(reply.from, reply.standing);
    if (peer === null || !this.#replication.onReply(peer, reply)) return;
    this.#judgeRound(peer);
    this.commit();
  }

  onHeartbeatReply(reply: HeartbeatReply): void {
    const peer = this.#heard(reply.from, reply.standing);
    if (peer === null || reply.round > this.#round) return;
    peer.ackedRound = Math.max(peer.ackedRound, reply.round);
    const beganAt = this.#roundsBeganAt.at(reply.round - this.#round - 1);
    if (beganAt !== undefined) peer.confirmedAt = Math.max(peer.confirmedAt ?? beganAt, beganAt);
    this.#replication.resume(peer);
    this.#admit();
    this.#answerReads();
  }

  onReadIndex(context: number): void {
    if (this.#isWitness) this.#member.outbox.confirmRead(context, null);
    else this.#reads.ask(context);
  }

  onEntriesRead(input: Input<'entriesRead'>): void {
    const peer = this.#peers.get(input.peer);
    if (peer !== undefined) this.#replication.onRead(peer, input.from, input.entries);
  }

  onSnapshotSent(input: Input<'snapshotSent'>): void {
    const peer = this.#peers.get(input.peer);
    if (peer !== undefined) this.#replication.onSnapshotSent(peer, input.index, input.delivered);
  }

  onPeerUp(id: NodeId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    const next = peer.matchIndex > 0 ? peer.matchIndex + 1 : this.#member.log.lastIndex + 1;
    peer.forget(next);
    this.#heartbeat(peer);
  }

  onPeerDown(id: NodeId): void {
    this.#handOver.peerDown(id);
  }

  onTransfer(to: NodeId | null): void {
    this.#handOver.begin(to);
  }

  /** Counts who holds what, on disk; this member only by what it has been told is on its own. */
  commit(): void {
    const member = this.#member;
    const { log, rules, term } = member;
    const index = this.#peers.heldByMajority;
    if (index <= member.commitIndex || !rules.mayCommit(log.termAt(index), term)) return;
    const fromOwn = Math.max(member.commitIndex + 1, this.#firstOwnIndex + 1);
    this.#uncommittedBytes -= log.tail.bytesBetween(fromOwn, index);
    member.commitTo(index);
    this.#proceed();
    this.#answerReads();
  }

  /** Up to where memory may be let go of: what no follower who keeps up still needs. */
  get neededAbove(): number {
    let needed = Number.MAX_SAFE_INTEGER;
    for (const peer of this.#peers.all)
      if (peer.state === 'replicate' && this.#peers.isAlive(peer) && peer.nextIndex >= this.#member.log.tail.firstIndex)
        needed = Math.min(needed, peer.matchIndex);
    return needed;
  }

  get #isWitness(): boolean {
    return this.#member.isWitness(this.#member.id);
  }

  get #isEnding(): boolean {
    return this.#handOver.underWay || this.#retiring || this.#isWitness;
  }

  /** Why nothing is taken at the moment. */
  get #refusal(): ProposeRefusal | null {
    if (this.#isWitness) return { reason: 'not-leader', leader: null };
    if (this.#isEnding) return { reason: 'transferring' };
    return this.#peers.quorumHeard ? null : { reason: 'no-quorum' };
  }

  #append(entry: Entry): void {
    this.#uncommittedBytes += entry.record.length;
    this.#member.log.append(entry);
  }

  #appendConfiguration(configuration: Configuration): number {
    const { log, options, term } = this.#member;
    const index = log.lastIndex + 1;
    this.#append(options.makeConfigurationEntry(index, term, configuration));
    this.#peers.sync();
    return index;
  }

  get #isCommitted(): boolean {
    return this.#member.configuration.index <= this.#member.commitIndex;
  }

  get #mayChange(): boolean {
    const { configuration, rules } = this.#member;
    return rules.mayChange(this.#isCommitted && !isJoint(configuration.configuration), this.ownTermCommitted);
  }

  /** The next step of a change under way, whoever began it (thesis §4.3); at its end a leader without a vote retires. */
  #proceed(): void {
    const { configuration } = this.#member.configuration;
    if (!this.#isCommitted || !this.ownTermCommitted || this.#isEnding) return;
    if (isJoint(configuration)) this.#appendConfiguration(leaveJoint(configuration));
    else if (this.#isReady(configuration)) this.#appendConfiguration(enterJoint(configuration));
    else this.#retireIfRemoved();
  }

  /** Does a change of voters wait for nobody any more? */
  #isReady(configuration: Configuration): boolean {
    const { votersNext } = configuration;
    const isFit = (id: NodeId): boolean => this.#peers.get(id)?.caughtUp === true && this.#peers.couldVote(id);
    return votersNext.length > 0 && joining(configuration).every(isFit) && this.#peers.couldDecide(configuration);
  }

  #retireIfRemoved(): void {
    if (this.#member.votes(this.#member.id)) return;
    this.#retiring = true;
    this.#handOver.begin(null);
  }

  #judgeRound(peer: Progress): void {
    const { log, now, options, rules } = this.#member;
    // Only learners are ever asked whether they have caught up.
    if (this.#member.configuration.configuration.learners.length === 0) return;
    peer.judgeRound(log.lastIndex, now, options.electionTicks, rules);
  }

  #heard(id: NodeId, standing: Standing): Progress | null {
    const peer = this.#peers.get(id);
    if (peer === undefined) return null;
    peer.heardAt = this.#member.now;
    peer.isKnown = true;
    if (standing === 'abstaining' && peer.abstainingSince === null) {
      if (peer.standing === 'voter') peer.forget(this.#member.log.lastIndex + 1);
      peer.standing = 'abstaining';
      peer.abstainingSince = this.#round;
    } else if (standing === 'voter' && peer.standing === 'abstaining') {
      peer.standing = 'voter';
      peer.abstainingSince = null;
      peer.admitIndex = null;
      this.commit();
    }
    return peer;
  }

  /** Gives abstaining members the index at which they may vote again; why that is safe stands in `Following`. */
  #admit(): void {
    if (!this.ownTermCommitted) return;
    for (const peer of this.#peers.all) {
      if (peer.abstainingSince === null || peer.admitIndex !== null) continue;
      if (this.#peers.confirmedSince(peer.abstainingSince + 1)) peer.admitIndex = this.#member.log.lastIndex;
    }
  }

  /** Behind the appends: what they carry need not be said again. */
  #post(): void {
    for (const id of this.#member.posted) {
      const peer = this.#peers.get(id);
      if (peer !== undefined && this.#committedFor(peer) > peer.commitSent) this.#heartbeat(peer);
    }
  }

  /** Begins a round: whoever answers it has not followed a later leader by now. */
  #heartbeatAll(): void {
    this.#sinceHeartbeat = 0;
    this.#beginRound();
    this.#reads.roundBegins(this.#round);
    for (const peer of this.#peers.all) this.#heartbeat(peer);
    this.#answerReads();
  }

  #beginRound(): void {
    const { now, options } = this.#member;
    const times = this.#roundsBeganAt;
    this.#round += 1;
    times.push(now);
    while (now - times[0]! >= options.electionTicks) times.shift();
  }

  #answerReads(): void {
    if (!this.ownTermCommitted) return;
    this.#reads.answer((round) => this.#member.rules.mayAnswerRead(this.#peers.confirmedSince(round)));
  }

  #committedFor(peer: Progress): number {
    return Math.min(this.#member.commitIndex, peer.matchIndex);
  }

  #heartbeat(peer: Progress): void {
    const { id: from, term, outbox } = this.#member;
    const commitIndex = this.#committedFor(peer);
    const { admitIndex } = peer;
    const releasedIndex = this.#releasedFor(peer);
    peer.commitSent = Math.max(peer.commitSent, commitIndex);
    const round = this.#round;
    outbox.sendNow({ type: 'heartbeat', from, to: peer.id, term, commitIndex, round, admitIndex, releasedIndex });
  }

  /** What a witness need not keep. While it isn't settled who is a member, nothing is released. */
  #releasedFor(peer: Progress): number {
    const { rules, commitIndex } = this.#member;
    if (!this.#member.isWitness(peer.id) || !this.#isCommitted) return 0;
    return rules.mayRelease(this.#peers.heldByAllWithState, commitIndex);
  }
}
