import type { Broker, MessageFacts } from '@lockstep/core';
import type { Clock, NodeId, SessionId } from '@lockstep/kernel';
import type { LogMemberStatus, MemberQuestions } from '@lockstep/raft-log';

import { nearest } from '../../config/config-error.ts';
import { subscriptionOf } from './facts.ts';
import type { Facts, IntakeFacts } from './facts.ts';
import { intakeReasons } from './intake-reasons.ts';
import { messageReasons, messageSummary, notStored, unknownMessage } from './message-reasons.ts';
import { queueReasons, queueSummary } from './queue-reasons.ts';
import { parseSubject } from './subject.ts';
import type { Subject } from './subject.ts';
import { nodeReasons, topicReasons, topicSummary } from './topic-reasons.ts';
import type { Explanation, MasterWait, NodeSubscription, NodeView, Reason } from './types.ts';

export interface ExplainerPorts {
  readonly node: NodeId;
  readonly clock: Clock;
  readonly broker: Pick<
    Broker,
    'queueFacts' | 'messageFacts' | 'subscriptions' | 'queues' | 'applied' | 'waitsForApply' | 'accepting' | 'heldUpBy'
  >;
  readonly questions: MemberQuestions;
  /** Of the cluster, this node included. */
  readonly members: () => readonly LogMemberStatus[];
  /** Whom this node takes for the master; null: nobody. */
  readonly master: () => NodeId | null;
  /** Why this node has no master; and facts about that. */
  readonly whyNoMaster: () => { readonly text: string; readonly facts: Readonly<Record<string, unknown>> };
  readonly clients: () => number;
  readonly waiting: () => MasterWait | null;
  readonly standsStill: () => boolean;
  readonly client: (session: SessionId) => { readonly address: string; readonly unsentBytes: number } | null;
  readonly leaseLeftMs: (node: string) => number | null;
  readonly intake: () => IntakeFacts;
  /** What may wait for one subscriber of a topic. */
  readonly topicBacklogBytes: number;
}

/** What one node asks another: the master for an explanation, any node for its view. */
type ExplainQuestion = { readonly explain: string } | { readonly view: string };

/** A node tells of so many of its subscriptions, those that stand out first. */
const toldMax = 1000;
/** With no message to go by: of one that is to be expected. */
const messageBytesMin = 1024;
/** Among so many names it is looked for one that was meant. */
const namesMax = 10_000;

/**
 * Says why messages move or do not. Whichever node is asked, it asks the master, who asks the nodes for their clients; where no master answers it
 * says that, and what it knows itself.
 */
export class Explainer {
  readonly #ports: ExplainerPorts;

  constructor(ports: ExplainerPorts) {
    this.#ports = ports;
    ports.questions.onQuestion((question, asLeader) => this.#answer(question, asLeader));
  }

  /** Null: the subject makes no sense. */
  async explain(text: string): Promise<Explanation | null> {
    const subject = parseSubject(text);
    if (subject === null) return null;
    const question: ExplainQuestion = { explain: subject.name };
    const answered = await this.#ports.questions.askLeader(question);
    return explanationOf(answered?.answer) ?? this.#withoutMaster(subject);
  }

  /** Of another member, or of this node itself. Whatever the question is, it does not reject. */
  async #answer(question: unknown, asLeader: boolean): Promise<Explanation | NodeView | null> {
    if (typeof question !== 'object' || question === null) return null;
    if (asLeader && 'explain' in question && typeof question.explain === 'string') {
      const subject = parseSubject(question.explain);
      return subject === null ? null : this.#asMaster(subject);
    }
    return 'view' in question && typeof question.view === 'string' ? this.#view(question.view) : null;
  }

  async #asMaster(subject: Subject): Promise<Explanation> {
    const { broker } = this.#ports;
    const position = subject.kind === 'message' ? subject.position : null;
    const at = position === null ? null : (broker.messageFacts(position)?.destination ?? null);
    const facts = await this.#facts(subject.kind === 'message' ? at : subject.name);
    return { ...this.#describe(subject, facts, ''), by: this.#ports.node, confirmed: true };
  }

  async #withoutMaster(subject: Subject): Promise<Explanation> {
    const { node, master, whyNoMaster, intake, leaseLeftMs, clock } = this.#ports;
    const facts: Facts = {
      nowMs: clock.wallMs(),
      applied: this.#ports.broker.applied,
      nodes: [this.#view(subject.name)],
      leaseLeftMs,
      intake: intake(),
    };
    const { summary, reasons, ...rest } = this.#describe(subject, facts, ' on this node');
    const silent = master();
    const why = whyNoMaster();
    const first: Reason =
      silent === null || silent === node
        ? { code: 'no-master', text: why.text, ...why.facts }
        : {
            code: 'master-silent',
            text: `node ${silent} is taken for the master, and does not answer: ask again in a moment; if it stays so, look at node ${silent} and at the network to it`,
            master: silent,
          };
    // What this node has not seen yet, or no more, may be otherwise.
    const known = reasons.filter(({ code }) => code === 'dead-letter' || code === 'not-stored');
    return { ...rest, by: node, confirmed: false, summary, reasons: [first, ...known] };
  }

