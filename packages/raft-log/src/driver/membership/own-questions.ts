import type { NodeId } from '@lockstep/kernel';
import type { RaftStatus } from '../../node/index.ts';
import { NoAnswerError } from './requests.ts';

/** What the caller's own questions are answered by, here. `asLeader`: this member leads, and a majority has confirmed that since it was asked. */
export type AnswerQuestion = (question: unknown, asLeader: boolean) => Promise<unknown>;

/** Questions of the caller's own between members, as JSON: rare ones, for people. What they mean is not this package's matter. Nothing rejects. */
export interface MemberQuestions {
  /** Who answers here, from now on; must not reject. Until then nobody does. */
  onQuestion(answer: AnswerQuestion): void;
  /** Asks whoever leads, perhaps this member. Null: nobody that leads has answered. */
  askLeader(question: unknown): Promise<{ readonly by: NodeId; readonly answer: unknown } | null>;
  /** Asks that other member, whether it leads or not. Null: it has not answered. */
  ask(member: NodeId, question: unknown): Promise<unknown>;
}

/** On its way between members. */
export interface OwnQuestion {
  readonly type: 'own';
  readonly question: unknown;
  readonly leader: boolean;
}

export interface OwnQuestionsPorts {
  readonly node: NodeId;
  readonly raft: () => RaftStatus | null;
  readonly confirmRead: () => Promise<boolean>;
  /** Rejects with NoAnswerError. */
  readonly ask: (to: NodeId, question: OwnQuestion, timeoutMs: number) => Promise<unknown>;
}

/** The leader may have to ask others before it answers. */
const leaderMs = 3000;
const memberMs = 1000;

/** Passes the caller's questions on, to the leader or to any member, and answers those of others. */
export class OwnQuestions implements MemberQuestions {
  readonly #ports: OwnQuestionsPorts;
  #answer: AnswerQuestion | null = null;

  constructor(ports: OwnQuestionsPorts) {
    this.#ports = ports;
  }

  onQuestion(answer: AnswerQuestion): void {
    this.#answer = answer;
  }

  async askLeader(question: unknown): Promise<{ readonly by: NodeId; readonly answer: unknown } | null> {
    const { node, raft } = this.#ports;
    const status = raft();
    const leader = status?.role === 'leader' ? node : (status?.leader ?? null);
    if (leader === null) return null;
    const own: OwnQuestion = { type: 'own', question, leader: true };
    const answer = leader === node ? await this.serve(own) : await this.#ask(leader, own, leaderMs);
    return answer === null ? null : { by: leader, answer };
  }

  ask(member: NodeId, question: unknown): Promise<unknown> {
    return this.#ask(member, { type: 'own', question, leader: false }, memberMs);
  }

  /** Another member asks. Null: this one does not lead, though it was asked as the leader; or it has nothing to say. */
  async serve({ question, leader }: OwnQuestion): Promise<unknown> {
    if (leader && !(await this.#ports.confirmRead())) return null;
    return (await this.#answer?.(question, leader)) ?? null;
  }

  async #ask(to: NodeId, question: OwnQuestion, timeoutMs: number): Promise<unknown> {
    try {
      return (await this.#ports.ask(to, question, timeoutMs)) ?? null;
    } catch (error) {
      if (error instanceof NoAnswerError) return null;
      throw error;
    }
  }
}
