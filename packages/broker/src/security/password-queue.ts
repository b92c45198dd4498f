import type { PasswordHash } from './password-hash.ts';

/** Makes and compares hashes, off the event loop. */
export interface PasswordHasher {
  /** `done` is called in a later turn, once. Takes the same time for a right and a wrong password. */
  matches(password: string, hash: PasswordHash, done: (matches: boolean) => void): void;
  /** The same for the same two texts in this process, and of no use outside it. */
  fingerprint(login: string, password: string): string;
}

interface Waiting {
  readonly password: string;
  readonly hash: PasswordHash;
  /** Asked when its turn has come. True: it has been answered from what is known meanwhile, and nothing is computed. */
  readonly settled: () => boolean;
  readonly done: (matches: boolean) => void;
}

export interface PasswordQueueLimits {
  /** Waiting from one host, and from all of them. */
  readonly perHost: number;
  readonly all: number;
}

/** At some 50 ms each: what is judged within the time that a client has for its CONNECT. */
export const defaultPasswordQueueLimits: PasswordQueueLimits = { perHost: 200, all: 2000 };

/**
 * Has passwords compared one at a time, so that a flood of logins costs one processor's time at most, and one thread of those that the disk
 * uses too. Hosts take turns: who floods waits for himself.
 */
export class PasswordQueue {
  readonly #hasher: PasswordHasher;
  readonly #limits: PasswordQueueLimits;
  /** By host, in the order of their turns. */
  readonly #hosts = new Map<string, Waiting[]>();
  #waiting = 0;
  #busy = false;

  constructor(hasher: PasswordHasher, limits: PasswordQueueLimits = defaultPasswordQueueLimits) {
    this.#hasher = hasher;
    this.#limits = limits;
  }

  /** Null: too many wait. Otherwise `done` is called in a later turn, unless what is returned has been called. */
  add(host: string, waiting: Waiting): (() => void) | null {
    const line = this.#hosts.get(host) ?? [];
    if (line.length >= this.#limits.perHost || this.#waiting >= this.#limits.all) return null;
    line.push(waiting);
    this.#hosts.set(host, line);
    this.#waiting += 1;
    this.#next();
    return () => this.#remove(host, waiting);
  }

  #remove(host: string, waiting: Waiting): void {
    const line = this.#hosts.get(host);
    const at = line?.indexOf(waiting) ?? -1;
    if (line === undefined || at === -1) return;
    line.splice(at, 1);
    this.#waiting -= 1;
    if (line.length === 0) this.#hosts.delete(host);
  }

  #next(): void {
    while (!this.#busy) {
      const waiting = this.#take();
      if (waiting === null) return;
      if (waiting.settled()) continue;
      this.#busy = true;
      this.#hasher.matches(waiting.password, waiting.hash, (matches) => {
        this.#busy = false;
        waiting.done(matches);
        this.#next();
      });
    }
  }

  #take(): Waiting | null {
    for (const [host, line] of this.#hosts) {
      const waiting = line.shift();
      // Behind all others now.
      this.#hosts.delete(host);
      if (line.length > 0) this.#hosts.set(host, line);
      if (waiting === undefined) continue;
      this.#waiting -= 1;
      return waiting;
    }
    return null;
  }
}
