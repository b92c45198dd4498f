import type { NodeId } from '@lockstep/kernel';
import type { Member } from './member.ts';
import { Progress } from './progress.ts';
import { Reads } from './reads.ts';
import { Replication } from './replication.ts';
import { entryKind } from './types.ts';
import type { AppendReply, HeartbeatReply, PeerProgress, ProposeRefusal, RaftInput, Standing } from './types.ts';

/** Tick inputs in a row without a majority before a leader gives up: after a stall what waits in the sockets is heard first. */
const STRIKES = 2;

type Input<Type extends RaftInput['type']> = Extract<RaftInput, { readonly type: Type }>;

/** One spell of leading, from the election to whatever ends it: commit (Raft §5.3, §5.4.2), check-quorum (thesis §6.2), admission, transfer (§3.10). */
export class Leadership {
  readonly #member: Member;
  readonly #replication: Replication;
  readonly #mayCommit: (index: number) => boolean;
  readonly #peers: readonly Progress[];
  readonly #byId: ReadonlyMap<NodeId, Progress>;
  /** Of its first own entry; with it, all that earlier leaders left behind is committed (Raft §8). */
  readonly #firstOwnIndex: number;
  /** Reused by every count. */
  readonly #matches: number[] = [];
  #uncommittedBytes = 0;
  #round = 0;
  /** When the latest rounds began, oldest first; the last one is `#round`'s. Those older than an election time-out prove nothing any more. */
  readonly #roundsBeganAt: number[] = [];
  #sinceHeartbeat = 0;
  #strikes = 0;
  readonly #reads: Reads;
  #transfer: { readonly to: Progress; readonly since: number; told: boolean } | null = null;

  /** `mayCommit`: §5.4.2's rule, for an index that a majority holds. */
  constructor(member: Member, voters: ReadonlySet<NodeId>, mayCommit: (index: number) => boolean) {
    this.#member = member;
    this.#mayCommit = mayCommit;
    this.#replication = new Replication(member);
    this.#reads = new Reads(member);
    const { log, others, now, options } = member;
    // Hopeful: most followers hold all of it, and the first append tells.
    this.#peers = others.map((id) => new Progress(id, log.lastIndex + 1));
    this.#byId = new Map(this.#peers.map((peer) => [peer.id, peer]));
    this.#roundsBeganAt.push(now);
    for (const peer of this.#peers) {
      if (!voters.has(peer.id)) continue;
      peer.heardAt = now;
      peer.confirmedAt = now;
    }
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
    if (this.#transfer !== null) return false;
    const { now, options, quorum } = this.#member;
    let confirmed = 1;
    for (const { standing, confirmedAt } of this.#peers)
      if (standing === 'voter' && confirmedAt !== null && now - confirmedAt < options.electionTicks) confirmed += 1;
    return confirmed >= quorum;
  }

  get quorumHeard(): boolean {
    let heard = 1;
    for (const peer of this.#peers) if (peer.standing === 'voter' && this.#isAlive(peer)) heard += 1;
    return heard >= this.#member.quorum;
  }

  get progress(): readonly PeerProgress[] {
    return this.#peers.map((peer) => ({
      id: peer.id,
      state: peer.state,
      matchIndex: peer.matchIndex,
      standing: peer.standing,
      alive: this.#isAlive(peer),
      caughtUp: false,
    }));
  }

