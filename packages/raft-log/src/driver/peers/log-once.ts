import type { Log } from '@lockstep/kernel';

/** Bound on what a stranger can make this node remember. */
const remembered = 256;

/** Warns about a thing once, however often it happens, until it is over. */
export class LogOnce {
  readonly #log: Log;
  readonly #said: Set<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `about` names the thing. */
  warn(about: string, message: string): void {
    if (this.#said.has(about) || this.#said.size >= remembered) return;
    this.#said.add(about);
    this.#log.warn(message);
  }

  /** The thing is over, and all whose names begin with it and a blank: the next time they are news again. */
  over(about: string): void {
    for (const thing of this.#said) if (thing === about || thing.startsWith(`${about} `)) this.#said.delete(thing);
  }
}
