import type { SimRandom } from '../random.ts';

/** How bytes travel from one host to another; each direction has its own. */
export class Link {
  readonly from: string;
  readonly to: string;
  readonly random: SimRandom;
  /** Nothing gets through; what is under way waits. */
  cut = false;
  latencyMinMs = 0.05;
  latencyMaxMs = 0.6;
  /** Now and then a packet has to be sent again: the chance, and what it takes at most. */
  hiccupChance = 0.005;
  hiccupMaxMs = 40;
  /** The chance that a connection breaks when something arrives over it. */
  breakChance = 0;

  constructor(from: string, to: string, random: SimRandom) {
    this.from = from;
    this.to = to;
    this.random = random;
    if (from === to) {
      this.latencyMinMs = 0.01;
      this.latencyMaxMs = 0.1;
      this.hiccupChance = 0;
    }
  }

  latencyMs(): number {
    const hiccup = this.hiccupChance > 0 && this.random.chance(this.hiccupChance);
    return this.random.between(this.latencyMinMs, hiccup ? this.hiccupMaxMs : this.latencyMaxMs);
  }
}
