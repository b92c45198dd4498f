import type { NodeId } from '@lockstep/kernel';
import type { RepairOutcome } from '../payload-reader.ts';
import type { RecordDamage } from '../storage-types.ts';

/** One damaged record on its way to an intact copy, however often it has to be looked for. */
export class Mend {
  readonly damage: RecordDamage;
  /** Members that have no intact copy. */
  readonly refused: Set<NodeId> = new Set();
  /** Of this attempt. */
  sinceMs = 0;
  /** It has been read once more, in this attempt, and was no better. */
  reread = false;
  /** Dead once this has been applied, by what a member says. */
  goneAt: number | null = null;
  asked = false;
  /** The last pause before an attempt. */
  pauseMs = 0;
  /** Who waits for the end of this attempt. */
  #waiting: ((outcome: RepairOutcome) => void)[] = [];
  /** Why it was lost before. */
  readonly #reasons: Set<string> = new Set();

  constructor(damage: RecordDamage) {
    this.damage = damage;
  }

  get position(): number {
    return this.damage.position;
  }

  /** Another attempt has ended without a copy. */
  get wasLost(): boolean {
    return this.#reasons.size > 0;
  }

  begin(nowMs: number): void {
    this.refused.clear();
    this.sinceMs = nowMs;
    this.reread = false;
    this.goneAt = null;
    this.asked = false;
  }

  mayAsk(peer: NodeId): boolean {
    return this.reread && !this.asked && this.goneAt === null && !this.refused.has(peer);
  }

  outcome(): Promise<RepairOutcome> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  conclude(outcome: RepairOutcome): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(outcome);
  }

  /** It is lost for this reason; whether it has not been before. */
  isNews(reason: string): boolean {
    const before = this.#reasons.size;
    this.#reasons.add(reason);
    return this.#reasons.size > before;
  }
}
