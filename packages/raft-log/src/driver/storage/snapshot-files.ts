import { assert, DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile } from '@lockstep/kernel';
import type { ConfigurationAt } from '../../node/index.ts';
import type { SnapshotInfo, SnapshotReader, SnapshotReceiver } from '../storage-types.ts';
import { scanSnapshot } from './snapshot-format.ts';

/** A snapshot that is whole and on disk, but not yet under its name. */
export interface ReadySnapshot {
  readonly info: SnapshotInfo;
  readonly temporary: string;
}

/** A snapshot file on its way out. */
export class FileReader implements SnapshotReader {
  readonly info: SnapshotInfo;
  readonly #file: DiskFile;
  readonly #unreadable: () => void;
  #readers = 0;
  #closing = false;

  /** `unreadable`: the disk can't read all of it. */
  constructor(info: SnapshotInfo, file: DiskFile, unreadable: () => void) {
    this.info = info;
    this.#file = file;
    this.#unreadable = unreadable;
  }

  async read(offset: number, bytesMax: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.max(0, Math.min(bytesMax, this.info.bytes - offset)));
    this.#readers++;
    try {
      return bytes.subarray(0, await this.#file.read(bytes, offset));
    } catch (error) {
      if (!(error instanceof DiskError && error.code === 'EIO')) throw error;
      // As good as cut off: who receives it finds that it is not whole, and asks for it again.
      this.#unreadable();
      return bytes.subarray(0, 0);
    } finally {
      this.#readers--;
      if (this.#closing && this.#readers === 0) await this.#file.close();
    }
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#readers === 0) await this.#file.close();
  }
}

/** A snapshot file on its way in. */
export class FileReceiver implements SnapshotReceiver {
  readonly index: number;
  readonly term: number;
  readonly #disk: Disk;
  readonly #temporary: string;
  readonly #file: DiskFile;
  #offset: number;
  #configuration: ConfigurationAt | null = null;
  #state: 'open' | 'finished' | 'discarded' = 'open';

  constructor(disk: Disk, index: number, term: number, temporary: string, file: DiskFile, offset: number) {
    this.#disk = disk;
    this.index = index;
    this.term = term;
    this.#temporary = temporary;
    this.#file = file;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get configuration(): ConfigurationAt | null {
    return this.#configuration;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#file.write([chunk], this.#offset);
    this.#offset += chunk.length;
  }

  async finish(onChunk: (chunk: Uint8Array) => void): Promise<string | null> {
    const found = await scanSnapshot(this.#file, this.#temporary, onChunk);
    if ('detail' in found) return `byte ${found.offset}: ${found.detail}`;
    if (found.index !== this.index || found.term !== this.term) {
      return `it is that of entry ${found.index}, term ${found.term}, not of ${this.index}, term ${this.term}`;
    }
    this.#configuration = found.configuration;
    await this.#file.sync();
    await this.#file.close();
    this.#state = 'finished';
    return null;
  }

  async discard(): Promise<void> {
    if (this.#state === 'discarded') return;
    if (this.#state === 'open') await this.#file.close();
    this.#state = 'discarded';
    await this.#disk.remove(this.#temporary);
  }

  /** It is whole and on disk: `finish` has been through. */
  ready(): ReadySnapshot {
    assert(this.#state === 'finished', 'only a finished snapshot is installed');
    const { index, term, configuration } = this;
    return { info: { index, term, bytes: this.#offset, configuration }, temporary: this.#temporary };
  }
}
