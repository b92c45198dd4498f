import type { Log, NodeId } from '@lockstep/kernel';
import type { RecordDamage } from '../storage-types.ts';

interface FileStory {
  readonly first: RecordDamage;
  open: number;
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

  begun(damage: RecordDamage): void {
    const { file, offset, position, detail } = damage;
    let story = this.#files.get(file);
    if (story === undefined) {
      story = { first: damage, open: 0, fetched: 0, gone: 0, from: new Set() };
      this.#files.set(file, story);
      this.#log.warn(
        `${file} is damaged at byte ${offset} (the record of entry ${position}): ${detail}; it is fetched from another member`,
      );
    }
    story.open += 1;
  }

  fetched({ file }: RecordDamage, from: NodeId): void {
    const story = this.#files.get(file);
    if (story === undefined) return;
    story.fetched += 1;
    story.from.add(from);
    this.#closed(file, story);
  }

  gone({ file }: RecordDamage): void {
    const story = this.#files.get(file);
    if (story === undefined) return;
    story.gone += 1;
    this.#closed(file, story);
  }

  lost({ file, offset, position, detail }: RecordDamage, why: string): void {
    this.#log.error(`${file} is damaged at byte ${offset} (the record of entry ${position}): ${detail}; ${why}`);
    const story = this.#files.get(file);
    if (story !== undefined) this.#closed(file, story);
  }

  #closed(file: string, story: FileStory): void {
    story.open -= 1;
    if (story.open > 0) return;
    this.#files.delete(file);
    const { fetched, gone, first, from } = story;
    if (fetched === 0 && gone === 0) return;
    const what = `${fetched} of its records ${fetched === 1 ? 'was' : 'were'} fetched`;
    const whence = fetched === 0 ? '' : ` from ${[...from].map((id) => `node ${id}`).join(' and ')}`;
    const rest = gone === 0 ? '' : `, ${gone} ${gone === 1 ? 'is' : 'are'} not needed any more`;
    this.#log.info(`${file}, damaged at byte ${first.offset}, is repaired: ${what}${whence}${rest}`);
  }
}
