import type { Log, NodeId } from '@lockstep/kernel';
import type { RecordDamage } from '../storage-types.ts';

interface FileStory {
  readonly first: RecordDamage;
  open: number;
  /** It has been said that others are asked. */
  told: boolean;
  /** Intact when they were read again. */
  intact: number;
  fetched: number;
  gone: number;
  readonly from: Set<NodeId>;
}

/** Says once for each file that it is damaged, and once what was done about it, however many records it is. */
export class RepairStory {
  readonly #log: Log;
  readonly #files: Map<string, FileStory> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What becomes of it is to be told by one of `intact`, `fetched`, `gone` and `lost`. `again`: it was lost before, and that was told. */
  begun(damage: RecordDamage, again: boolean): void {
    const { file } = damage;
    let story = this.#files.get(file);
    if (story === undefined) {
      story = { first: damage, open: 0, told: false, intact: 0, fetched: 0, gone: 0, from: new Set() };
      this.#files.set(file, story);
    }
    story.open += 1;
    story.told ||= again;
  }

  /** Read once more it is no better. */
  damaged({ file, offset, position, detail }: RecordDamage): void {
    const story = this.#files.get(file);
    if (story === undefined || story.told) return;
    story.told = true;
    this.#log.warn(
      `${file} is damaged at byte ${offset} (the record of entry ${position}): ${detail}; it is fetched from another member`,
    );
  }

  intact({ file }: RecordDamage): void {
    this.#closed(file, (story) => (story.intact += 1));
  }

  fetched({ file }: RecordDamage, from: NodeId): void {
    this.#closed(file, (story) => {
      story.fetched += 1;
      story.from.add(from);
    });
  }

  gone({ file }: RecordDamage): void {
    this.#closed(file, (story) => (story.gone += 1));
  }

  /** `why`: null when that has been said before. */
  lost({ file, offset, position, detail }: RecordDamage, why: string | null): void {
    if (why !== null) {
      this.#log.error(`${file} is damaged at byte ${offset} (the record of entry ${position}): ${detail}; ${why}`);
    }
    this.#closed(file, () => {});
  }

  #closed(file: string, count: (story: FileStory) => void): void {
    const story = this.#files.get(file);
    if (story === undefined) return;
    count(story);
    story.open -= 1;
    if (story.open > 0) return;
    this.#files.delete(file);
    const { intact, fetched, gone, told, first } = story;
    if (told && intact + fetched + gone > 0) this.#tellRepaired(story);
    else if (intact > 0) {
      this.#log.warn(
        `${file} was not read as it was written, at byte ${first.offset} (the record of entry ${first.position}): ${first.detail}; read again ${intact === 1 ? 'it is' : `all ${intact} records concerned are`} intact`,
      );
    }
  }

  #tellRepaired({ first, intact, fetched, gone, from }: FileStory): void {
    const parts = [`${fetched} of its records ${fetched === 1 ? 'was' : 'were'} fetched`];
    if (fetched > 0) parts[0] += ` from ${[...from].map((id) => `node ${id}`).join(' and ')}`;
    if (intact > 0) parts.push(`${intact} ${intact === 1 ? 'was' : 'were'} intact when read again`);
    if (gone > 0) parts.push(`${gone} ${gone === 1 ? 'is' : 'are'} not needed any more`);
    this.#log.info(`${first.file}, damaged at byte ${first.offset}, is repaired: ${parts.join(', ')}`);
  }
}
