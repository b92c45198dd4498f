import { DiskError } from '@lockstep/kernel';
import type { Clock, Log, NodeId } from '@lockstep/kernel';
import type { Entry } from '../../node/types.ts';
import type { Records, RecordsWant } from '../peers/messages.ts';
import type { RepairOutcome } from '../payload-reader.ts';
import type { RecordDamage } from '../storage-types.ts';
import { recordsOf } from './cut-records.ts';
import { groupPositions } from './group-positions.ts';
import type { RecordAccess } from './record-access.ts';
import { RepairStory } from './repair-story.ts';

export interface RecordRepairPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<RecordAccess, 'appliedIndex' | 'isLive' | 'addRecords'>;
  /** The other members that hold records, the best one to ask first. */
  readonly members: () => readonly NodeId[];
  readonly reachable: (peer: NodeId) => boolean;
  readonly send: (to: NodeId, message: RecordsWant) => void;
  readonly failed: (error: unknown) => void;
}

/** One damaged record on its way to an intact copy. */
interface Mend {
  readonly damage: RecordDamage;
  readonly sinceMs: number;
  /** Members that have no intact copy. */
  readonly refused: Set<NodeId>;
  /** Dead once this has been applied, by what a member says. */
  goneAt: number | null;
  asked: boolean;
  readonly conclude: (outcome: RepairOutcome) => void;
  readonly outcome: Promise<RepairOutcome>;
}

interface Question {
  readonly peer: NodeId;
  readonly from: number;
  readonly to: number;
  readonly positions: readonly number[];
  readonly askedAtMs: number;
}

const answerBytes = 512 * 1024;
/** No answer for that long: another member's turn. */
const patienceMs = 2000;
/** Members that can't be reached are waited for no longer than that: somebody waits for the message. */
const giveUpMs = 15_000;
/** Under way at a time, over all members. */
const questionsMax = 4;

/**
 * Gets intact copies of damaged records from the other members and puts them into the record store, which prefers them from then on. Committed records are
 * the same on all members, so whoever has one that passes its checks will do; no vote and no acknowledgement hangs on it.
 */
export class RecordRepair {
  readonly #ports: RecordRepairPorts;
  readonly #story: RepairStory;
  readonly #mends: Map<number, Mend> = new Map();
  readonly #questions: Map<number, Question> = new Map();
  /** Even; those of a snapshot's intake are odd. */
  #request = 0;
  #turn = 0;
  #stopped = false;

  constructor(ports: RecordRepairPorts) {
    this.#ports = ports;
    this.#story = new RepairStory(ports.log);
  }

  /** How many records wait for an intact copy. */
  get open(): number {
    return this.#mends.size;
  }

