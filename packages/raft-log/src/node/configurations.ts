import type { Configuration, ConfigurationAt } from './configuration.ts';
import type { Entry } from './types.ts';

/**
 * The configurations that the log holds, from the newest one its snapshot stands for to the one in use, which is the last, committed or not
 * (thesis §4.1).
 */
export class Configurations {
  /** Oldest first, never empty. */
  readonly #list: ConfigurationAt[];
  #current: ConfigurationAt;

  /** `recovered`: oldest first. Unless its first one is the snapshot's, a truncation may bring back what stood before all of them. */
  constructor(founding: Configuration, recovered: readonly ConfigurationAt[], snapshotIndex: number) {
    const fromSnapshot = recovered.length > 0 && recovered[0]!.index <= snapshotIndex;
    this.#list = fromSnapshot ? [...recovered] : [{ index: 0, configuration: founding }, ...recovered];
    this.#current = this.#list.at(-1)!;
  }

  /** The last one. */
  get current(): ConfigurationAt {
    return this.#current;
  }

  /** What a snapshot at `index` has to carry: the newest configuration at or before it. Not to be asked below the newest snapshot. */
  at(index: number): ConfigurationAt {
    return this.#list.findLast((one) => one.index <= index) ?? this.#list[0]!;
  }

  append({ index, configuration }: Entry): void {
    if (configuration === undefined) return;
    this.#current = { index, configuration };
    this.#list.push(this.#current);
  }

  /** Nothing committed is ever truncated, so one is always left. */
  truncateFrom(index: number): void {
    while (this.#list.length > 1 && this.#list.at(-1)!.index >= index) this.#list.pop();
    this.#current = this.#list.at(-1)!;
  }

  /** A snapshot has replaced the log; null: it doesn't say who is a member, so nothing has changed since the founding. */
  reset(configuration: ConfigurationAt | null): void {
    this.#current = configuration ?? this.#list[0]!;
    this.#list.splice(0, this.#list.length, this.#current);
  }

  /** A snapshot stands for everything up to `index`. */
  dropBelow(index: number): void {
    while (this.#list.length > 1 && this.#list[1]!.index <= index) this.#list.shift();
  }
}
