import type { Member } from './member.ts';
import type { Progress } from './progress.ts';
import type { AppendReply, Entry } from './types.ts';

/**
 * What a leader sends to one follower (Raft §5.3; pipelining and back-off: thesis §10.2, §5.3). Appends are built when a batch is
 * taken, not when a command is proposed: all that one turn brought goes into one append.
 *
 * Commit indices ride with appends. Where none goes out, a heartbeat takes them at the next tick: at most one message more per
 * follower and tick, however many entries are committed. (To followers that are to be kept posted: with the same batch.)
 */
export class Replication {
  readonly #member: Member;

  constructor(member: Member) {
    this.#member = member;
  }

  /** Sends what there is to send and the follower may have now. */
  advance(peer: Progress): void {
    if (this.#member.dead.has(peer.id) || peer.state === 'snapshot') return;
    if (peer.state === 'probe') {
      if (peer.probedAt === null) this.#probe(peer);
      return;
    }
    const { inflightAppendsMax, inflightBytesMax } = this.#member.options;
    while (
      peer.state === 'replicate' &&
      peer.nextIndex <= this.#member.log.lastIndex &&
      peer.windowOpen(inflightAppendsMax, inflightBytesMax)
    ) {
      const entries = this.#entriesFor(peer);
      if (entries === null) return;
      this.#append(peer, entries);
    }
  }

  /** The answer to an append of this term. Returns whether more is known to be on the follower's disk. */
  onReply(peer: Progress, reply: AppendReply): boolean {
    const { log } = this.#member;
    if (reply.reject !== null) {
      this.#onReject(peer, reply.reject);
      return false;
    }
    if (reply.matchIndex > log.lastIndex) return false;
    const news = peer.acknowledged(reply.matchIndex);
    const answersProbe = peer.state === 'probe' && reply.matchIndex >= peer.nextIndex - 1;
    const snapshotArrived = peer.state === 'snapshot' && news && log.canSendFrom(peer.matchIndex + 1);
    if (answersProbe || snapshotArrived) peer.becomeReplicate();
    return news;
  }

  /** The follower is there, but has it lost what was sent to it? Connections break visibly (`peerUp`), so this is only the safety net. */
  resume(peer: Progress): void {
    const { now, options } = this.#member;
    if (peer.state === 'probe' && peer.probedAt !== null && now - peer.probedAt >= options.heartbeatTicks) {
      peer.probedAt = null;
      peer.probeBare = true;
    }
    const oldest = peer.oldestFlightAt;
    if (peer.state === 'replicate' && oldest !== null && now - oldest > options.electionTicks)
      peer.becomeProbe(peer.matchIndex + 1);
    if (peer.state === 'snapshot' && peer.shapeSentAt !== null && now - peer.shapeSentAt > options.electionTicks)
      peer.becomeProbe(peer.matchIndex + 1);
  }

  /** The journal's answer. Entries that no longer belong to this log are recognised by the last one's term (log matching). */
  onRead(peer: Progress, from: number, entries: readonly Entry[]): void {
    if (peer.readingFrom !== from) return;
    peer.readingFrom = null;
    const { log, now } = this.#member;
    const last = entries.at(-1);
    if (last === undefined) {
      if (from <= log.snapshotIndex) log.dropBelow(log.snapshotIndex + 1);
      peer.becomeProbe(peer.nextIndex);
      // Above the snapshot the journal has no holes: then wait a little rather than ask again at once.
      if (from > log.snapshotIndex) peer.probedAt = now;
      return;
    }
    if (entries[0]!.index === from && log.termAt(last.index) === last.term) peer.loaded = entries;
  }

  onSnapshotSent(peer: Progress, index: number, delivered: boolean): void {
    peer.transferring = false;
    if (peer.state !== 'snapshot') return;
    if (delivered) {
      peer.becomeProbe(Math.max(index, peer.matchIndex) + 1);
    } else {
      peer.becomeProbe(peer.matchIndex + 1);
      // Not again before the follower shows that it is there.
      peer.probedAt = this.#member.now;
    }
  }

  #onReject(peer: Progress, reject: NonNullable<AppendReply['reject']>): void {
    const isStale =
      peer.state === 'probe'
        ? reject.previousIndex !== peer.nextIndex - 1
        : peer.state === 'snapshot' || reject.previousIndex <= peer.matchIndex;
    if (isStale) return;
    // It lacks what it once acknowledged (`fsync: never`, and the power failed): begin anew rather than ask for ever.
    if (reject.previousIndex <= peer.matchIndex) peer.matchIndex = 0;
    // Both logs are searched: the follower skipped its terms that are later, the leader skips its own.
    const agreed = this.#member.log.lastNotAfter(reject.hintIndex, reject.hintTerm);
    peer.becomeProbe(Math.max(peer.matchIndex, Math.min(agreed, reject.previousIndex - 1)) + 1);
  }

