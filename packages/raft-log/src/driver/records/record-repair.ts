import { DiskError } from '@lockstep/kernel';
import type { Clock, Log, NodeId } from '@lockstep/kernel';
import type { Entry } from '../../node/types.ts';
import type { Records, RecordsWant } from '../peers/messages.ts';
import type { RepairOutcome } from '../payload-reader.ts';
import type { RecordDamage } from '../storage-types.ts';
import { recordsOf } from './cut-records.ts';
import { groupPositions } from './group-positions.ts';
import { LostRecords } from './lost-records.ts';
import { Mend } from './mend.ts';
import type { RecordAccess } from './record-access.ts';
import { RepairStory } from './repair-story.ts';

export interface RecordRepairPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<RecordAccess, 'appliedIndex' | 'isLive' | 'reread' | 'addRecords'>;
  /** The other members that may hold records, the best one to ask first. */
  readonly members: () => readonly NodeId[];
  readonly reachable: (peer: NodeId) => boolean;
  readonly send: (to: NodeId, message: RecordsWant) => void;
  readonly failed: (error: unknown) => void;
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
 * Gets intact copies of damaged records: each is read once more, since a read that fails need not be damage; then the other members are asked, and what
 * they send is put into the record store, which prefers it from then on. Committed records are the same on all members, so whoever has one that passes
 * its checks will do; no vote and no acknowledgement hangs on it. What is not to be had is looked for again by itself, as long as it lives (`LostRecords`).
 */
export class RecordRepair {
  readonly #ports: RecordRepairPorts;
  readonly #story: RepairStory;
  readonly #mends: Map<number, Mend> = new Map();
  readonly #lost: LostRecords;
  readonly #questions: Map<number, Question> = new Map();
  /** Even; those of a snapshot's intake are odd. */
  #request = 0;
  #turn = 0;
  #stopped = false;

  constructor(ports: RecordRepairPorts) {
    this.#ports = ports;
    this.#story = new RepairStory(ports.log);
    this.#lost = new LostRecords(ports.clock);
  }

  /** How many records wait for an intact copy. */
  get open(): number {
    return this.#mends.size + this.#lost.size;
  }

  /** One outcome for each, in this order: of a record that was just found lost, that of the next time that it is looked for. Never rejects; never resolves after `stop`. */
  repair(damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> {
    const fresh: Mend[] = [];
    const outcomes = damages.map((damage) => {
      const { position } = damage;
      let mend = this.#mends.get(position) ?? this.#lost.get(position);
      if (mend === undefined) {
        mend = new Mend(damage);
        fresh.push(mend);
        this.#mends.set(position, mend);
      }
      return mend.outcome();
    });
    this.#begin(fresh);
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

  /** What was under way to that member is lost. It may have what was lost before. */
  reachable(peer: NodeId): void {
    for (const [request, question] of this.#questions) if (question.peer === peer) this.#drop(request, question);
    this.#lost.hurry();
    this.#proceed();
  }

  tick(): void {
    if (this.#stopped || this.open === 0) return;
    const now = this.#ports.clock.monotonicMs();
    for (const [request, question] of this.#questions) {
      if (now - question.askedAtMs >= patienceMs) {
        this.#turn += 1;
        this.#drop(request, question);
      }
    }
    const due = this.#lost.take(this.#ports.members());
    for (const mend of due) this.#mends.set(mend.position, mend);
    this.#begin(due);
    this.#proceed();
  }

  stop(): void {
    this.#stopped = true;
    this.#questions.clear();
  }

  #begin(mends: readonly Mend[]): void {
    if (mends.length === 0 || this.#stopped) return;
    const now = this.#ports.clock.monotonicMs();
    for (const mend of mends) {
      mend.begin(now);
      this.#story.begun(mend.damage, mend.wasLost);
    }
    void this.#reread(mends);
  }

  /** Before anybody is asked: one read that fails, or brings other bytes, is no damage of what is stored. */
  async #reread(mends: readonly Mend[]): Promise<void> {
    try {
      for (const mend of mends) {
        const { position, damage } = mend;
        const intact = await this.#ports.store.reread(position);
        if (this.#stopped) return;
        mend.reread = true;
        if (intact) this.#conclude(mend, 'repaired');
        else if (this.#mends.get(position) === mend) this.#story.damaged(damage);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#proceed();
  }

  /** Asks for what nobody has been asked for, each record of one member at a time. */
  #proceed(): void {
    if (this.#stopped || this.#mends.size === 0) return;
    const { members, reachable, clock, send } = this.#ports;
    const all = members();
    for (const mend of this.#mends.values()) this.#settle(mend, all);
    const up = all.filter(reachable);
    for (let step = 0; step < up.length; step += 1) {
      const peer = up[(this.#turn + step) % up.length]!;
      const positions: number[] = [];
      for (const mend of this.#mends.values()) if (mend.mayAsk(peer)) positions.push(mend.position);
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
      if (error instanceof DiskError && error.code === 'ENOSPC') this.#noRoom(positions, here);
      else this.#fail(error);
      return;
    }
    if (this.#stopped) return;
    for (const position of answered) {
      const mend = this.#mends.get(position);
      if (mend === undefined) continue;
      if (copies.has(position)) this.#conclude(mend, 'repaired', peer);
      else {
        mend.refused.add(peer);
        if (!lacking.includes(position)) mend.goneAt = Math.max(mend.goneAt ?? 0, appliedIndex);
      }
    }
    this.#release(positions);
    this.#proceed();
  }

  /** A full disk is no reason to end: others have it, and there may be room later. */
  #noRoom(positions: readonly number[], here: readonly number[]): void {
    for (const position of here) {
      const mend = this.#mends.get(position);
      if (mend !== undefined) this.#lose(mend, 'there is no room on the disk for an intact copy');
    }
    this.#release(positions);
    this.#proceed();
  }

  /** Ends what needs no more asking. */
  #settle(mend: Mend, members: readonly NodeId[]): void {
    const { store, reachable, clock } = this.#ports;
    if (!store.isLive(mend.position)) {
      this.#conclude(mend, 'gone');
      return;
    }
    if (!mend.reread) return;
    if (mend.goneAt !== null) {
      if (mend.goneAt > store.appliedIndex) return;
      // By what was applied here it is live after all: on with the others.
      mend.goneAt = null;
    }
    if (members.every((peer) => mend.refused.has(peer))) {
      this.#lose(
        mend,
        members.length === 0 ? 'there is no other member to fetch it from' : 'no member has an intact copy',
      );
    } else if (clock.monotonicMs() - mend.sinceMs >= giveUpMs && !mend.asked) {
      const silent = members.filter((peer) => !mend.refused.has(peer));
      const why = silent.some(reachable) ? 'does not answer' : "can't be reached";
      this.#lose(mend, `it can't be fetched now: ${silent.map((id) => `node ${id}`).join(' and ')} ${why}`);
    }
  }

  #lose(mend: Mend, why: string): void {
    this.#mends.delete(mend.position);
    this.#story.lost(mend.damage, mend.isNews(why) ? why : null);
    this.#lost.add(mend, this.#ports.members());
    mend.conclude('lost');
  }

  #conclude(mend: Mend, outcome: 'repaired' | 'gone', from: NodeId | null = null): void {
    const { position, damage } = mend;
    if (this.#mends.get(position) !== mend) return;
    this.#mends.delete(position);
    if (outcome === 'gone') this.#story.gone(damage);
    else if (from === null) this.#story.intact(damage);
    else this.#story.fetched(damage, from);
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

  #fail(error: unknown): void {
    this.stop();
    this.#ports.failed(error);
  }
}