  /** `where`: how far the facts reach. */
  #describe(subject: Subject, facts: Facts, where: string): Omit<Explanation, 'by' | 'confirmed'> {
    const { broker, topicBacklogBytes } = this.#ports;
    const { name } = subject;
    const around = nodeReasons(facts);
    if (subject.kind === 'queue') {
      const { summary, reasons } = this.#queue(name, facts);
      return { subject: name, kind: 'queue', summary, reasons: [...around, ...reasons] };
    }
    if (subject.kind === 'topic') {
      const reasons = [...around, ...topicReasons(name, facts, topicBacklogBytes)];
      return { subject: name, kind: 'topic', summary: topicSummary(facts, where), reasons };
    }
    const { kind, position } = subject;
    if (position === null) return { subject: name, kind, summary: 'not stored', reasons: [notStored(name)] };
    const message = broker.messageFacts(position);
    if (message === null) {
      const reasons = [unknownMessage(position, broker.applied)];
      return { subject: name, kind, summary: 'not there', reasons };
    }
    const dispatch = broker.queueFacts(message.destination).dispatch;
    const own = messageReasons(message, dispatch, facts);
    const further = [...around, ...this.#queue(message.destination, facts).reasons];
    const reasons = [...own, ...further.filter((reason) => concerns(reason, message, facts))];
    return { subject: name, kind, summary: messageSummary(message), reasons };
  }

  #queue(name: string, facts: Facts): { readonly summary: string; readonly reasons: readonly Reason[] } {
    const queue = this.#ports.broker.queueFacts(name);
    const meant = queue.known ? null : this.#nearest(name);
    const bytes = queue.depth === 0 ? messageBytesMin : Math.ceil(queue.bytes / queue.depth);
    const reasons = [...intakeReasons(facts.intake, bytes), ...queueReasons(queue, facts, meant)];
    return { summary: queueSummary(queue), reasons };
  }

  #nearest(name: string): string | null {
    const names = this.#ports.broker.queues().map((queue) => queue.name);
    return nearest(name, names.slice(0, namesMax)) ?? null;
  }

  /** Of this node and of those that answer, about clients of that destination; null: about none. */
  async #facts(destination: string | null): Promise<Facts> {
    const { node, broker, members, questions, leaseLeftMs, intake, clock } = this.#ports;
    // Before the others are asked: they go on meanwhile.
    const { applied } = broker;
    const question: ExplainQuestion = { view: destination ?? '' };
    const others = members().filter(({ id, alive, part }) => id !== node && alive && part !== 'witness');
    const views = await Promise.all(others.map(async ({ id }) => viewOf(await questions.ask(id, question), id)));
    const nodes = [this.#view(question.view), ...views.filter((view) => view !== null)];
    return { nowMs: clock.wallMs(), applied, nodes, leaseLeftMs, intake: intake() };
  }

  #view(destination: string): NodeView {
    const { node, broker, waiting, standsStill, clients, client } = this.#ports;
    const all = broker.subscriptions(destination);
    const subscriptions = all
      .map(({ session, consumer, unsettled, waitingMessages, waitingBytes }): NodeSubscription => {
        const found = client(session);
        const unsentBytes = found?.unsentBytes ?? 0;
        return {
          ...{ session, client: found?.address ?? null, consumer },
          ...{ unsettled, waitingMessages, waitingBytes, unsentBytes },
        };
      })
      .toSorted((one, other) => weightOf(other) - weightOf(one))
      .slice(0, toldMax);
    const heldUpBy = broker.accepting ? null : broker.heldUpBy;
    const { applied, waitsForApply } = broker;
    const progress = { applied, waitsForApply, standsStill: standsStill() };
    return { node, ...progress, waiting: waiting(), heldUpBy, clients: clients(), total: all.length, subscriptions };
  }
}

/** Why the queue's messages do not move is also why this one does not: of one that a consumer has, what keeps that consumer. */
function concerns({ code, node, session }: Reason, { holder }: MessageFacts, facts: Facts): boolean {
  if (holder === null || holder.state === 'ready') return true;
  const { consumer } = holder;
  if (holder.state !== 'held' || consumer === null || node !== consumer.node) return false;
  if (code === 'node-waits' || code === 'node-behind') return true;
  return code === 'slow-socket' && session === subscriptionOf(facts, consumer.node, consumer.consumer)?.session;
}

function weightOf({ unsentBytes, waitingBytes, unsettled }: NodeSubscription): number {
  return unsentBytes + waitingBytes + unsettled;
}

/** What a member of another version says may be anything. */
function explanationOf(answer: unknown): Explanation | null {
  const one = answer as Partial<Explanation> | null | undefined;
  const isOne =
    typeof one === 'object' &&
    one !== null &&
    typeof one.summary === 'string' &&
    Array.isArray(one.reasons) &&
    one.reasons.every((reason) => typeof reason?.code === 'string' && typeof reason?.text === 'string');
  return isOne ? (one as Explanation) : null;
}

function viewOf(answer: unknown, node: NodeId): NodeView | null {
  const one = answer as Partial<NodeView> | null;
  const isOne = typeof one === 'object' && one !== null && one.node === node && Array.isArray(one.subscriptions);
  return isOne ? (one as NodeView) : null;
}
