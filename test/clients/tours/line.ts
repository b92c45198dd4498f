/** What comes, for those who ask for the next. */
export class Line<T> {
  readonly #come: T[] = [];
  readonly #waiting: ((one: T) => void)[] = [];

  push(one: T): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#come.push(one);
    else waiter(one);
  }

  async next(): Promise<T> {
    const [first] = this.#come.splice(0, 1);
    return first ?? new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** A promise that is resolved from outside. */
export interface Moment {
  readonly promise: Promise<void>;
  readonly come: () => void;
}

export function moment(): Moment {
  let come: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => (come = resolve));
  return { promise, come };
}