  #probe(peer: Progress): void {
    const { log, now, options } = this.#member;
    if (!log.canSendFrom(peer.nextIndex)) {
      this.#sendSnapshot(peer);
      return;
    }
    const entries = peer.probeBare ? null : log.tail.sliceWithin(peer.nextIndex, options.appendBytesMax);
    peer.probedAt = now;
    this.#send(peer, entries ?? []);
  }

  #append(peer: Progress, entries: readonly Entry[]): void {
    let bytes = 0;
    for (const entry of entries) bytes += entry.record.length;
    this.#send(peer, entries);
    peer.sent(entries.at(-1)!.index, bytes, this.#member.now);
  }

  #send(peer: Progress, entries: readonly Entry[]): void {
    const { id: from, term, log, outbox, commitIndex } = this.#member;
    const previousIndex = peer.nextIndex - 1;
    const previousTerm = log.termAt(previousIndex)!;
    peer.commitSent = commitIndex;
    outbox.sendNow({ type: 'append', from, to: peer.id, term, previousIndex, previousTerm, entries, commitIndex });
  }

  /** The next append's entries; null when they must be read first, or are gone. */
  #entriesFor(peer: Progress): readonly Entry[] | null {
    const { log, options, outbox } = this.#member;
    const from = peer.nextIndex;
    if (!log.canSendFrom(from)) {
      this.#sendSnapshot(peer);
      return null;
    }
    const inMemory = log.tail.sliceWithin(from, options.appendBytesMax);
    if (inMemory !== null) {
      peer.loaded = [];
      return inMemory;
    }
    if (peer.loaded[0]?.index === from) return takeWithin(peer, options.appendBytesMax);
    peer.loaded = [];
    if (peer.readingFrom === null) {
      peer.readingFrom = from;
      outbox.read({ peer: peer.id, from, to: log.tail.firstIndex - 1 });
    }
    return null;
  }

  /** Only to somebody who is there, and one at a time. */
  #sendSnapshot(peer: Progress): void {
    const { log, now, options, outbox } = this.#member;
    const isThere = peer.heardAt !== null && now - peer.heardAt < options.electionTicks;
    if (log.snapshotIndex === 0 || peer.transferring || !isThere) return;
    const { id: self } = this.#member;
    const toWitness = this.#member.isWitness(peer.id);
    // A witness that leads has no state to give; another member with state can be brought up to date from its log.
    if (!toWitness && this.#member.isWitness(self)) {
      peer.outOfReach = true;
      return;
    }
    peer.becomeSnapshot();
    if (toWitness) {
      this.#sendShape(peer);
    } else {
      peer.transferring = true;
      outbox.sendSnapshot(peer.id);
    }
  }

  /**
   * A witness needs no state, so the message is all. It has not held the entries that the shape stands for, and counts as if it had: they are
   * committed, this member has them in its snapshot, and those who brought that about hold them still or have been told of it.
   */
  #sendShape(peer: Progress): void {
    const { id: from, term, log, now, outbox } = this.#member;
    const index = log.snapshotIndex;
    const configuration = log.configurations.at(index);
    peer.shapeSentAt = now;
    outbox.sendNow({ type: 'shape', from, to: peer.id, term, index, shapeTerm: log.termAt(index)!, configuration });
  }
}

/** Cuts the front off what was read. */
function takeWithin(peer: Progress, bytesMax: number): readonly Entry[] {
  const { loaded } = peer;
  let end = 1;
  let bytes = loaded[0]!.record.length;
  while (end < loaded.length && bytes + loaded[end]!.record.length <= bytesMax) {
    bytes += loaded[end]!.record.length;
    end += 1;
  }
  peer.loaded = loaded.slice(end);
  return loaded.slice(0, end);
}