  propose(payloads: readonly Uint8Array[]): number | ProposeRefusal {
    const { log, term, options } = this.#member;
    if (this.#transfer !== null) return { reason: 'transferring' };
    if (!this.quorumHeard) return { reason: 'no-quorum' };
    let bytes = 0;
    for (const payload of payloads) bytes += payload.length;
    // One that is too large by itself must still be possible.
    const full = this.#uncommittedBytes > 0 && this.#uncommittedBytes + bytes > options.uncommittedBytesMax;
    if (full) return { reason: 'too-much-uncommitted' };
    const first = log.lastIndex + 1;
    for (const payload of payloads) {
      const entry = options.makeEntry(log.lastIndex + 1, term, entryKind.command, payload);
      this.#uncommittedBytes += entry.record.length;
      log.append(entry);
    }
    return first;
  }

  /** Returns false when this member must stop leading. */
  tick(ticks: number): boolean {
    const { now, options } = this.#member;
    this.#strikes = this.quorumHeard ? 0 : this.#strikes + 1;
    if (this.#strikes >= STRIKES) return false;
    if (this.#transfer !== null && now - this.#transfer.since >= options.electionTicks) this.#transfer = null;
    this.#reads.expire();
    this.#sinceHeartbeat += ticks;
    if (this.#sinceHeartbeat >= options.heartbeatTicks) {
      this.#heartbeatAll();
    } else {
      for (const peer of this.#peers) if (this.#committedFor(peer) > peer.commitSent) this.#heartbeat(peer);
    }
    return true;
  }

  /** Begins a round: whoever answers it has not followed a later leader by now. */
  #heartbeatAll(): void {
    this.#sinceHeartbeat = 0;
    this.#beginRound();
    this.#reads.roundBegins(this.#round);
    for (const peer of this.#peers) this.#heartbeat(peer);
    this.#answerReads();
  }

  #answerReads(): void {
    if (this.ownTermCommitted) this.#reads.answer((round) => this.#confirmedSince(round));
  }

  /** Has a majority answered that round or a later one? */
  #confirmedSince(round: number): boolean {
    let confirmed = 1;
    for (const { standing, ackedRound } of this.#peers) if (standing === 'voter' && ackedRound >= round) confirmed += 1;
    return confirmed >= this.#member.quorum;
  }

  #beginRound(): void {
    const { now, options } = this.#member;
    const times = this.#roundsBeganAt;
    this.#round += 1;
    times.push(now);
    while (now - times[0]! >= options.electionTicks) times.shift();
  }

  /** Builds what the followers are due; once per batch. */
  advance(): void {
    if (this.#reads.wantsRound) this.#heartbeatAll();
    for (const peer of this.#peers) this.#replication.advance(peer);
    const { id: from, term, log, outbox } = this.#member;
    const transfer = this.#transfer;
    if (transfer === null || transfer.told || transfer.to.matchIndex < log.lastIndex) return;
    transfer.told = true;
    outbox.sendNow({ type: 'timeoutNow', from, to: transfer.to.id, term });
  }

  onAppendReply(reply: AppendReply): void {
    const peer = this.#heard(reply.from, reply.standing);
    if (this.#replication.onReply(peer, reply)) this.commit();
  }

  onHeartbeatReply(reply: HeartbeatReply): void {
    const peer = this.#heard(reply.from, reply.standing);
    if (reply.round > this.#round) return;
    peer.ackedRound = Math.max(peer.ackedRound, reply.round);
    const beganAt = this.#roundsBeganAt.at(reply.round - this.#round - 1);
    if (beganAt !== undefined) peer.confirmedAt = Math.max(peer.confirmedAt ?? beganAt, beganAt);
    this.#replication.resume(peer);
    this.#admit();
    this.#answerReads();
  }

  onReadIndex(context: number): void {
    this.#reads.ask(context);
  }

  /** This member leads no more. */
  end(): void {
    this.#reads.refuseAll();
  }

  onEntriesRead(input: Input<'entriesRead'>): void {
    const peer = this.#byId.get(input.peer);
    if (peer !== undefined) this.#replication.onRead(peer, input.from, input.entries);
  }

  onSnapshotSent(input: Input<'snapshotSent'>): void {
    const peer = this.#byId.get(input.peer);
    if (peer !== undefined) this.#replication.onSnapshotSent(peer, input.index, input.delivered);
  }

  onPeerUp(id: NodeId): void {
    const peer = this.#byId.get(id);
    if (peer === undefined) return;
    const next = peer.matchIndex > 0 ? peer.matchIndex + 1 : this.#member.log.lastIndex + 1;
    peer.forget(next);
    this.#heartbeat(peer);
  }

  onPeerDown(id: NodeId): void {
    if (this.#transfer?.to.id === id) this.#transfer = null;
  }

  onTransfer(to: NodeId | null): void {
    if (this.#transfer !== null) return;
    const { dead, now } = this.#member;
    const able = this.#peers.filter((p) => p.standing === 'voter' && this.#isAlive(p) && !dead.has(p.id));
    const wanted = to === null ? able : able.filter((peer) => peer.id === to);
    let best: Progress | null = null;
    for (const peer of wanted) if (best === null || peer.matchIndex > best.matchIndex) best = peer;
    if (best !== null) this.#transfer = { to: best, since: now, told: false };
  }

  /** Counts who holds what, on disk; this member only by what it has been told is on its own. */
  commit(): void {
    const member = this.#member;
    const matches = this.#matches;
    matches.length = 0;
    matches.push(member.log.persistedIndex);
    for (const peer of this.#peers) matches.push(peer.standing === 'voter' ? peer.matchIndex : 0);
    matches.sort((a, b) => b - a);
    const index = matches[member.quorum - 1]!;
    if (index <= member.commitIndex || !this.#mayCommit(index)) return;
    const fromOwn = Math.max(member.commitIndex + 1, this.#firstOwnIndex + 1);
    this.#uncommittedBytes -= member.log.tail.bytesBetween(fromOwn, index);
    member.commitTo(index);
    this.#answerReads();
  }

  /** Up to where memory may be let go of: what no follower who keeps up still needs. */
  get neededAbove(): number {
    let needed = Number.MAX_SAFE_INTEGER;
    for (const peer of this.#peers)
      if (peer.state === 'replicate' && this.#isAlive(peer) && peer.nextIndex >= this.#member.log.tail.firstIndex)
        needed = Math.min(needed, peer.matchIndex);
    return needed;
  }

  #isAlive(peer: Progress): boolean {
    const { now, options } = this.#member;
    return peer.heardAt !== null && now - peer.heardAt < options.electionTicks;
  }

  #heard(id: NodeId, standing: Standing): Progress {
    const peer = this.#byId.get(id)!;
    peer.heardAt = this.#member.now;
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
    for (const peer of this.#peers) {
      if (peer.abstainingSince === null || peer.admitIndex !== null) continue;
      let confirmed = 1;
      for (const other of this.#peers)
        if (other.standing === 'voter' && other.ackedRound > peer.abstainingSince) confirmed += 1;
      if (confirmed >= this.#member.quorum) peer.admitIndex = this.#member.log.lastIndex;
    }
  }

  #committedFor(peer: Progress): number {
    return Math.min(this.#member.commitIndex, peer.matchIndex);
  }

  #heartbeat(peer: Progress): void {
    const { id: from, term, outbox } = this.#member;
    const commitIndex = this.#committedFor(peer);
    const { admitIndex } = peer;
    peer.commitSent = Math.max(peer.commitSent, commitIndex);
    outbox.sendNow({
      type: 'heartbeat',
      from,
      to: peer.id,
      term,
      commitIndex,
      round: this.#round,
      admitIndex,
      releasedIndex: 0,
    });
  }
}
