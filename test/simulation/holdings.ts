import type { Configuration } from '@lockstep/raft-log';

/** What a member was seen to have on its disk, when it was last looked at. */
interface Held {
  readonly disk: number;
  readonly index: number;
  readonly term: number | null;
  /** What an earlier life had and this one lost; 0 when it has a vote. */
  readonly lostIndex: number;
}

/** A look at one member. */
export interface Look {
  readonly name: string;
  /** Counts the disks that it has had. */
  readonly disk: number;
  /** The first look at this life of it. */
  readonly isFirst: boolean;
  /** It has no vote, since its disk is not what it was. */
  readonly abstaining: boolean;
  /** The last entry on its disk, and that entry's term; null: not known any more, since it is below a snapshot. */
  readonly index: number;
  readonly term: number | null;
}

/** What each member has on its disk, and what it had when it last said so. */
export class Holdings {
  readonly #held = new Map<string, Held>();

  of(name: string): Held | undefined {
    return this.#held.get(name);
  }

  look({ name, disk, isFirst, abstaining, index, term }: Look): void {
    const { index: before, lostIndex } = this.#held.get(name) ?? { index: 0, lostIndex: 0 };
    // Within a life nothing is lost. A damaged log is cut on the disk that it is on, when the next life begins; so it is not by the disk that a loss is known.
    const lost = isFirst ? Math.max(before, lostIndex) : lostIndex;
    this.#held.set(name, { disk, index, term, lostIndex: abstaining ? lost : 0 });
  }

  /**
   * A leader calls committed what a majority has on disk; while joint, one of each half (Raft §5.3, §6). Who has acknowledged an entry and lost it
   * since, with its disk or with a damaged part of its log, counts until the leader hears of it, and may: it has no vote before it has the entry again.
   */
  onMajority(index: number, { voters, votersOutgoing }: Pick<Configuration, 'voters' | 'votersOutgoing'>): boolean {
    return [voters, votersOutgoing].every((half) => {
      const have = half.filter((id) => this.#has(id, index)).length;
      return half.length === 0 || have * 2 > half.length;
    });
  }

  #has(name: string, index: number): boolean {
    const held = this.#held.get(name);
    return held !== undefined && Math.max(held.index, held.lostIndex) >= index;
  }
}
