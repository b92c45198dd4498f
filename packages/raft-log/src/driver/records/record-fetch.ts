import type { Clock, NodeId } from '@lockstep/kernel';
import type { LivePositions } from '../live-set.ts';
import { dropLargeMemory, giveBackLargeMemory } from '../large-memory.ts';
import type { Records, RecordsWant } from '../peers/messages.ts';
import { stretchesOf } from './cut-records.ts';
import type { CutAnswer, RecordStretch } from './cut-records.ts';
import { RangeCutter } from './range-cutter.ts';
import type { PositionRange } from './range-cutter.ts';
import type { RecordAccess } from './record-access.ts';

export interface RecordFetchPorts {
  readonly clock: Clock;
  readonly store: Pick<RecordAccess, 'addStretches'>;
  readonly send: (to: NodeId, message: RecordsWant) => void;
  /** Everything that could be had is on disk. */
  readonly done: (outcome: FetchOutcome) => void;
  readonly failed: (error: unknown) => void;
}

export interface FetchOutcome {
  /** With the entry at this index applied, none of the records that were not to be had is live any more, but for those `lacking`. */
  readonly completeAt: number;
  /** Live, but the source has no intact copy. Ascending. */
  readonly lacking: readonly number[];
  readonly records: number;
  readonly bytes: number;
}

interface Asked extends PositionRange {
  readonly request: number;
  askedAtMs: number;
}

/** The window: enough that neither disk nor network waits for the other, little enough that heart-beats are not held up behind it. */
const answerBytes = 512 * 1024;
const inFlightMax = 8;
/** One file of the record store; its fsync is shared by that much. Twice as much may be in memory. */
const batchBytes = 16 * 1024 * 1024;
/** Without an answer for that long, everything is asked for again. */
const askAgainMs = 2000;

/**
 * Brings in the records at the given positions from one source, several requests in flight, and puts them into the record store as they come. What is on
 * disk stays: a fetch that is given up (the source died, this node restarts) is followed by one of what is still missing.
 */
export class RecordFetch {
  readonly #ports: RecordFetchPorts;
  readonly #live: LivePositions;
  readonly #missing: LivePositions;
  readonly #ranges: RangeCutter;
  readonly #asked: Map<number, Asked> = new Map();
  readonly #lacking: number[] = [];
  readonly #source: NodeId;
  /** Odd; those of repairs are even. */
  #request = -1;
  #batch: RecordStretch[] = [];
  /** What the batch lies in. */
  #answers: Uint8Array[] = [];
  #batchBytes = 0;
  #storing = false;
  #records = 0;
  #bytes = 0;
  #completeAt = 0;
  #over = false;
  #heardAtMs: number;

  /** `live`: what the state refers to; `missing`: those of them that are not here. Both stay as they are. */
  constructor(live: LivePositions, missing: LivePositions, source: NodeId, ports: RecordFetchPorts) {
    this.#live = live;
    this.#missing = missing;
    this.#source = source;
    this.#ports = ports;
    this.#heardAtMs = ports.clock.monotonicMs();
    this.#ranges = new RangeCutter(live, missing, answerBytes);
  }

  get source(): NodeId {
    return this.#source;
  }

  begin(): void {
    this.#proceed();
  }

  /** What was under way to or from the source is lost. */
  askAgain(): void {
    for (const asked of this.#asked.values()) this.#ask(asked);
  }

  /** How long the source has said nothing. */
  get silentMs(): number {
    return this.#ports.clock.monotonicMs() - this.#heardAtMs;
  }

  tick(): void {
    if (this.#over) return;
    const now = this.#ports.clock.monotonicMs();
    for (const asked of this.#asked.values()) {
      if (now - asked.askedAtMs >= askAgainMs) this.#ask(asked);
    }
  }

  /** Nothing more is asked for or reported; what has come and is not on disk yet is forgotten. */
  stop(): void {
    this.#over = true;
    this.#asked.clear();
    this.#batch = [];
    this.#answers = [];
    dropLargeMemory();
  }

  receive(answer: Records, from: NodeId): void {
    const asked = this.#asked.get(answer.request);
    if (this.#over || asked === undefined || from !== this.#source || asked.from !== answer.from) return;
    if (answer.next <= asked.from || answer.next > asked.to) return;
    const expected = this.#missing.countBetween(answer.from, answer.next - 1);
    const noneIsHere = this.#live.countBetween(answer.from, answer.next - 1) === expected;
    const cut = stretchesOf(answer, noneIsHere ? null : (position) => this.#missing.has(position));
    // Nothing to believe in it; `tick` asks again.
    if (cut === null) return;
    this.#heardAtMs = this.#ports.clock.monotonicMs();
    this.#asked.delete(answer.request);
    this.#ranges.answered(cut.records, answer.bytes.length);
    if (answer.next < asked.to) this.#ranges.giveBack({ from: answer.next, to: asked.to });
    if (cut.wantedRecords < expected) this.#completeAt = Math.max(this.#completeAt, answer.appliedIndex);
    this.#answers.push(answer.bytes);
    this.#take(cut, answer.lacking);
    this.#proceed();
  }

  #take({ stretches, wantedRecords, wantedBytes }: CutAnswer, lacking: readonly number[]): void {
    for (const stretch of stretches) this.#batch.push(stretch);
    this.#batchBytes += wantedBytes;
    this.#bytes += wantedBytes;
    this.#records += wantedRecords;
    for (const position of lacking) if (this.#missing.has(position)) this.#lacking.push(position);
  }

  #proceed(): void {
    this.#fill();
    if (!this.#storing && !this.#over) void this.#store();
  }

  #fill(): void {
    while (this.#asked.size < inFlightMax && this.#batchBytes < 2 * batchBytes) {
      const range = this.#ranges.next();
      if (range === null) return;
      this.#request += 2;
      const asked = { ...range, request: this.#request, askedAtMs: 0 };
      this.#asked.set(asked.request, asked);
      this.#ask(asked);
    }
  }

  #ask(asked: Asked): void {
    const { request, from, to } = asked;
    asked.askedAtMs = this.#ports.clock.monotonicMs();
    this.#ports.send(this.#source, { type: 'recordsWant', request, from, to, bytesMax: answerBytes });
  }

  get #allHere(): boolean {
    return this.#asked.size === 0 && this.#ranges.exhausted;
  }

  /** Puts whole batches on disk while the next ones arrive; the last one is as long as it is. */
  async #store(): Promise<void> {
    this.#storing = true;
    try {
      while (this.#batch.length > 0 && (this.#batchBytes >= batchBytes || this.#allHere)) {
        const batch = this.#batch.sort((one, other) => one.first - other.first);
        const answers = this.#answers;
        this.#batch = [];
        this.#answers = [];
        this.#batchBytes = 0;
        await this.#ports.store.addStretches(batch.map(({ bytes }) => bytes));
        for (const answer of answers) giveBackLargeMemory(answer);
        if (this.#over) return;
        this.#fill();
      }
    } catch (error) {
      this.stop();
      this.#ports.failed(error);
      return;
    }
    this.#storing = false;
    if (this.#allHere && this.#batch.length === 0) this.#conclude();
  }

  #conclude(): void {
    this.#over = true;
    dropLargeMemory();
    this.#lacking.sort((one, other) => one - other);
    this.#ports.done({
      completeAt: this.#completeAt,
      lacking: this.#lacking,
      records: this.#records,
      bytes: this.#bytes,
    });
  }
}
