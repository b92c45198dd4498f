import type { Clock } from '@lockstep/kernel';
import type { Access, AccessControl, Admission, Claim, Claimant, Permission } from '@lockstep/stomp-server';
import type { SimRandom } from '@lockstep/testkit';

const DESTINATIONS = ['/queue/a', '/topic/t', '/queue/b.c', '/queue/bare'];

/** One client's access: judged at once, later or never, for him or against him, and changing while he is there. */
export class FuzzAccess implements AccessControl {
  readonly #random: SimRandom;
  readonly #clock: Clock;
  readonly #denied = new Set<string>();
  #generation = 0;
  #revoked: string | null = null;
  #answered = false;

  constructor(random: SimRandom, clock: Clock) {
    this.#random = random;
    this.#clock = clock;
  }

  admit(_claim: Claim, _from: Claimant, answer: (admission: Admission) => void): () => void {
    const random = this.#random;
    const admission = this.#admission();
    const tell = (): void => {
      if (this.#answered) throw new Error('a claim is judged twice');
      this.#answered = true;
      answer(admission);
    };
    if (random.chance(0.5)) {
      tell();
      return () => {};
    }
    const timer = this.#clock.setTimer(random.pick([0, 0, 100, 20_000]), tell);
    return () => timer.cancel();
  }

  /** What he may do changes. The connection is to be told. */
  change(): void {
    this.#generation++;
    const destination = this.#random.pick(DESTINATIONS);
    if (!this.#denied.delete(destination)) this.#denied.add(destination);
    if (this.#random.chance(0.1)) this.#revoked = 'the fuzzer sends you away';
  }

  denies(destination: string): boolean {
    return this.#denied.has(destination);
  }

  #admission(): Admission {
    const fraction = this.#random.fraction();
    if (fraction < 0.05) return { verdict: 'refused', message: 'the fuzzer lets you not in', hint: 'try again' };
    if (fraction < 0.1) return { verdict: 'overloaded', message: 'the fuzzer is busy' };
    return { verdict: 'admitted', access: this.#access() };
  }

  #access(): Access {
    const generation = (): number => this.#generation;
    const revoked = (): string | null => this.#revoked;
    return {
      user: 'fuzz',
      get generation() {
        return generation();
      },
      get revoked() {
        return revoked();
      },
      lacks: (wanted, destination): Permission | null => (this.#denied.has(destination) ? wanted : null),
    };
  }
}
