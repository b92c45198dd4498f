/** UTF-16 units of ids that are remembered, each id counted with some more for its place. */
const UNITS_MAX = 64 * 1024;
const OVERHEAD = 32;

/**
 * The ids of subscriptions that were on this connection and are not any more, in bounded memory: never says no for one that was; may
 * say yes for one that was not, once there were very many.
 */
export class EndedIds {
  readonly #ids = new Set<string>();
  #units = 0;

  add(id: string): void {
    if (this.#units > UNITS_MAX || this.#ids.has(id)) return;
    this.#units += id.length + OVERHEAD;
    if (this.#units <= UNITS_MAX) this.#ids.add(id);
    else this.#ids.clear();
  }

  has(id: string): boolean {
    return this.#units > UNITS_MAX || this.#ids.has(id);
  }
}
