/** One arrival at a consumer. */
export interface Delivery {
  /** One for each connection: who connects anew is another consumer, and begins with the oldest there is. */
  readonly consumer: string;
  readonly id: string;
  readonly messageId: string;
  readonly redelivered: boolean;
}

/** What a run broke, in words; all empty when the broker kept its promises. */
export interface Verdict {
  /** A RECEIPT arrived for it, and no consumer ever got it. */
  readonly lost: readonly string[];
  /** Delivered, but nobody sent it. */
  readonly phantoms: readonly string[];
  /** Came again without `redelivered:true`, though its producer sent it once. */
  readonly unmarkedRepeats: readonly string[];
  /** A producer's messages in another order than it sent them. */
  readonly disorder: readonly string[];
}

/**
 * Keeps the books of a run with faults: what was sent, what was receipted, what arrived. Ids are `<producer>-<number>`, numbers
 * ascending.
 */
export class Ledger {
  readonly #sent = new Map<string, number>();
  readonly #receipted = new Set<string>();
  readonly #deliveries: Delivery[] = [];
  readonly #delivered = new Set<string>();
  /** Receipted and not delivered. */
  readonly #awaited = new Set<string>();
  readonly #lossy: boolean;

  /** `lossy`: consumers may lose what they were given (`ack:auto`), so that the first to arrive may be a copy that was sent again. */
  constructor(options: { readonly lossy?: boolean } = {}) {
    this.#lossy = options.lossy ?? false;
  }

  sent(id: string): void {
    this.#sent.set(id, (this.#sent.get(id) ?? 0) + 1);
  }

  receipted(id: string): void {
    this.#receipted.add(id);
    if (!this.#delivered.has(id)) this.#awaited.add(id);
  }

  delivered(delivery: Delivery): void {
    this.#deliveries.push(delivery);
    this.#delivered.add(delivery.id);
    this.#awaited.delete(delivery.id);
  }

  get receipts(): number {
    return this.#receipted.size;
  }

  get deliveries(): number {
    return this.#deliveries.length;
  }

  get resent(): number {
    let resent = 0;
    for (const times of this.#sent.values()) if (times > 1) resent++;
    return resent;
  }

  /** Has everything that was receipted arrived? */
  get complete(): boolean {
    return this.#awaited.size === 0;
  }

  verdict(): Verdict {
    return {
      lost: [...this.#awaited],
      phantoms: [...this.#delivered].filter((id) => !this.#sent.has(id)),
      unmarkedRepeats: this.#unmarkedRepeats(),
      disorder: [...this.#disorderAtConsumers(), ...this.#disorderInTheLog()],
    };
  }

  /**
   * Of what was sent once, one delivery at most may come unmarked. Not just the first to arrive: what a master sent before its mastership
   * ended may be overtaken by what the next one sends.
   */
  #unmarkedRepeats(): string[] {
    const unmarked = new Set<string>();
    const repeats: string[] = [];
    for (const { id, redelivered, consumer } of this.#deliveries) {
      if (redelivered || this.#sent.get(id) !== 1) continue;
      if (unmarked.has(id)) repeats.push(`${id} at ${consumer}`);
      unmarked.add(id);
    }
    return repeats;
  }

  /**
   * What one consumer got for the first time from one producer must ascend; of a message that was sent again, the copy that stands first in
   * the log (the second one may arrive while the first is still on its way to somebody else).
   */
  #disorderAtConsumers(): string[] {
    const firstCopy = this.#firstCopies();
    const last = new Map<string, number>();
    const seen = new Set<string>();
    const disorder: string[] = [];
    for (const { id, consumer, messageId, redelivered } of this.#deliveries) {
      if (seen.has(id) || firstCopy.get(id) !== Number(messageId)) continue;
      seen.add(id);
      if (redelivered || this.#maybeCopy(id)) continue;
      const [producer, number] = splitId(id);
      const key = `${producer}>${consumer}`;
      const previous = last.get(key) ?? -1;
      if (number < previous) disorder.push(`${id} after ${producer}-${previous} at ${consumer}`);
      last.set(key, Math.max(previous, number));
    }
    return disorder;
  }

  /** Of each message that arrived: its first place in the log. */
  #firstCopies(): Map<string, number> {
    const first = new Map<string, number>();
    for (const { id, messageId } of this.#deliveries)
      first.set(id, Math.min(first.get(id) ?? Infinity, Number(messageId)));
    return first;
  }

  #maybeCopy(id: string): boolean {
    return this.#lossy && (this.#sent.get(id) ?? 0) > 1;
  }

  /** The first copies of one producer's messages must stand in the log in the order in which they were sent. */
  #disorderInTheLog(): string[] {
    const byProducer = new Map<string, { number: number; position: number }[]>();
    for (const [id, position] of this.#firstCopies()) {
      if (this.#maybeCopy(id)) continue;
      const [producer, number] = splitId(id);
      const list = byProducer.get(producer) ?? [];
      list.push({ number, position });
      byProducer.set(producer, list);
    }
    const disorder: string[] = [];
    for (const [producer, list] of byProducer) {
      list.sort((a, b) => a.number - b.number);
      for (let i = 1; i < list.length; i++) {
        if (list[i]!.position < list[i - 1]!.position) disorder.push(`${producer}-${list[i]!.number} in the log`);
      }
    }
    return disorder;
  }
}

function splitId(id: string): [string, number] {
  const dash = id.lastIndexOf('-');
  return [id.slice(0, dash), Number(id.slice(dash + 1))];
}
