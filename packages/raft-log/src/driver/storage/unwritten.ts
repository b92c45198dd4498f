import type { Entry } from '../../node/index.ts';

/** The end of the log that waits for the disk: what `read` must see before it stands in a file. */
export class Unwritten {
  #entries: Entry[] = [];

  /** Meaningless while `empty`. */
  get firstIndex(): number {
    return this.#entries[0]?.index ?? 0;
  }

  /** Meaningless while `empty`. */
  get lastIndex(): number {
    return this.#entries.at(-1)?.index ?? 0;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  get(index: number): Entry | null {
    const at = index - this.firstIndex;
    // A negative index would be looked up as a name, which is slow, and asked for with each record that is read.
    return at < 0 ? null : (this.#entries[at] ?? null);
  }

  /** Consecutive entries; the first replaces whatever stands at its index and behind it. */
  add(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    if (!this.empty && first.index <= this.lastIndex) this.#entries.length = Math.max(0, first.index - this.firstIndex);
    for (const entry of entries) this.#entries.push(entry);
  }

  /** These, in the order in which they were added, stand in the journal now. Some may have been replaced meanwhile. */
  written(entries: readonly Entry[]): void {
    let count = 0;
    for (const entry of entries) if (this.#entries[count] === entry) count++;
    this.#entries.splice(0, count);
  }

  clear(): void {
    this.#entries = [];
  }

  bytesAbove(index: number): number {
    return this.#entries.reduce((sum, entry) => (entry.index > index ? sum + entry.record.length : sum), 0);
  }
}
