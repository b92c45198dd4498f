import { mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile, DiskSpace } from '@lockstep/kernel';

import { writeFully } from './write-fully.ts';
import type { WriteSome } from './write-fully.ts';

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

  space(): Promise<DiskSpace> {
    return guarded('space', '.', async () => {
      const { bsize, blocks, bfree, bavail } = await statfs(this.#root);
      // What is kept for the system's administrator is nobody's.
      return { totalBytes: (blocks - bfree + bavail) * bsize, freeBytes: bavail * bsize };
    });
  }

  #at(path: string): string {
    if (path.startsWith('/') || path.split('/').includes('..')) throw new DiskError('EINVAL', 'path', path);
    return join(this.#root, path);
  }
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #writev: WriteSome;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
    this.#writev = async (chunks, position) => (await handle.writev(chunks, position)).bytesWritten;
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
    return guarded('write', this.#path, () => writeFully(this.#writev, chunks, position));
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
}
