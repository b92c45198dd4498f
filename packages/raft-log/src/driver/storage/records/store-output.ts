import type { Buffer } from 'node:buffer';
import type { Disk } from '@lockstep/kernel';
import { temporaryEnding } from '../files.ts';
import { recordIndexAt, recordLengthAt } from '../record.ts';
import { nextSourceId } from './byte-source.ts';
import type { FilePool } from './file-pool.ts';
import { recordsDirectory } from './open-records.ts';
import { RecordFile } from './record-file.ts';
import { storeName } from './store-format.ts';
import { StoreWriter } from './store-writer.ts';

/** Between the first and last position of a store file: its table has 32 bits for it. */
const distanceMax = 0x1_0000_0000;

/** Records in the order of their positions, as store files of bounded length. */
export class StoreOutput {
  readonly #disk: Disk;
  readonly #fileBytes: number;
  readonly #pool: FilePool;
  readonly #nextSerial: () => number;
  readonly #made: RecordFile[] = [];
  #writer: StoreWriter | null = null;
  #temporary = '';
  #serial = 0;
  #first = 0;

  constructor(disk: Disk, fileBytes: number, pool: FilePool, nextSerial: () => number) {
    this.#disk = disk;
    this.#fileBytes = fileBytes;
    this.#pool = pool;
    this.#nextSerial = nextSerial;
  }

  /** Null: it is taken already. */
  add(position: number, record: Uint8Array): Promise<void> | null {
    const writer = this.#writer;
    const full = writer === null || writer.full || writer.bytes + record.length > this.#fileBytes;
    if (full || position - this.#first >= distanceMax) return this.#addSlowly(position, record);
    writer.add(position, record);
    return null;
  }

  async #addSlowly(position: number, record: Uint8Array): Promise<void> {
    const writer = await this.#writerFor(position, record.length);
    writer.add(position, record);
  }

  /** Whole records, one behind the other, ascending; they must stay as they are until `finish`. */
  async addStretch(records: Buffer): Promise<void> {
    for (let offset = 0; offset < records.length;) {
      const writer = await this.#writerFor(recordIndexAt(records, offset), recordLengthAt(records, offset));
      offset = writer.addStretch(records, offset, this.#fileBytes, this.#first + distanceMax);
    }
  }

  async #writerFor(position: number, bytes: number): Promise<StoreWriter> {
    let writer = this.#writer;
    const far = position - this.#first >= distanceMax;
    if (writer !== null && (far || writer.bytes + bytes > this.#fileBytes)) {
      await this.#endFile(writer);
      writer = null;
    }
    if (writer === null) {
      this.#serial = this.#nextSerial();
      this.#first = position;
      this.#temporary = `${recordsDirectory}/${this.#serial}.store${temporaryEnding}`;
      writer = await StoreWriter.create(this.#disk, this.#temporary);
      this.#writer = writer;
    }
    if (writer.full) await writer.flush();
    return writer;
  }

  /** All that was made is on disk under its name. */
  async finish(): Promise<readonly RecordFile[]> {
    if (this.#writer !== null) await this.#endFile(this.#writer);
    if (this.#made.length > 0) await this.#disk.syncDirectory(recordsDirectory);
    return this.#made;
  }

  /** Nothing of it counts. What went wrong before matters, not what goes wrong now: the next start removes what is left. */
  async giveUp(): Promise<void> {
    try {
      await this.#writer?.giveUp();
      if (this.#writer !== null) await this.#disk.remove(this.#temporary);
      for (const { path } of this.#made) await this.#disk.remove(path);
    } catch {
      // A store file that stays holds nothing but what others hold too.
    }
  }

  async #endFile(writer: StoreWriter): Promise<void> {
    const { table, bytes } = await writer.finish();
    this.#writer = null;
    const path = `${recordsDirectory}/${storeName({ first: table.first, last: table.last, serial: this.#serial })}`;
    await this.#disk.rename(this.#temporary, path);
    this.#made.push(new RecordFile(nextSourceId(), path, 'store', table, bytes, this.#pool));
  }
}
