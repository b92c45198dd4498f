import type { RecordDamage } from '../../storage-types.ts';
import type { RecordSpan } from './byte-source.ts';
import type { RecordFile } from './record-file.ts';

/**
 * Committed records in files that may overlap: what two files hold at one position is the same, so any copy will do. In memory only;
 * the files' names are the truth.
 */
export class RecordBag {
  /** By first position. */
  #files: RecordFile[] = [];
  /** The greatest last position of a file and all before it. */
  #lasts: number[] = [];

  get files(): readonly RecordFile[] {
    return this.#files;
  }

  add(file: RecordFile): void {
    if (file.count > 0) this.replace([], [file]);
  }

  /** In one step, so that whoever looks finds either. */
  replace(old: readonly RecordFile[], files: readonly RecordFile[]): void {
    const staying = this.#files.filter((file) => !old.includes(file));
    this.#files = [...staying, ...files].sort((a, b) => a.firstPosition - b.firstPosition || a.id - b.id);
    let last = 0;
    this.#lasts = this.#files.map((file) => (last = Math.max(last, file.lastPosition)));
  }

  /** A file in which the record is and is not known to be damaged. */
  find(position: number): RecordFile | null {
    for (let i = this.#lastBeginningAt(position); i >= 0 && this.#lasts[i]! >= position; i--) {
      const file = this.#files[i]!;
      if (file.table.slotOf(position) >= 0 && !file.damaged.has(position)) return file;
    }
    return null;
  }

  /** Of a copy that is; null when none is known to be. */
  damageOf(position: number): RecordDamage | null {
    for (const file of this.#files) if (file.damaged.has(position)) return file.damageOf(position);
    return null;
  }

  locate(position: number): RecordSpan | null {
    return this.find(position)?.spanOf(position) ?? null;
  }

  /** Of the files, the last one that begins at or before this position; -1 when there is none. */
  #lastBeginningAt(position: number): number {
    let low = 0;
    let high = this.#files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#files[middle]!.firstPosition <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
