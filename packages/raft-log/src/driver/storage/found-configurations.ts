import type { ConfigurationAt, Entry } from '../../node/index.ts';

/** The configuration entries of a journal that is read from its beginning, as replacements leave them. */
export class FoundConfigurations {
  readonly #list: ConfigurationAt[] = [];

  get list(): readonly ConfigurationAt[] {
    return this.#list;
  }

  /** Each entry, in the order in which they were written: one replaces what stood at its index, and all behind it. */
  take({ index, configuration }: Entry): void {
    while (this.#list.length > 0 && this.#list.at(-1)!.index >= index) this.#list.pop();
    if (configuration !== undefined) this.#list.push({ index, configuration });
  }

  clear(): void {
    this.#list.length = 0;
  }
}
