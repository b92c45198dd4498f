import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile } from '@lockstep/kernel';

// IOV_MAX on Linux: a longer vector is refused.
const CHUNKS_PER_WRITE = 1024;

const FLAGS = { read: 'r', update: 'r+', create: 'wx+' } as const;

function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === 'string' ? code : 'EIO';
}

async function guarded<T>(operation: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DiskError ? error : new DiskError(codeOf(error), operation, path, error);
  }
}

/** A directory of the machine's file system. */
export class NodeDisk implements Disk {
  readonly #root: string;

  /** `root` must exist. */
  constructor(root: string) {
    this.#root = root;
  }

  list(directory: string): Promise<readonly string[]> {
    return guarded('list', directory, async () => {
      try {
        return await readdir(this.#at(directory));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      }
    });
  }

  makeDirectory(directory: string): Promise<void> {
    return guarded('makeDirectory', directory, async () => {
      await mkdir(this.#at(directory), { recursive: true });
    });
  }

  open(path: string, mode: 'read' | 'update' | 'create'): Promise<DiskFile> {
    return guarded('open', path, async () => new NodeFile(await open(this.#at(path), FLAGS[mode], 0o600), path));
  }

  rename(from: string, to: string): Promise<void> {
    return guarded('rename', from, () => rename(this.#at(from), this.#at(to)));
  }

  remove(path: string): Promise<void> {
    return guarded('remove', path, async () => {
      try {
        await unlink(this.#at(path));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    });
  }

  syncDirectory(directory: string): Promise<void> {
    return guarded('syncDirectory', directory, async () => {
      const handle = await open(this.#at(directory), 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  #at(path: string): string {
    if (path.startsWith('/') || path.split('/').includes('..')) throw new DiskError('EINVAL', 'path', path);
    return join(this.#root, path);
  }
}

/** The chunks left to write when that many bytes of them have been. */
function withoutFirst(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = written;
  for (const chunk of chunks) {
    if (skip >= chunk.length) {
      skip -= chunk.length;
    } else {
      left.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return left;
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #path: string;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  size(): Promise<number> {
    return guarded('size', this.#path, async () => (await this.#handle.stat()).size);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return guarded('read', this.#path, async () => {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    });
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return guarded('write', this.#path, async () => {
      let at = position;
      for (let first = 0; first < chunks.length; first += CHUNKS_PER_WRITE) {
        const slice = chunks.length <= CHUNKS_PER_WRITE ? chunks : chunks.slice(first, first + CHUNKS_PER_WRITE);
        at += await this.#writeAll(slice, at);
      }
    });
  }

  truncate(length: number): Promise<void> {
    return guarded('truncate', this.#path, () => this.#handle.truncate(length));
  }

  sync(): Promise<void> {
    return guarded('sync', this.#path, () => this.#handle.datasync());
  }

  close(): Promise<void> {
    return guarded('close', this.#path, () => this.#handle.close());
  }

  async #writeAll(chunks: readonly Uint8Array[], position: number): Promise<number> {
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    let done = 0;
    let left = chunks;
    while (done < length) {
      const { bytesWritten } = await this.#handle.writev(left, position + done);
      // A short write is no error: the rest is tried again, and says what is wrong if something is.
      if (bytesWritten === 0) throw new DiskError('EIO', 'write', this.#path);
      done += bytesWritten;
      if (done < length) left = withoutFirst(left, bytesWritten);
    }
    return length;
  }
}
