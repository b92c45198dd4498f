import type { Clock, NodeId } from '@lockstep/kernel';
import type { ChangeRefusal, MembershipChange, RaftStatus } from '../../node/index.ts';
import { configurationLevel } from '../levels.ts';
import type { MemberStatus } from '../replicated-log-options.ts';
import { OwnQuestions } from './own-questions.ts';
import type { MemberQuestions, OwnQuestion } from './own-questions.ts';
import { NoAnswerError, Requests } from './requests.ts';
import type { RequestMessage } from '../peers/messages.ts';

/** What came of something that was asked of the leader. `reason` is for people. */
export type MemberOutcome =
  | { readonly done: true }
  /**
   * `no-leader`: nobody leads, or it does not answer. `refused`: it makes no sense, and nothing has happened. `busy`: another change is under way.
   * `unknown`: leadership was lost meanwhile; it may or may not come to pass.
   */
  | { readonly done: false; readonly why: 'no-leader' | 'refused' | 'busy' | 'unknown'; readonly reason: string };

/** The members as one of them sees them. */
export interface MembersView {
  /** Whose view it is. */
  readonly by: NodeId;
  /** It leads, and a majority has confirmed that since it was asked. */
  readonly confirmed: boolean;
  readonly members: readonly MemberStatus[];
}

export interface MemberChangesPorts {
  readonly clock: Clock;
  readonly node: NodeId;
  readonly raft: () => RaftStatus | null;
  /** The level in use. */
  readonly level: () => number;
  readonly propose: (change: MembershipChange) => number | ChangeRefusal;
  /** True: another leads now. */
  readonly transfer: (to: NodeId | null) => Promise<boolean>;
  readonly confirmRead: () => Promise<boolean>;
  readonly members: () => readonly MemberStatus[];
  /** Why that node could not take part; null: nothing is known against it. */
  readonly obstacle: (id: NodeId) => string | null;
  readonly send: (to: NodeId, message: RequestMessage) => void;
}

/** A change that is in the leader's log, and not committed yet. */
interface Pending {
  readonly index: number;
  readonly term: number;
  readonly resolve: (outcome: MemberOutcome) => void;
}

interface MembershipQuestion {
  readonly type: 'change' | 'transfer' | 'members';
  readonly change?: MembershipChange;
  readonly to?: NodeId | null;
}

type Question = MembershipQuestion | OwnQuestion;

const answerMs = 10_000;
const readMs = 2000;
const retryMs = 50;
const busyMs = 5000;

type Undone = Extract<MemberOutcome, { done: false }>;

const noLeader: Undone = {
  done: false,
  why: 'no-leader',
  reason: 'no master is known: a majority of the members, with their data, is needed for it',
};
const lost: Undone = {
  done: false,
  why: 'unknown',
  reason: 'mastership changed meanwhile: it may or may not come to pass, so look at the members',
};

/** What of it is for everybody. None rejects. */
export interface MemberControl {
  /** Done when its first step is committed; see `MembershipChange` for those that follow by themselves. */
  change(change: MembershipChange): Promise<MemberOutcome>;
  /** Hands leadership to that member, or to the best one. */
  transfer(to: NodeId | null): Promise<MemberOutcome>;
  /** As the leader sees them, if it can be asked; else as this member does. */
  view(): Promise<MembersView>;
  readonly questions: MemberQuestions;
}

/** Changes of membership and of leadership, and linearizable views of the members, whichever member is asked: others pass it on to the leader. */
export class MemberChanges implements MemberControl {
  readonly #ports: MemberChangesPorts;
  readonly #requests: Requests;
  readonly #own: OwnQuestions;
  #pending: Pending[] = [];

  constructor(ports: MemberChangesPorts) {
    this.#ports = ports;
    const { clock, send, node, raft, confirmRead } = ports;
    this.#requests = new Requests({ clock, send, serve: (question) => this.#serve(question as Question | null) });
    const ask = (to: NodeId, question: OwnQuestion, ms: number): Promise<unknown> =>
      this.#requests.ask(to, question, ms);
    this.#own = new OwnQuestions({ node, raft, confirmRead, ask });
  }

  get questions(): MemberQuestions {
    return this.#own;
  }

  change(change: MembershipChange): Promise<MemberOutcome> {
    // Whom it has dialled is chance: so whoever is asked looks, and the leader again.
    const hindered = this.#hindered(change);
    if (hindered !== null) return Promise.resolve(hindered);
    return this.#patiently(() => (this.#leads ? this.#changeHere(change) : this.#passOn({ type: 'change', change })));
  }

  transfer(to: NodeId | null): Promise<MemberOutcome> {
    return this.#patiently(() => (this.#leads ? this.#transferHere(to) : this.#passOn({ type: 'transfer', to })));
  }

