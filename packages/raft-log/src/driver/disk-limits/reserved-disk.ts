import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile, DiskSpace, Log } from '@lockstep/kernel';

export const reserveName = 'reserve';
const temporaryName = 'reserve.tmp';
const pieceBytes = 1024 * 1024;
const noRoom: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/**
 * A disk on which some room is kept back, in a file of zeros. The first write that finds the disk full gives that file up and is done again:
 * so there is still room to settle messages, and to take the snapshots by which room is made. Only then does a full disk show.
 *
 * A write that failed for want of room has written a part, and nothing else: it may be repeated. A sync is never repeated.
 */
export class ReservedDisk implements Disk {
  readonly bytes: number;
  readonly #disk: Disk;
  readonly #log: Log;
  #held: boolean;
  #givingUp: Promise<void> | null = null;
  #laying: Promise<boolean> | null = null;
  /** Grows when the reserve is given up: who lays it down meanwhile leaves off. */
  #times = 0;
  #givenUp: () => void = () => {};

  private constructor(disk: Disk, log: Log, bytes: number, held: boolean) {
    this.#disk = disk;
    this.#log = log;
    this.bytes = bytes;
    this.#held = held;
  }

  /** The reserve that an earlier life of the node kept is there again. */
  static async open(disk: Disk, log: Log, bytes: number): Promise<ReservedDisk> {
    return new ReservedDisk(disk, log, bytes, (await disk.list('.')).includes(reserveName));
  }

  /** The room is kept back now. */
  get held(): boolean {
    return this.#held;
  }

  /** Called when the reserve has just been given up. */
  onGivenUp(listener: () => void): void {
    this.#givenUp = listener;
  }

  /** Writes the file of zeros, a piece at a time. False: there is no room for it, or it was needed meanwhile. */
  async lay(pace: (bytes: number) => Promise<void>): Promise<boolean> {
    this.#laying = this.#lay(pace).finally(() => (this.#laying = null));
    return this.#laying;
  }

  async #lay(pace: (bytes: number) => Promise<void>): Promise<boolean> {
    const times = this.#times;
    const zeros = new Uint8Array(Math.min(pieceBytes, this.bytes));
    try {
      await this.#disk.remove(temporaryName);
      const file = await this.#disk.open(temporaryName, 'create');
      try {
        for (let at = 0; at < this.bytes && times === this.#times; at += zeros.length) {
          await file.write([zeros.subarray(0, Math.min(zeros.length, this.bytes - at))], at);
          await pace(zeros.length);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      if (times !== this.#times) {
        await this.#disk.remove(temporaryName);
        return false;
      }
      await this.#disk.rename(temporaryName, reserveName);
      this.#held = true;
      return true;
    } catch (error) {
      await this.#disk.remove(temporaryName);
      if (isNoRoom(error)) return false;
      throw error;
    }
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#disk.list(directory);
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#withReserve(() => this.#disk.makeDirectory(directory));
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<DiskFile> {
    const file = await this.#withReserve(() => this.#disk.open(path, mode));
    return mode === 'read' ? file : new ReservedFile(file, (work) => this.#withReserve(work));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#withReserve(() => this.#disk.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#disk.remove(path);
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#disk.syncDirectory(directory);
  }

  space(): Promise<DiskSpace> {
    return this.#disk.space();
  }

  async #withReserve<T>(work: () => Promise<T>): Promise<T> {
    const times = this.#times;
    try {
      return await work();
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      const nothingToGive = !this.#held && this.#givingUp === null && this.#laying === null;
      if (nothingToGive && times === this.#times) throw error;
      await this.#giveUp();
      return work();
    }
  }

  /** Several writes may find the disk full at once. */
  async #giveUp(): Promise<void> {
    if (this.#laying !== null) {
      this.#times += 1;
      // Only then is its file closed, and the room free.
      await this.#laying.catch(() => {});
      return;
    }
    if (this.#givingUp === null && this.#held) {
      this.#held = false;
      this.#times += 1;
      this.#log.warn('the disk is full: the room that was kept back is used now', { reserveBytes: this.bytes });
      this.#givingUp = this.#disk.remove(reserveName).finally(() => (this.#givingUp = null));
      this.#givenUp();
    }
    await this.#givingUp;
  }
}

export function isNoRoom(error: unknown): boolean {
  return error instanceof DiskError && noRoom.has(error.code);
}

type Guard = <T>(work: () => Promise<T>) => Promise<T>;

class ReservedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #guard: Guard;

  constructor(file: DiskFile, guard: Guard) {
    this.#file = file;
    this.#guard = guard;
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#file.read(into, position);
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return this.#guard(() => this.#file.write(chunks, position));
  }

  truncate(length: number): Promise<void> {
    return this.#guard(() => this.#file.truncate(length));
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
