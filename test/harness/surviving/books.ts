import { Ledger } from '../ledger.ts';
import type { Verdict } from '../ledger.ts';

/** What clients tell of themselves, as it happens. Ids are `<producer>-<number>`. */
export interface ClientEvents {
  sent(id: string): void;
  receipted(id: string): void;
  got(consumer: string, id: string, messageId: string, redelivered: boolean): void;
  /** A transaction was answered for. */
  committed(transaction: string): void;
  /** Its connection ended, or an ERROR came, which nobody had asked for. */
  cut(client: string, reason: string): void;
}

/** What clients whose own nodes live have seen; but for `marked` all empty when they noticed nothing but a pause. */
export interface SurvivorVerdict extends Verdict {
  /** Delivered more than once, marked or not. */
  readonly doubled: readonly string[];
  /**
   * Delivered as `redelivered`, though once (`doubled` has the others): such a message was on its way to a consumer of another node when the master
   * went, and comes to this one behind later messages.
   */
  readonly marked: readonly string[];
  readonly cuts: readonly string[];
}

/** So many of them are named; the last line counts the rest. */
const namedMax = 20;

function named(all: readonly string[]): readonly string[] {
  return all.length <= namedMax ? all : [...all.slice(0, namedMax), `… ${all.length} in all`];
}

/** Those are told when to commit, so that a pause of theirs means nothing. */
const isTransactor = (producer: string): boolean => producer.startsWith('t.');

/** The books of clients that stay connected: stricter than the ledger's, since nothing is ever sent again. */
export class SurvivorBooks implements ClientEvents {
  readonly #ledger = new Ledger();
  readonly #times = new Map<string, number>();
  readonly #marked: string[] = [];
  readonly #cuts: string[] = [];
  readonly #lastMs = new Map<string, number>();
  readonly #longestMs = new Map<string, number>();
  readonly #receipts = new Map<string, number>();
  #deliveries = 0;
  #transactions = 0;

  sent(id: string): void {
    this.#ledger.sent(id);
    const producer = producerOf(id);
    if (!this.#lastMs.has(producer)) this.#lastMs.set(producer, performance.now());
  }

  receipted(id: string): void {
    this.#ledger.receipted(id);
    const producer = producerOf(id);
    const now = performance.now();
    const gap = now - (this.#lastMs.get(producer) ?? now);
    this.#lastMs.set(producer, now);
    this.#longestMs.set(producer, Math.max(gap, this.#longestMs.get(producer) ?? 0));
    this.#receipts.set(producer, (this.#receipts.get(producer) ?? 0) + 1);
  }

  got(consumer: string, id: string, messageId: string, redelivered: boolean): void {
    this.#ledger.delivered({ consumer, id, messageId, redelivered });
    this.#times.set(id, (this.#times.get(id) ?? 0) + 1);
    this.#deliveries++;
    if (redelivered) this.#marked.push(`${id} at ${consumer}`);
  }

  committed(): void {
    this.#transactions++;
  }

  cut(client: string, reason: string): void {
    this.#cuts.push(`${client}: ${reason}`);
  }

  get cuts(): readonly string[] {
    return this.#cuts;
  }

  get receipts(): number {
    return this.#ledger.receipts;
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  get transactions(): number {
    return this.#transactions;
  }

  /** Everything that was receipted has arrived. */
  get complete(): boolean {
    return this.#ledger.complete;
  }

  /** Receipts so far, of each producer that has begun. */
  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#lastMs.keys()].map((producer) => [producer, this.#receipts.get(producer) ?? 0]));
  }

  /** Measures pauses anew from here. */
  beginPause(): void {
    this.#longestMs.clear();
  }

  /** The longest time between two receipts of one producer since then; transactors are left out. */
  longestPauseMs(): number {
    const pauses = [...this.#longestMs].filter(([producer]) => !isTransactor(producer));
    return Math.max(0, ...pauses.map(([, ms]) => ms));
  }

  verdict(): SurvivorVerdict {
    const { lost, phantoms, unmarkedRepeats, disorder } = this.#ledger.verdict();
    const doubled = [...this.#times].filter(([, times]) => times > 1).map(([id, times]) => `${id}: ${times} times`);
    return {
      lost: named(lost),
      phantoms: named(phantoms),
      unmarkedRepeats: named(unmarkedRepeats),
      disorder: named(disorder),
      doubled: named(doubled),
      marked: named(this.#marked),
      cuts: named(this.#cuts),
    };
  }
}

function producerOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}

/** One that may be waited for while transactions are held open. */
export const isPlainProducer = (producer: string): boolean => !isTransactor(producer);

/** Nothing was seen that should not have been. */
export function isClean(verdict: SurvivorVerdict): boolean {
  const lists = Object.entries(verdict) as [keyof SurvivorVerdict, readonly string[]][];
  return lists.every(([name, list]) => name === 'marked' || list.length === 0);
}