  /** One outcome for each, in this order. Never rejects; never resolves after `stop`. */
  repair(damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> {
    const outcomes = damages.map((damage) => this.#mend(damage).outcome);
    this.#proceed();
    return Promise.all(outcomes);
  }

  receive(answer: Records, from: NodeId): void {
    const question = this.#questions.get(answer.request);
    if (this.#stopped || question === undefined || question.peer !== from || question.from !== answer.from) return;
    this.#questions.delete(answer.request);
    const entries = recordsOf(answer);
    if (entries === null || answer.next <= question.from) {
      // Damaged on the way, or that member has not applied so far: somebody else's turn, and at a later tick its own.
      this.#turn += 1;
      this.#release(question.positions);
      return;
    }
    void this.#take(question, answer, entries);
  }

  /** What was under way to that member is lost. */
  reachable(peer: NodeId): void {
    for (const [request, question] of this.#questions) if (question.peer === peer) this.#drop(request, question);
    this.#proceed();
  }

  tick(): void {
    if (this.#mends.size === 0) return;
    const now = this.#ports.clock.monotonicMs();
    for (const [request, question] of this.#questions) {
      if (now - question.askedAtMs >= patienceMs) {
        this.#turn += 1;
        this.#drop(request, question);
      }
    }
    for (const [position, mend] of this.#mends) this.#settle(position, mend, now);
    this.#proceed();
  }

  stop(): void {
    this.#stopped = true;
    this.#questions.clear();
  }

  #mend(damage: RecordDamage): Mend {
    const before = this.#mends.get(damage.position);
    if (before !== undefined) return before;
    let conclude: (outcome: RepairOutcome) => void = () => {};
    const outcome = new Promise<RepairOutcome>((resolve) => (conclude = resolve));
    const sinceMs = this.#ports.clock.monotonicMs();
    const mend = { damage, sinceMs, refused: new Set<NodeId>(), goneAt: null, asked: false, conclude, outcome };
    this.#mends.set(damage.position, mend);
    this.#story.begun(damage);
    return mend;
  }

  /** Asks for what nobody has been asked for, each record of one member at a time. */
  #proceed(): void {
    if (this.#stopped || this.#mends.size === 0) return;
    const { members, reachable, clock, send } = this.#ports;
    const all = members();
    for (const [position, mend] of this.#mends) this.#settle(position, mend, clock.monotonicMs(), all);
    const up = all.filter(reachable);
    for (let step = 0; step < up.length; step += 1) {
      const peer = up[(this.#turn + step) % up.length]!;
      const positions = [...this.#mends]
        .filter(([, mend]) => !mend.asked && mend.goneAt === null && !mend.refused.has(peer))
        .map(([position]) => position);
      for (const group of groupPositions(positions)) {
        if (this.#questions.size >= questionsMax) return;
        this.#request += 2;
        const [from, to] = [group[0]!, group.at(-1)! + 1];
        for (const position of group) this.#mends.get(position)!.asked = true;
        this.#questions.set(this.#request, { peer, from, to, positions: group, askedAtMs: clock.monotonicMs() });
        send(peer, { type: 'recordsWant', request: this.#request, from, to, bytesMax: answerBytes });
      }
    }
  }

  async #take(question: Question, { next, lacking, appliedIndex }: Records, entries: readonly Entry[]): Promise<void> {
    const { peer, positions } = question;
    const copies = new Map(entries.map((entry) => [entry.index, entry]));
    const answered = positions.filter((position) => position < next);
    const here = answered.filter((position) => copies.has(position));
    try {
      if (here.length > 0) await this.#ports.store.addRecords(here.map((position) => copies.get(position)!));
    } catch (error) {
      if (error instanceof DiskError && error.code === 'ENOSPC') {
        this.#noRoom(positions, here);
        return;
      }
      this.stop();
      this.#ports.failed(error);
      return;
    }
    if (this.#stopped) return;
    for (const position of here) this.#conclude(position, 'repaired', peer);
    for (const position of answered) {
      const mend = this.#mends.get(position);
      if (mend === undefined || copies.has(position)) continue;
      mend.refused.add(peer);
      if (!lacking.includes(position)) mend.goneAt = Math.max(mend.goneAt ?? 0, appliedIndex);
    }
    this.#release(positions);
    this.#proceed();
  }

  /** A full disk is no reason to end: whoever wants the record asks again, and others have it. */
  #noRoom(positions: readonly number[], here: readonly number[]): void {
    for (const position of here) {
      const mend = this.#mends.get(position);
      if (mend !== undefined) this.#lost(position, mend, 'there is no room on the disk for an intact copy');
    }
    this.#release(positions);
    this.#proceed();
  }

  /** Ends what needs no more asking. */
  #settle(position: number, mend: Mend, now: number, members: readonly NodeId[] = this.#ports.members()): void {
    const { store, reachable } = this.#ports;
    if (!store.isLive(position)) {
      this.#conclude(position, 'gone');
      return;
    }
    if (mend.goneAt !== null) {
      if (mend.goneAt > store.appliedIndex) return;
      // By what was applied here it is live after all: on with the others.
      mend.goneAt = null;
    }
    if (members.every((peer) => mend.refused.has(peer))) {
      this.#lost(
        position,
        mend,
        members.length === 0 ? 'there is no other member to fetch it from' : 'no member has an intact copy',
      );
    } else if (now - mend.sinceMs >= giveUpMs && !mend.asked) {
      const silent = members.filter((peer) => !mend.refused.has(peer));
      const why = silent.some(reachable) ? 'does not answer' : "can't be reached";
      this.#lost(position, mend, `it can't be fetched now: ${silent.map((id) => `node ${id}`).join(' and ')} ${why}`);
    }
  }

  #lost(position: number, mend: Mend, why: string): void {
    this.#mends.delete(position);
    this.#story.lost(mend.damage, why);
    mend.conclude('lost');
  }

  #conclude(position: number, outcome: 'repaired' | 'gone', from: NodeId | null = null): void {
    const mend = this.#mends.get(position);
    if (mend === undefined) return;
    this.#mends.delete(position);
    if (from === null) this.#story.gone(mend.damage);
    else this.#story.fetched(mend.damage, from);
    mend.conclude(outcome);
  }

  #drop(request: number, { positions }: Question): void {
    this.#questions.delete(request);
    this.#release(positions);
  }

  #release(positions: readonly number[]): void {
    for (const position of positions) {
      const mend = this.#mends.get(position);
      if (mend !== undefined) mend.asked = false;
    }
  }
}
