import type { NodeId } from '@lockstep/kernel';
import type { Rules } from './rules.ts';
import type { Entry, PeerProgress, Standing } from './types.ts';

/** An append that has not been answered. */
interface Flight {
  readonly last: number;
  readonly bytes: number;
  readonly sentAt: number;
}

/**
 * What a leader knows of one follower. `probe`: it isn't known where the logs agree, so one append at a time is sent and awaited.
 * `replicate`: appends follow one another without waiting, within a window. `snapshot`: the log can't help; a snapshot is on its way.
 */
export class Progress {
  readonly id: NodeId;
  state: PeerProgress['state'] = 'probe';
  standing: Standing = 'voter';
  /** Known to be on the follower's disk, and the same as here. */
  matchIndex = 0;
  /** What to send next. In `probe` a guess. */
  nextIndex: number;
  /** Ticks; null: not in this leadership. */
  heardAt: number | null = null;
  /** Heard over its present connection: what is known of its disk is of this incarnation. */
  isKnown = false;
  /** When the latest round that it answered began; null: none yet. */
  confirmedAt: number | null = null;
  /** The latest round answered. */
  ackedRound = 0;
  /** The latest commit index that was sent. */
  commitSent = 0;
  /** In `probe`: when the outstanding one was sent; null when the next may go. */
  probedAt: number | null = null;
  /** A probe went unanswered: the next ones carry no entries, so that a slow follower isn't sent the same ones over and over. */
  probeBare = false;
  /** The round under way when it was first heard to abstain. */
  abstainingSince: number | null = null;
  admitIndex: number | null = null;
  /** First index of the read that is under way. */
  readingFrom: number | null = null;
  /** Came from the journal and waits to be sent; begins at `nextIndex`, or is useless. */
  loaded: readonly Entry[] = [];
  /** The driver has been asked for a snapshot transfer and has not said that it is over. */
  transferring = false;
  /** To a witness: when the shape was sent that it has not answered. */
  shapeSentAt: number | null = null;
  /** It needs a state to go on from, which this leader, a witness, has not. */
  outOfReach = false;
  /** No member any more as of that entry. */
  leavesAt: { readonly index: number; readonly since: number } | null = null;
  /** A learner's last round was short, and the one under way has not become long. */
  caughtUp = false;
  /** The round under way (thesis §4.2.1): what the log held when it began. */
  #round: { readonly target: number; readonly since: number };
  #flights: Flight[] = [];
  #flightBytes = 0;

  constructor(id: NodeId, nextIndex: number, now: number) {
    this.id = id;
    this.nextIndex = nextIndex;
    this.#round = { target: nextIndex - 1, since: now };
  }

  becomeProbe(nextIndex: number): void {
    this.state = 'probe';
    this.nextIndex = nextIndex;
    this.probedAt = null;
    this.probeBare = false;
    this.#land(Number.POSITIVE_INFINITY);
  }

  becomeReplicate(): void {
    this.state = 'replicate';
    this.outOfReach = false;
    this.nextIndex = this.matchIndex + 1;
    this.probedAt = null;
    this.#land(Number.POSITIVE_INFINITY);
  }

  becomeSnapshot(): void {
    this.state = 'snapshot';
    this.shapeSentAt = null;
    this.#land(Number.POSITIVE_INFINITY);
  }

  /** Nothing of what it said before counts any more: its disk may be another one. */
  forget(nextIndex: number): void {
    this.matchIndex = 0;
    this.commitSent = 0;
    this.abstainingSince = null;
    this.admitIndex = null;
    this.caughtUp = false;
    this.isKnown = false;
    this.outOfReach = false;
    this.becomeProbe(nextIndex);
  }

  /** Looks whether a round has ended; then the next begins with what the log holds now. */
  judgeRound(lastIndex: number, now: number, electionTicks: number, rules: Rules): void {
    const took = now - this.#round.since;
    const receivedAll = this.matchIndex >= this.#round.target;
    this.caughtUp = rules.hasCaughtUp(receivedAll, took, electionTicks) || (this.caughtUp && took < electionTicks);
    if (receivedAll) this.#round = { target: lastIndex, since: now };
  }

  sent(last: number, bytes: number, now: number): void {
    this.#flights.push({ last, bytes, sentAt: now });
    this.#flightBytes += bytes;
    this.nextIndex = last + 1;
  }

  /** Returns whether that was news. */
  acknowledged(matchIndex: number): boolean {
    this.#land(matchIndex);
    if (matchIndex <= this.matchIndex) return false;
    this.matchIndex = matchIndex;
    if (this.nextIndex <= matchIndex) this.nextIndex = matchIndex + 1;
    return true;
  }

  windowOpen(appendsMax: number, bytesMax: number): boolean {
    return this.#flights.length < appendsMax && this.#flightBytes < bytesMax;
  }

  /** The oldest unanswered append's time of sending. */
  get oldestFlightAt(): number | null {
    return this.#flights[0]?.sentAt ?? null;
  }

  #land(last: number): void {
    while (this.#flights.length > 0 && this.#flights[0]!.last <= last)
      this.#flightBytes -= this.#flights.shift()!.bytes;
  }
}
