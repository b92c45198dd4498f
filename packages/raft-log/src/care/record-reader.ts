import { Buffer } from 'node:buffer';
import { assert } from '@lockstep/kernel';
import type { DiskFile } from '@lockstep/kernel';
import { decodeRecord, recordHeaderBytes } from '../driver/storage/record.ts';
import type { Entry } from '../node/index.ts';
import type { Survey } from './survey.ts';
import type { ReadableDisk } from './types.ts';

const readAheadBytes = 256 * 1024;

/** Reads records that a survey found intact. Records that lie one behind the other cost one read together. */
export class RecordReader {
  readonly #disk: ReadableDisk;
  readonly #survey: Survey;
  #file: DiskFile | null = null;
  #fileNumber = -1;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkFrom = 0;

  constructor(disk: ReadableDisk, survey: Survey) {
    this.#disk = disk;
    this.#survey = survey;
  }

  /** The record of that row; its bytes are not used again. */
  async read(row: number): Promise<Entry> {
    const { records } = this.#survey;
    const offset = records.offset(row);
    const length = records.length(row);
    await this.#open(records.file(row));
    if (offset < this.#chunkFrom || offset + length > this.#chunkFrom + this.#chunk.length) {
      const chunk = Buffer.allocUnsafeSlow(Math.max(length, readAheadBytes));
      this.#chunk = chunk.subarray(0, await this.#file!.read(chunk, offset));
      this.#chunkFrom = offset;
    }
    const entry = decodeRecord(this.#chunk, offset - this.#chunkFrom, this.#chunk.length);
    assert(typeof entry !== 'string', 'a record that was intact is so still: nobody else uses the directory');
    return entry;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
    this.#fileNumber = -1;
  }

  async #open(number: number): Promise<void> {
    if (this.#fileNumber === number) return;
    await this.close();
    this.#file = await this.#disk.open(this.#survey.paths[number]!, 'read');
    this.#fileNumber = number;
    this.#chunk = Buffer.alloc(0);
  }
}

/** The payload that a damaged record seems to have, if its bytes are those from `offset` on; null when there are too few. */
export async function suspectPayload(
  disk: ReadableDisk,
  path: string,
  offset: number,
  bytes: number,
): Promise<Uint8Array | null> {
  if (bytes <= recordHeaderBytes) return null;
  const file = await disk.open(path, 'read');
  const record = Buffer.allocUnsafeSlow(Math.min(bytes, readAheadBytes));
  const length = await file.read(record, offset);
  await file.close();
  return record.subarray(recordHeaderBytes, length);
}
