/**
 * Files. All paths are relative to the root that the port was made for (a node's data directory) and use `/`.
 *
 * What is durable: the bytes of a file after `sync()` of that file; a name (made, renamed or removed) after
 * `syncDirectory()` of its directory. Whatever else was written may survive a crash wholly, in part (sector by
 * sector, in any order) or not at all.
 */
export interface Disk {
  /** Names (not paths) in a directory, in no order; empty when there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** Makes the directory and those above it; harmless when it is there. */
  makeDirectory(directory: string): Promise<void>;
  /** `read`: must exist. `update`: must exist, read and write. `create`: must not exist, read and write. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<DiskFile>;
  /** Atomic; replaces what stands at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Harmless when there is no such file. */
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
  /** Of the whole file system that the root lies on, whoever uses it. */
  space(): Promise<DiskSpace>;
}

/** Bytes. */
export interface DiskSpace {
  /** What its files may take, this process's user allowed for; Infinity when there is no bound. */
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** An open file. Positions and lengths are bytes. Calls on one file must not overlap, reads excepted. */
export interface DiskFile {
  size(): Promise<number>;
  /** Fills as much of `into` as the file holds from `position` on; returns how many bytes it read (0 at the end). */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all chunks one behind the other, from `position` on; grows the file as needed. The caller leaves the chunks alone until it resolves. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Data, and the metadata needed to read it back, are on stable storage when this resolves (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Every rejection of a disk port is one of these. `code` is the system's (`ENOENT`, `EEXIST`, `ENOSPC`, `EIO`, …). */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: string;
  readonly path: string;
  constructor(code: string, operation: string, path: string, cause?: unknown) {
    super(`${operation} ${path}: ${code}`, { cause });
    this.code = code;
    this.path = path;
  }
}
