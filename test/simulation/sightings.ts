import type { DiskOperation } from '@lockstep/testkit';

import type { Story } from './story.ts';

/**
 * Where one life of a member stands, as far as it matters in which state a death finds it. What a death interrupted is told to the story.
 */
export class Sightings {
  readonly #story: Story;
  #receiving = false;
  #repairing = false;
  /** Of a rewrite of store files: new ones are being written, or have their names and the old ones are still there. */
  #rewriting: 'no' | 'writing' | 'removing' = 'no';
  #snapshotting = false;

  constructor(story: Story) {
    this.#story = story;
  }

  /** A tale that its log has told. */
  heard(tale: string, underLoad: boolean): void {
    if (tale === 'snapshots offered') this.#receiving = true;
    if (tale === 'snapshots installed') this.#receiving = false;
    if (tale === 'journals cut before damage, vote given up') this.#repairing = true;
    if (tale === 'damaged records fetched from others' && underLoad) this.#story.saw('repairs under load');
  }

  /** Something that its disk has done. */
  did(operation: DiskOperation, path: string): void {
    if (path.startsWith('records/') || path.startsWith('journal/')) {
      const store = path.includes('.store');
      if (store && operation === 'write') this.#rewriting = 'writing';
      if (store && operation === 'rename') this.#rewriting = 'removing';
      if (operation === 'remove' && !path.endsWith('.tmp')) this.#rewriting = 'no';
    }
    if (path.startsWith('snapshot/')) {
      if (operation === 'write') this.#snapshotting = true;
      if (operation === 'rename') this.#snapshotting = false;
    }
  }

  died(): void {
    if (this.#receiving) this.#story.saw('snapshots interrupted by a crash');
    if (this.#repairing) this.#story.saw('crashes of a member that has no vote since its disk was damaged');
    if (this.#rewriting === 'writing') this.#story.saw('crashes while records are rewritten');
    if (this.#rewriting === 'removing') this.#story.saw('crashes between rename and remove of a rewrite');
    if (this.#snapshotting) this.#story.saw('crashes while a snapshot is written');
  }

  regained(): void {
    this.#repairing = false;
  }
}
