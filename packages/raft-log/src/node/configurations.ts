import type { NodeId } from '@lockstep/kernel';
import { membersOf } from './configuration.ts';
import type { Configuration, ConfigurationAt } from './configuration.ts';
import { Majorities } from './majorities.ts';
import type { Entry } from './types.ts';

/**
 * The configurations that the log holds, from the newest one its snapshot stands for to the one in use, which is the last, committed or not
 * (thesis §4.1).
 */
export class Configurations {
  /** Oldest first, never empty. */
  readonly #list: ConfigurationAt[];
  #members: readonly NodeId[] = [];
  #majorities: Majorities;

  constructor(founding: Configuration, recovered: readonly ConfigurationAt[]) {
    this.#list = recovered.length > 0 ? [...recovered] : [{ index: 0, configuration: founding }];
    this.#majorities = this.#derive();
  }

  /** In use. */
  get current(): ConfigurationAt {
    return this.#list.at(-1)!;
  }

  /** Of the configuration in use, in one order for everybody. */
  get members(): readonly NodeId[] {
    return this.#members;
  }

  get majorities(): Majorities {
    return this.#majorities;
  }

  /** What a snapshot at `index` has to carry: the newest configuration at or before it. Not to be asked below the newest snapshot. */
  at(index: number): ConfigurationAt {
    return this.#list.findLast((one) => one.index <= index) ?? this.#list[0]!;
  }

  append({ index, configuration }: Entry): void {
    if (configuration === undefined) return;
    this.#list.push({ index, configuration });
    this.#majorities = this.#derive();
  }

  /** Nothing committed is ever truncated, so one is always left. */
  truncateFrom(index: number): void {
    if (this.current.index < index || this.#list.length === 1) return;
    while (this.#list.length > 1 && this.current.index >= index) this.#list.pop();
    this.#majorities = this.#derive();
  }

  /** A snapshot has replaced the log; null: it doesn't say who is a member, so nothing has changed since the founding. */
  reset(configuration: ConfigurationAt | null): void {
    this.#list.splice(0, this.#list.length, configuration ?? this.#list[0]!);
    this.#majorities = this.#derive();
  }

  /** A snapshot stands for everything up to `index`. */
  dropBelow(index: number): void {
    while (this.#list.length > 1 && this.#list[1]!.index <= index) this.#list.shift();
  }

  #derive(): Majorities {
    const { configuration } = this.current;
    this.#members = membersOf(configuration);
    return new Majorities(configuration);
  }
}
