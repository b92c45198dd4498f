import type { Disk, DiskFile } from '@lockstep/kernel';

interface PooledFile {
  readonly file: Promise<DiskFile>;
  readers: number;
  forgotten: boolean;
}

/** Open files for reading, as many as there is use for, but no more than a bound while they are idle. */
export class FilePool {
  readonly #disk: Disk;
  readonly #openMax: number;
  /** The one used longest ago first. */
  readonly #files = new Map<string, PooledFile>();

  constructor(disk: Disk, openMax: number) {
    this.#disk = disk;
    this.#openMax = openMax;
  }

  async read(path: string, into: Uint8Array, position: number): Promise<number> {
    const pooled = this.#files.get(path) ?? { file: this.#disk.open(path, 'read'), readers: 0, forgotten: false };
    this.#files.delete(path);
    this.#files.set(path, pooled);
    pooled.readers++;
    try {
      const file = await pooled.file;
      return await file.read(into, position);
    } catch (error) {
      // The next one tries anew.
      this.#drop(path, pooled);
      throw error;
    } finally {
      pooled.readers--;
      if (pooled.forgotten) await this.#closeIdle(pooled);
      await this.#shrink();
    }
  }

  /** The file is about to be removed: those who read it may finish. */
  async forget(path: string): Promise<void> {
    const pooled = this.#files.get(path);
    if (pooled === undefined) return;
    this.#drop(path, pooled);
    await this.#closeIdle(pooled);
  }

  async close(): Promise<void> {
    for (const path of [...this.#files.keys()]) await this.forget(path);
  }

  #drop(path: string, pooled: PooledFile): void {
    pooled.forgotten = true;
    if (this.#files.get(path) === pooled) this.#files.delete(path);
  }

  /** Which files go is settled before the first is closed: several readers may come here at once, and each file is closed by one. */
  async #shrink(): Promise<void> {
    const going: PooledFile[] = [];
    for (const [path, pooled] of this.#files) {
      if (this.#files.size <= this.#openMax) break;
      if (pooled.readers > 0) continue;
      this.#drop(path, pooled);
      going.push(pooled);
    }
    for (const pooled of going) await this.#closeIdle(pooled);
  }

  async #closeIdle(pooled: PooledFile): Promise<void> {
    if (pooled.readers > 0) return;
    // It never opened: its reader knows.
    const file = await pooled.file.catch(() => null);
    await file?.close();
  }
}
