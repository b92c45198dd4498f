/** A message that was stored with a duplicate id. */
export interface KnownId {
  readonly destination: string;
  readonly id: string;
  /** When its sender's node took it, by that node's wall clock. */
  readonly timestampMs: number;
}

/** How far back duplicates are found. In the log, so that all replicas go by the same. */
export interface DuplicateLimits {
  /** Ids that are remembered, of all destinations together; 0: none are. */
  readonly idsMax: number;
  /** An id that was used longer ago is as good as new. */
  readonly ageMs: number;
}

/** What a snapshot has of the ids: nothing of it changes any more. */
export interface CapturedIds {
  readonly chunks: readonly (readonly KnownId[])[];
  /** Where the oldest stands in the first chunk, and how many there are. */
  readonly head: number;
  readonly length: number;
}

/** Of each chunk but the last. */
export const chunkLength = 512;

/** The duplicate ids of the messages that were stored last, the oldest first. A part of the state. */
export class DuplicateIds {
  #limits: DuplicateLimits = { idsMax: 0, ageMs: 0 };
  readonly #byKey = new Map<string, KnownId>();
  /** Only ever appended to, so that a snapshot can keep them as they are. */
  #chunks: KnownId[][] = [[]];
  #head = 0;
  #length = 0;

  get limits(): DuplicateLimits {
    return this.#limits;
  }

  /** From now on. What is remembered beyond it goes with the next id. */
  limit(limits: DuplicateLimits): void {
    this.#limits = limits;
  }

  /** The message is the first with its id as far as is remembered, and its id is remembered from now on; false: it is a duplicate. */
  admit(known: KnownId): boolean {
    const { idsMax, ageMs } = this.#limits;
    if (idsMax === 0) return true;
    const before = this.#byKey.get(keyOf(known));
    // Nodes' clocks may differ either way.
    if (before !== undefined && Math.abs(known.timestampMs - before.timestampMs) <= ageMs) return false;
    this.append(known);
    while (this.#length > idsMax) this.#forgetOldest();
    return true;
  }

  /** For a snapshot that is being read, in its order. */
  append(known: KnownId): void {
    let last = this.#chunks[this.#chunks.length - 1]!;
    if (last.length === chunkLength) {
      last = [];
      this.#chunks.push(last);
    }
    last.push(known);
    this.#length++;
    this.#byKey.set(keyOf(known), known);
  }

  capture(): CapturedIds {
    return { chunks: this.#chunks.slice(), head: this.#head, length: this.#length };
  }

  #forgetOldest(): void {
    const first = this.#chunks[0]!;
    const known = first[this.#head++]!;
    this.#length--;
    const key = keyOf(known);
    // The id may have been used anew since.
    if (this.#byKey.get(key) === known) this.#byKey.delete(key);
    if (this.#head < chunkLength) return;
    this.#head = 0;
    this.#chunks.shift();
    if (this.#chunks.length === 0) this.#chunks.push([]);
  }
}

/** Names of destinations hold no line feed. */
function keyOf({ destination, id }: KnownId): string {
  return `${destination}\n${id}`;
}