  /** While nobody leads nothing has happened: an election is over soon. */
  async #patiently(attempt: () => Promise<MemberOutcome>): Promise<MemberOutcome> {
    const { clock } = this.#ports;
    const begunMs = clock.monotonicMs();
    for (;;) {
      const outcome = await attempt();
      const again = !outcome.done && outcome.why === 'no-leader' && clock.monotonicMs() - begunMs < busyMs;
      if (!again) return outcome;
      await new Promise<void>((resolve) => void clock.setTimer(retryMs, resolve));
    }
  }

  async view(): Promise<MembersView> {
    if (this.#leads) return this.#viewHere();
    const leader = this.#ports.raft()?.leader ?? null;
    if (leader !== null) {
      try {
        const answer = (await this.#requests.ask(leader, { type: 'members' }, readMs)) as MembersView | null;
        if (answer !== null) return answer;
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error;
      }
    }
    return { by: this.#ports.node, confirmed: false, members: this.#ports.members() };
  }

  receive(message: RequestMessage, from: NodeId): void {
    this.#requests.receive(message, from);
  }

  /** Looks whether what is waited for has been committed. */
  tick(): void {
    const raft = this.#ports.raft();
    if (this.#pending.length === 0 || raft === null) return;
    const waiting: Pending[] = [];
    for (const pending of this.#pending) {
      if (raft.role !== 'leader' || raft.term !== pending.term) pending.resolve(lost);
      else if (raft.commitIndex >= pending.index) pending.resolve({ done: true });
      else waiting.push(pending);
    }
    this.#pending = waiting;
  }

  stop(): void {
    this.#requests.stop();
    for (const { resolve } of this.#pending) resolve(lost);
    this.#pending = [];
  }

  get #leads(): boolean {
    return this.#ports.raft()?.role === 'leader';
  }

  async #passOn(question: Question): Promise<MemberOutcome> {
    const leader = this.#ports.raft()?.leader ?? null;
    if (leader === null || leader === this.#ports.node) return noLeader;
    try {
      const answer = (await this.#requests.ask(leader, question, answerMs)) as MemberOutcome | null;
      return answer ?? noLeader;
    } catch (error) {
      if (!(error instanceof NoAnswerError)) throw error;
      return { ...lost, reason: `${error.message}: it may or may not come to pass, so look at the members` };
    }
  }

  /** Never rejects. Others are not passed on once more: whoever does not lead says so. */
  async #serve(question: Question | null): Promise<unknown> {
    if (question?.type === 'members') return this.#viewHere();
    if (question?.type === 'own') return this.#own.serve(question);
    if (!this.#leads) return noLeader;
    if (question?.type === 'transfer') return this.#transferHere(question.to ?? null);
    if (question?.type === 'change' && question.change !== undefined) return this.#changeHere(question.change);
    return refusal('it is not known here what is asked for');
  }

  async #changeHere(change: MembershipChange): Promise<MemberOutcome> {
    const { clock, propose, level, raft } = this.#ports;
    if (level() < configurationLevel) {
      return refusal(
        'some member runs an older program, which knows no changes of membership: upgrade all of them first',
      );
    }
    const hindered = this.#hindered(change);
    if (hindered !== null) return hindered;
    const begunMs = clock.monotonicMs();
    for (;;) {
      const answer = propose(change);
      if (typeof answer === 'number') {
        const { term } = raft()!;
        return new Promise((resolve) => this.#pending.push({ index: answer, term, resolve }));
      }
      if (answer.reason === 'invalid') return refusal(answer.detail);
      if (answer.reason === 'not-leader') return noLeader;
      if (clock.monotonicMs() - begunMs >= busyMs) return busy(answer.reason);
      await new Promise<void>((resolve) => void clock.setTimer(retryMs, resolve));
    }
  }

  /** A change would wait for whoever can't take part, and keep all others waiting. */
  #hindered({ add = [] }: MembershipChange): MemberOutcome | null {
    for (const { id } of add) {
      const obstacle = this.#ports.obstacle(id);
      if (obstacle !== null) return refusal(`node ${id}: ${obstacle}`);
    }
    return null;
  }

  async #transferHere(to: NodeId | null): Promise<MemberOutcome> {
    const { node, members, transfer } = this.#ports;
    if (to === node) return { done: true };
    const able = members().filter(({ id, part, alive }) => id !== node && part === 'voter' && alive !== false);
    if (to !== null && !able.some(({ id }) => id === to)) {
      const known = members().some(({ id }) => id === to);
      return refusal(known ? `node ${to} can't be master now: it is no voter, or it is dead` : `${to} is not a member`);
    }
    if (able.length === 0) return refusal('there is no other member that could be master now');
    if (await transfer(to)) return { done: true };
    return busy('the other member did not take mastership over in time');
  }

  async #viewHere(): Promise<MembersView> {
    const { node, members, confirmRead } = this.#ports;
    const confirmed = await confirmRead();
    return { by: node, confirmed, members: members() };
  }
}

function refusal(reason: string): MemberOutcome {
  return { done: false, why: 'refused', reason };
}

function busy(reason: string): MemberOutcome {
  const text =
    reason === 'change-under-way'
      ? 'another change of the membership is under way'
      : reason === 'no-quorum'
        ? 'the master has not heard a majority lately'
        : reason === 'transferring'
          ? 'mastership is being handed over'
          : reason;
  return { done: false, why: 'busy', reason: text };
}
