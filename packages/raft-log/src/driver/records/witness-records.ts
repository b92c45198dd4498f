import type { LivePositions } from '../live-set.ts';
import type { LiveRead } from '../storage-types.ts';
import type { LiveStretch } from './record-access.ts';
import { StoredRecords } from './stored-records.ts';

/** Looked at for one answer: whoever asks may name any range. */
const positionsMax = 4096;

const everyPosition: LivePositions = {
  size: Number.POSITIVE_INFINITY,
  has: () => true,
  countBetween: (first, last) => Math.max(0, last - first + 1),
  next: (position) => position,
};

/**
 * A witness's records: what is left of its log. It has no state, so it can't say of any record that it is dead: what it does not have it lacks.
 * For a record that only one other member has, and that is damaged there, it is the one to ask.
 */
export class WitnessRecords extends StoredRecords {
  override async readLive(from: number, to: number, bytesMax: number): Promise<LiveStretch> {
    const last = Math.min(to - 1, from + positionsMax - 1);
    const read = (): Promise<LiveRead> => this.storage.readLive(everyPosition, from, last, bytesMax);
    let { bytes, next, missing } = await read();
    // Nobody else sees to it that what was misread once is not taken for damaged for ever.
    let reread = 0;
    for (const position of missing) if (await this.reread(position)) reread += 1;
    if (reread > 0) ({ bytes, next, missing } = await read());
    return { bytes, next, lacking: missing };
  }
}
