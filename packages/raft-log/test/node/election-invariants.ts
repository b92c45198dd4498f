import type { NodeId } from '@lockstep/kernel';
import type { RaftBatch } from '../../src/node/index.ts';
import { Majorities } from '../../src/node/majorities.ts';
import type { SimMember } from './sim-member.ts';
import { Violation } from './violation.ts';

/** Within one election time-out and the rest of the one before a leader notices that nobody answers; twice that is generous. */
const unheardMax = 4;

/** A leader, in ticks of its own since it began. */
interface Rule {
  readonly term: number;
  now: number;
  readonly heardAt: Map<NodeId, number>;
}

/** Who may enter a term, and who may go on leading. */
export class ElectionInvariants {
  /** The newest term that each has asked about. */
  readonly #asked = new Map<NodeId, number>();
  readonly #rules = new Map<NodeId, Rule>();

  restarted({ id }: SimMember): void {
    this.#asked.delete(id);
    this.#rules.delete(id);
  }

  /** Thesis §9.6: nobody asks for votes in a term without having asked whether it could win. */
  check({ id, node }: SimMember, { sendNow, sendAfterPersist }: RaftBatch): void {
    for (const message of [...sendNow, ...sendAfterPersist]) {
      if (message.type === 'preVoteRequest') this.#asked.set(id, message.term);
      if (message.type !== 'voteRequest' || message.transfer) continue;
      if (this.#asked.get(id) !== message.term)
        throw new Violation('no term without a pre-vote', `${id} asks for votes in term ${message.term}`);
    }
    if (node.role !== 'leader') this.#rules.delete(id);
    else if (this.#rules.get(id)?.term !== node.term)
      this.#rules.set(id, { term: node.term, now: 0, heardAt: new Map() });
  }

  heard({ id }: SimMember, from: NodeId): void {
    const rule = this.#rules.get(id);
    rule?.heardAt.set(from, rule.now);
  }

  /** Thesis §6.2: a leader that hears of no majority gives up. Called after the tick; a stall counts as one. */
  ticked({ id, node, electionTicks }: SimMember): void {
    const rule = this.#rules.get(id);
    if (rule === undefined || node.role !== 'leader' || node.term !== rule.term) return;
    rule.now += 1;
    const since = rule.now - unheardMax * electionTicks;
    const hears = (peer: NodeId): boolean => peer === id || (rule.heardAt.get(peer) ?? 0) >= since;
    if (!new Majorities(node.configuration).agree(hears))
      throw new Violation('no leader without a majority', `${id} leads term ${node.term}, and has heard of too few`);
  }
}
