import type { NodeId } from '@lockstep/kernel';
import type { Member } from './member.ts';
import type { Peers } from './peers.ts';
import type { Progress } from './progress.ts';

/**
 * Leadership on its way to another member (thesis §3.10): proposals stop, the successor is brought up to date and told to campaign. It ends by
 * itself after an election time-out, or when the successor dies.
 */
export class HandOver {
  readonly #member: Member;
  readonly #peers: Peers;
  #under: { readonly to: Progress; readonly since: number; told: boolean } | null = null;

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
    let best: Progress | null = null;
    for (const peer of this.#peers.all) {
      const fits = (wanted === null || peer.id === wanted) && this.#isAble(peer);
      if (fits && (best === null || peer.matchIndex > best.matchIndex)) best = peer;
    }
    if (best !== null) this.#under = { to: best, since: this.#member.now, told: false };
  }

  tick(): void {
    const { now, options } = this.#member;
    if (this.#under !== null && now - this.#under.since >= options.electionTicks) this.#under = null;
  }

  peerDown(id: NodeId): void {
    if (this.#under?.to.id === id) this.#under = null;
  }

  /** Tells the successor as soon as it may campaign; once. */
  advance(): void {
    const { id: from, term, log, outbox, rules } = this.#member;
    const under = this.#under;
    if (under === null || under.told || !rules.mayHandOver(under.to.matchIndex, log.lastIndex)) return;
    under.told = true;
    outbox.sendNow({ type: 'timeoutNow', from, to: under.to.id, term });
  }

  /** Not a learner, nor a witness, nor one that is about to leave. */
  #isAble(peer: Progress): boolean {
    const { dead, configuration } = this.#member;
    const { voters, witnesses } = configuration.configuration;
    const leads = voters.includes(peer.id) && !witnesses.includes(peer.id);
    return leads && peer.standing === 'voter' && this.#peers.isAlive(peer) && !dead.has(peer.id);
  }
}
