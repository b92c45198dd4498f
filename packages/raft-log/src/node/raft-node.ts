import { assert } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import type { Configuration, ConfigurationAt } from './configuration.ts';
import { Elections } from './elections.ts';
import { Following } from './following.ts';
import { Leadership } from './leadership.ts';
import { Member } from './member.ts';
import { Rules } from './rules.ts';
import type {
  ChangeRefusal,
  Entry,
  MembershipChange,
  ProposeRefusal,
  RaftBatch,
  RaftInput,
  RaftMessage,
  RaftOptions,
  RaftRole,
  RaftStatus,
} from './types.ts';

/** How far beyond `tailBytesMax` memory may grow for followers who are alive but slow; then they are served from the journal. */
const SLOW_PEER_FACTOR = 4;

/**
 * One member of a Raft cluster, as a pure state machine: `step` and `propose` take what happened, `takeBatch` tells what follows.
 * Call `takeBatch` until it returns null after each turn's inputs; what has to be sent and written gathers in between. It does no I/O, keeps no
 * time, never calls back (`makeEntry` and `random` apart), and no message from a peer makes it throw. It throws only when its own driver
 * breaks the contract.
 *
 * Entries given to it are kept until they are on disk, applied and acknowledged; their memory must not be used for anything else.
 */
export class RaftNode {
  readonly #member: Member;
  readonly #elections: Elections;
  readonly #following: Following;
  #leadership: Leadership | null = null;
  #batches = 0;
  #persistedBatches = 0;
  #toldCommitIndex: number;
  #toldConfiguration: ConfigurationAt;

  /** `rules` are for tests that break one. */
  constructor(options: RaftOptions, rules: Rules = new Rules()) {
    this.#member = new Member(options, rules);
    this.#elections = new Elections(this.#member, (voters) => this.#lead(voters));
    this.#following = new Following(this.#member);
    this.#toldCommitIndex = this.#member.commitIndex;
    this.#toldConfiguration = this.#member.configuration;
  }

  /** A witness that has won an election is a `candidate` still, for another's sake: it never serves. */
  get role(): RaftRole {
    const { role, id } = this.#member;
    return role === 'leader' && this.#member.isWitness(id) ? 'candidate' : role;
  }

  /** Never a witness. */
  get leader(): NodeId | null {
    const { leader } = this.#member;
    return leader !== null && this.#member.isWitness(leader) ? null : leader;
  }

  get term(): number {
    return this.#member.term;
  }

  get lastIndex(): number {
    return this.#member.log.lastIndex;
  }

  /** This member's own disk holds the log up to here. */
  get persistedIndex(): number {
    return this.#member.log.persistedIndex;
  }

  /** A snapshot stands for everything up to here. */
  get snapshotIndex(): number {
    return this.#member.log.snapshotIndex;
  }

  get commitIndex(): number {
    return this.#member.commitIndex;
  }

  /** In use, committed or not. */
  get configuration(): Configuration {
    return this.#member.configuration.configuration;
  }

  /**
   * This member leads, has committed an entry of its own term (so it knows all that was committed before), a majority has answered a round
   * that began within `electionTicks`, by the ticks told so far, and leadership is not being handed over. What dispatch asks. (So a round
   * trip must take less than `electionTicks`.)
   */
  get serving(): boolean {
    const leadership = this.#leadership;
    return leadership !== null && leadership.ownTermCommitted && leadership.confirmed;
  }

  get status(): RaftStatus {
    const { id, term, standing, commitIndex, log, configuration } = this.#member;
    const { lastIndex, persistedIndex } = log;
    const { role, leader } = this;
    return {
      id,
      role,
      term,
      leader,
      standing,
      commitIndex,
      lastIndex,
      persistedIndex,
      configuration,
      configurationCommitted: configuration.index <= commitIndex,
      peers: this.#leadership?.progress ?? [],
    };
  }

  /** Who is a member as of entry `index`, which is at the newest snapshot or above. What a snapshot at `index` has to hold. */
  configurationAt(index: number): ConfigurationAt {
    return this.#member.log.configurations.at(index);
  }

  termAt(index: number): number | null {
    return this.#member.log.termAt(index);
  }

  /** Entries `from` to `to`, both included, as far as there are any; null when `from` is not in memory (then the journal has it). For applying. */
  tail(from: number, to: number): readonly Entry[] | null {
    return this.#member.log.tail.slice(from, to);
  }

  /** The entry at this index, if it is in memory. */
  entryInMemory(index: number): Entry | null {
    return this.#member.log.tail.get(index);
  }

