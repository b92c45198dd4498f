import type { Log, NodeId } from '@lockstep/kernel';
import { recordsLevel } from '../levels.ts';
import { LogOnce } from '../peers/log-once.ts';

/**
 * Tells when a member stays down because a program is too old: a snapshot holds no bodies, and live records travel at a level of their own. Nothing else would say
 * so, since what is too new for a member is just not sent to it. Once for each stay.
 */
export class LevelStory {
  readonly #once: LogOnce;
  readonly #ownMax: number;
  readonly #spokenMax: (id: NodeId) => number | null;

  /** `spokenMax`: the highest level that a member has said that it speaks; null: it has not been heard. */
  constructor(log: Log, ownMax: number, spokenMax: (id: NodeId) => number | null) {
    this.#once = new LogOnce(log);
    this.#ownMax = ownMax;
    this.#spokenMax = spokenMax;
  }

  /** This member leads, and sends that one a snapshot whose state refers to so many records. */
  offering(peer: NodeId, live: number): void {
    const max = this.#spokenMax(peer) ?? recordsLevel;
    if (live === 0 || max >= recordsLevel) return;
    this.#once.warn(
      peer,
      `node ${peer} is too far behind for the log. What it lacks of the ${live} live records travels at level ${recordsLevel}, and its program speaks none above ${max}: it is down until it is upgraded`,
    );
  }

  /** That member holds the snapshot. */
  arrived(peer: NodeId): void {
    this.#once.over(peer);
  }

  /** This member lacks so many records of a snapshot, which only these can give it. */
  fetching(missing: number, sources: readonly NodeId[]): void {
    const lack = `this node lacks ${missing} live records of the snapshot, which travel at level ${recordsLevel}`;
    if (this.#ownMax < recordsLevel) {
      this.#once.warn(
        'own',
        `${lack}, and its program speaks none above ${this.#ownMax}: it is down until it is upgraded`,
      );
      return;
    }
    const old = sources.filter((id) => (this.#spokenMax(id) ?? recordsLevel) < recordsLevel);
    if (old.length === 0 || old.length < sources.length) return;
    this.#once.warn(
      'own',
      `${lack}, and the programs of ${old.join(', ')} speak none so high: this node is down until one of them is upgraded`,
    );
  }

  /** The snapshot is in place. */
  installed(): void {
    this.#once.over('own');
  }
}
