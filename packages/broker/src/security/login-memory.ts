/** Of each kind. */
const REMEMBERED_MAX = 20_000;

/**
 * Logins that were right, and some that were wrong, by fingerprint: so that thousands of clients that come back at once (a fail-over) cost a hash for
 * each user and not for each client, and one that tries the same wrong passcode for ever costs nothing.
 */
export class LoginMemory {
  /** To the password hash, as the configuration has it, that they matched. */
  readonly #right = new Map<string, string>();
  readonly #wrong = new Set<string>();

  /** Undefined: not known. `password`: the hash that counts now, null for a login that has none. */
  recall(fingerprint: string, password: string | null): boolean | undefined {
    if (password !== null && this.#right.get(fingerprint) === password) return true;
    return this.#wrong.has(fingerprint) ? false : undefined;
  }

  remember(fingerprint: string, password: string | null, matched: boolean): void {
    if (matched && password !== null) {
      forgetOldest(this.#right);
      this.#right.set(fingerprint, password);
    } else {
      forgetOldest(this.#wrong);
      this.#wrong.add(fingerprint);
    }
  }

  /** What was wrong may be right now. */
  passwordsChanged(): void {
    this.#wrong.clear();
  }
}

function forgetOldest(memory: Map<string, string> | Set<string>): void {
  if (memory.size < REMEMBERED_MAX) return;
  const [oldest] = memory.keys();
  if (oldest !== undefined) memory.delete(oldest);
}
