import type { NodeId } from '@lockstep/kernel';
import type { Member } from './member.ts';
import type { Peers } from './peers.ts';
import type { Progress } from './progress.ts';

interface UnderWay {
  readonly to: Progress;
  /** To that one or to nobody. */
  readonly isWanted: boolean;
  readonly since: number;
  told: boolean;
  /** Those that it was to before. */
  readonly died: Set<NodeId>;
}

/**
 * Leadership on its way to another member (thesis §3.10): proposals stop, the successor is brought up to date and told to campaign. It ends by
 * itself after an election time-out. When the successor dies, the next best is told, unless it was to be that one.
 */
export class HandOver {
  readonly #member: Member;
  readonly #peers: Peers;
  #under: UnderWay | null = null;

  constructor(member: Member, peers: Peers) {
    this.#member = member;
    this.#peers = peers;
  }

  get underWay(): boolean {
    return this.#under !== null;
  }

  /** To that member, or to the one that lacks least. Does nothing when there is none who could lead, or a hand-over is under way already. */
  begin(wanted: NodeId | null): void {
    if (this.#under !== null) return;
    const to = this.#best((peer) => wanted === null || peer.id === wanted);
    const since = this.#member.now;
    if (to !== null) this.#under = { to, isWanted: wanted !== null, since, told: false, died: new Set() };
  }

  tick(): void {
    const { now, options } = this.#member;
    if (this.#under !== null && now - this.#under.since >= options.electionTicks) this.#under = null;
  }

  peerDown(id: NodeId): void {
    const under = this.#under;
    if (under?.to.id !== id) return;
    under.died.add(id);
    const next = under.isWanted ? null : this.#best((peer) => !under.died.has(peer.id));
    this.#under = next === null ? null : { ...under, to: next, told: false };
  }

  /** Tells the successor as soon as it may campaign; once. */
  advance(): void {
    const { id: from, term, log, outbox, rules } = this.#member;
    const under = this.#under;
    if (under === null || under.told || !rules.mayHandOver(under.to.matchIndex, log.lastIndex)) return;
    under.told = true;
    outbox.sendNow({ type: 'timeoutNow', from, to: under.to.id, term });
  }

  /** Of those who could lead and are wanted, the one that lacks least. */
  #best(isWanted: (peer: Progress) => boolean): Progress | null {
    let best: Progress | null = null;
    for (const peer of this.#peers.all) {
      if (!isWanted(peer) || !this.#isAble(peer)) continue;
      if (best === null || peer.matchIndex > best.matchIndex) best = peer;
    }
    return best;
  }

  /** Not a learner, nor a witness, nor one that is about to leave. */
  #isAble(peer: Progress): boolean {
    const { dead, configuration } = this.#member;
    const { voters, witnesses } = configuration.configuration;
    const leads = voters.includes(peer.id) && !witnesses.includes(peer.id);
    return leads && peer.standing === 'voter' && this.#peers.isAlive(peer) && !dead.has(peer.id);
  }
}