  /** The state machine has applied everything up to here; memory may be let go of. */
  applied(index: number): void {
    const member = this.#member;
    const { log, options } = member;
    if (index > member.appliedIndex) member.appliedIndex = index;
    if (log.tail.bytes <= options.tailBytesMax) return;
    const done = Math.min(member.appliedIndex, log.persistedIndex);
    log.tail.shrink(Math.min(done, this.#leadership?.neededAbove ?? done), options.tailBytesMax);
    log.tail.shrink(done, options.tailBytesMax * SLOW_PEER_FACTOR);
  }

  /** Appends commands, all or none, in order; returns the first one's index, or why not. At least one. */
  propose(payloads: readonly Uint8Array[]): number | ProposeRefusal {
    assert(payloads.length > 0, 'nothing to propose');
    if (this.#leadership === null) return { reason: 'not-leader', leader: this.leader };
    return this.#leadership.propose(payloads);
  }

  /** Only a leader takes it. Returns the index of the first entry that it leads to, or why not. */
  changeMembership(change: MembershipChange): number | ChangeRefusal {
    if (this.#leadership === null) return { reason: 'not-leader', leader: this.leader };
    return this.#leadership.changeMembership(change);
  }

  step(input: RaftInput): void {
    switch (input.type) {
      case 'tick':
        this.#tick(input.ticks);
        break;
      case 'receive':
        this.#receive(input.message);
        break;
      case 'persisted':
        this.#persisted(input.batch);
        break;
      case 'entriesRead':
        this.#leadership?.onEntriesRead(input);
        break;
      case 'peerDown':
        this.#peerDown(input.peer);
        break;
      case 'peerUp':
        this.#member.dead.delete(input.peer);
        if (this.#leadership !== null) this.#leadership.onPeerUp(input.peer);
        else this.#elections.peerUp(input.peer);
        break;
      case 'keepPosted':
        this.#member.posted = input.peers;
        break;
      case 'transfer':
        this.#leadership?.onTransfer(input.to);
        break;
      case 'readIndex':
        if (this.#leadership === null) this.#member.outbox.confirmRead(input.context, null);
        else this.#leadership.onReadIndex(input.context);
        break;
      case 'snapshotTaken':
        this.#member.log.snapshotTaken(input.index);
        break;
      case 'snapshotSent':
        this.#leadership?.onSnapshotSent(input);
        break;
      case 'snapshotReceived':
        this.#snapshotReceived(input);
        break;
    }
  }

  /** The next batch, or null when there is nothing to do. */
  takeBatch(): RaftBatch | null {
    const { outbox, log } = this.#member;
    const member = this.#member;
    this.#leadership?.advance();
    const install = this.#following.takeInstall();
    const unwritten = install === null && log.hasUnwritten;
    const acknowledges = this.#following.mustAcknowledge;
    const writes = unwritten || member.hasUnwrittenHardState;
    const release = this.#following.takeRelease();
    const { configuration } = member;
    const told = this.#toldCommitIndex === member.commitIndex && this.#toldConfiguration === configuration;
    if (outbox.isEmpty && told && !writes && !acknowledges && install === null && release === null) return null;
    this.#batches += 1;
    const id = this.#batches;
    this.#following.acknowledge(install?.index ?? log.lastIndex);
    const hardState = member.takeUnwrittenHardState(id);
    const entries = unwritten ? log.takeUnwritten(id) : [];
    if (install !== null) log.noteInstall(id, install.index);
    this.#toldCommitIndex = member.commitIndex;
    const isNewConfiguration = this.#toldConfiguration !== configuration;
    this.#toldConfiguration = configuration;
    const { sendNow, sendAfterPersist, reads, sendSnapshots, readsConfirmed } = outbox.take();
    return {
      id,
      sendNow,
      persist: writes ? { hardState, entries } : null,
      sendAfterPersist,
      reads,
      sendSnapshots,
      install,
      release,
      readsConfirmed,
      configuration: isNewConfiguration ? configuration.configuration : null,
      commitIndex: member.commitIndex,
    };
  }

  #tick(ticks: number): void {
    this.#member.now += ticks;
    if (this.#leadership === null) this.#elections.tick(ticks);
    else if (!this.#leadership.tick(ticks)) {
      if (this.#leadership.canHelpNobody) this.#elections.standBack();
      this.#follow(null);
    }
  }

  #persisted(batch: number): void {
    assert(batch === this.#persistedBatches + 1 && batch <= this.#batches, 'batches are persisted in order, each once');
    this.#persistedBatches = batch;
    this.#member.persisted(batch);
    this.#elections.persisted();
    this.#following.joinIfComplete();
    this.#leadership?.commit();
  }

  #peerDown(peer: NodeId): void {
    this.#member.dead.add(peer);
    if (this.#leadership === null) this.#elections.peerDown(peer);
    else this.#leadership.onPeerDown(peer);
  }

  #snapshotReceived({
    from,
    term,
    index,
    snapshotTerm,
    configuration,
  }: Extract<RaftInput, { type: 'snapshotReceived' }>): void {
    if (term < this.#member.term || !this.#hearLeader(from, term)) return;
    this.#following.onSnapshot(index, snapshotTerm, configuration);
  }

  #receive(message: RaftMessage): void {
    const member = this.#member;
    // From whomever: the sender may know of members that this one has not heard of yet (thesis §4.2.2).
    if (message.to !== member.id || message.from === member.id) return;
    member.dead.delete(message.from);
    if (message.term < member.term) {
      this.#receiveStale(message);
      return;
    }
    switch (message.type) {
      case 'append':
        if (this.#hearLeader(message.from, message.term)) this.#following.onAppend(message);
        break;
      case 'heartbeat':
        if (this.#hearLeader(message.from, message.term)) this.#following.onHeartbeat(message);
        break;
      case 'preVoteRequest':
        this.#elections.onPreVoteRequest(message);
        break;
      case 'preVoteReply':
        // Granted, it names the term to campaign in, which nobody has entered yet.
        if (!message.granted) this.#meetTerm(message.term);
        this.#elections.onPreVoteReply(message);
        break;
      case 'voteRequest':
        this.#voteRequested(message);
        break;
      case 'voteReply':
        this.#meetTerm(message.term);
        this.#elections.onVoteReply(message);
        break;
      case 'appendReply':
        this.#meetTerm(message.term);
        this.#leadership?.onAppendReply(message);
        break;
      case 'heartbeatReply':
        this.#meetTerm(message.term);
        this.#leadership?.onHeartbeatReply(message);
        break;
      case 'shape':
        if (this.#hearLeader(message.from, message.term)) this.#following.onShape(message);
        break;
      case 'timeoutNow':
        if (message.term === member.term && message.from === member.leader) this.#elections.timeoutNow();
        break;
    }
  }

  /** From an earlier term: its sender must learn of the later one, or wait for ever; late answers are nothing. */
  #receiveStale(message: RaftMessage): void {
    const { id: from, term, outbox, durable } = this.#member;
    const to = message.from;
    switch (message.type) {
      case 'append':
      case 'heartbeat':
      case 'shape':
        outbox.sendNow({ type: 'heartbeatReply', from, to, term, round: 0, standing: durable.standing });
        break;
      case 'preVoteRequest':
        outbox.sendNow({ type: 'preVoteReply', from, to, term, granted: false });
        break;
      case 'voteRequest':
        outbox.sendNow({ type: 'voteReply', from, to, term, granted: false });
        break;
      case 'preVoteReply':
        // A voter that is behind in terms answers with its own.
        if (!message.granted) this.#elections.onPreVoteReply(message);
        break;
      case 'voteReply':
      case 'appendReply':
      case 'heartbeatReply':
      case 'timeoutNow':
        break;
    }
  }

  #voteRequested(request: Extract<RaftMessage, { type: 'voteRequest' }>): void {
    if (request.term > this.#member.term) {
      if (this.#elections.ignoresCandidate(request)) return;
      this.#meetTerm(request.term);
    }
    this.#elections.onVoteRequest(request);
  }

  /** Somebody is in a later term: so is this member, from now on (Raft §5.1). */
  #meetTerm(term: number): void {
    if (term <= this.#member.term) return;
    const wasCampaigning = this.#elections.isCampaigning;
    this.#member.enterTerm(term, null);
    this.#follow(null);
    if (wasCampaigning) this.#elections.retrySoon();
  }

  /** A message that only the leader of `term` sends. False when that can't be: this member leads that term. */
  #hearLeader(leader: NodeId, term: number): boolean {
    const member = this.#member;
    if (term === member.term && member.role === 'leader') return false;
    if (term > member.term) member.enterTerm(term, null);
    else if (member.role === 'follower' && member.leader === leader) {
      this.#elections.leaderHeard();
      return true;
    }
    this.#follow(leader);
    this.#elections.leaderHeard();
    return true;
  }

  #follow(leader: NodeId | null): void {
    this.#member.role = 'follower';
    this.#member.leader = leader;
    this.#leadership?.end();
    this.#leadership = null;
    this.#elections.reset();
    this.#following.reset();
  }

  #lead(voters: ReadonlySet<NodeId>): void {
    this.#member.role = 'leader';
    this.#member.leader = this.#member.id;
    this.#leadership = new Leadership(this.#member, voters);
  }
}
