import { DiskError } from '@lockstep/kernel';

import type { SimRandom } from '../random.ts';
import { FileNode, joinChunks, SECTOR_BYTES } from './file-node.ts';
import type { FlyingWrite } from './file-node.ts';
import { DirectoryNode, NameTree } from './name-tree.ts';
import type { TreeNode } from './name-tree.ts';

export type DiskOperation =
  | 'list'
  | 'makeDirectory'
  | 'open'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'space'
  | 'size'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'close';

/** Something that goes wrong. */
export interface DiskFault {
  readonly operation: DiskOperation;
  /** Only where the path holds this text; any path when left out. */
  readonly path?: string;
  /** Default `EIO`. */
  readonly code?: string;
  /** How often; default once. */
  readonly times?: number;
  /** A read that does not fail, and brings what stands elsewhere in the file. */
  readonly misdirected?: boolean;
}

/** A file as a saboteur sees it. */
export interface StoredFile {
  readonly path: string;
  readonly length: number;
}

interface LivingFault extends DiskFault {
  left: number;
}

interface StartedWrite {
  readonly node: FileNode;
  readonly flying: FlyingWrite;
}

function partsOf(path: string, operation: DiskOperation): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..')) throw new DiskError('EINVAL', operation, path);
  return parts;
}

/** A write that was interrupted or failed ends between two sectors: the system copies whole pages, and a sector is never half written. */
function toWholeSectors(position: number, done: number, length: number): number {
  if (done >= length) return length;
  return Math.max(0, Math.floor((position + done) / SECTOR_BYTES) * SECTOR_BYTES - position);
}

/**
 * The platter behind simulated disks: what is stored, what of it is durable, and the faults a test sets. All calls
 * take effect at once; `SimDisk` adds the waiting.
 */
export class SimDevice {
  readonly random: SimRandom;
  /** `sync` and `syncDirectory` claim to have worked and make nothing durable: to prove that tests notice. */
  lieAboutSync = false;
  /** All waiting is that many times as long. */
  slowness = 1;
  /** Space for the content of files, in bytes; names take none. */
  capacityBytes: number = Infinity;
  /** Nothing that is asked for is done, or answered, until it is false again; see `whenAnswering`. */
  #hanging = false;
  #waiting: (() => void)[] = [];
  /** Told of each operation as it is done. */
  noticed: ((operation: DiskOperation, path: string) => void) | null = null;
  /** Writes for which there was no room. */
  refusedWrites = 0;
  /** Reads that brought what stands elsewhere. */
  astrayReads = 0;
  #faultsTaken = 0;
  /** Told of each operation before it is done; true: the process dies here, and it is not done. */
  intercept: ((operation: DiskOperation, path: string) => boolean) | null = null;
  #tree: NameTree;
  #faults: LivingFault[] = [];
  readonly #started = new Set<StartedWrite>();
  #clones = 0;

  constructor(random: SimRandom, tree: NameTree = new NameTree()) {
    this.random = random;
    this.#tree = tree;
  }

  /** From now on that goes wrong, until it has as often as it should. */
  fail(fault: DiskFault): void {
    this.#faults.push({ ...fault, left: fault.times ?? 1 });
  }

  /** Operations that did not go as they should: by a fault that was set, or for want of room. */
  get failures(): number {
    return this.#faultsTaken + this.refusedWrites;
  }

  clearFaults(): void {
    this.#faults = [];
  }

  /** Changes bits of a stored byte; by default the lowest. */
  rot(path: string, offset: number, mask = 1): void {
    this.file(path, 'read').rot(offset, mask);
  }

  /** Bytes that rot has changed and that are still there, in files that have a name. */
  get rottenBytes(): number {
    let sum = 0;
    this.#eachFile(({ node }) => (sum += node.rottenBytes));
    return sum;
  }

  /** All files, by path. */
  get files(): readonly StoredFile[] {
    const files: StoredFile[] = [];
    this.#eachFile(({ path, node }) => files.push({ path, length: node.current.length }));
    return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Changes not yet durable in the files that lie in that directory and whose names begin and end so. */
  unsyncedChanges(directory: string, beginning: string, ending: string): number {
    const found = this.#find(partsOf(directory, 'list'));
    if (found?.type !== 'directory') return 0;
    let sum = 0;
    for (const [name, node] of found.current)
      if (node.type === 'file' && name.startsWith(beginning) && name.endsWith(ending)) sum += node.unsyncedChanges;
    return sum;
  }

  /** Is there a file of which not all is durable? */
  get hasUnsyncedChanges(): boolean {
    let found = false;
    this.#eachFile(({ node }) => (found ||= node.unsyncedChanges > 0));
    return found;
  }

  get hanging(): boolean {
    return this.#hanging;
  }

  /** A disk that hangs answers nothing; with it working again all that waited is done, in the order in which it was asked for. */
  set hanging(hanging: boolean) {
    this.#hanging = hanging;
    if (hanging) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const again of waiting) again();
  }

  /** Now, or when the disk answers again. */
  whenAnswering(act: () => void): void {
    if (this.#hanging) this.#waiting.push(act);
    else act();
  }

  /** All of a file as a reader sees it now. */
  contentOf(path: string): Uint8Array {
    const { current } = this.file(path, 'read');
    const bytes = new Uint8Array(current.length);
    current.read(bytes, 0);
    return bytes;
  }

  /**
   * The device as it is found after the power failed at this moment; this one is left as it was. What was synced is
   * there. Of the rest a share survives: sector by sector, name by name, in any combination. `survival` is the chance
   * of each; left out, it is drawn, and none and all are drawn often. Faults and settings are not taken over, but for
   * `lieAboutSync`, capacity and slowness.
   */
  crashClone(survival?: number, random: SimRandom = this.random.fork(`crash ${this.#clones++}`)): SimDevice {
    const share = survival ?? random.pick([0, 1, random.fraction(), random.fraction()]);
    const clone = new SimDevice(random.fork('device'), this.#tree.survivor(share, random));
    clone.lieAboutSync = this.lieAboutSync;
    clone.slowness = this.slowness;
    clone.capacityBytes = this.capacityBytes;
    return clone;
  }

  /** The process that used this device was killed: of each write under way some beginning was done. */
  abandonWrites(random: SimRandom): void {
    for (const { node, flying } of this.#started) {
      node.flying.delete(flying);
      const bytes = joinChunks(flying.chunks);
      const share = random.pick([0, 1, random.fraction()]);
      const done = toWholeSectors(flying.position, Math.floor(bytes.length * share), bytes.length);
      if (done > 0) node.write(bytes.subarray(0, done), flying.position);
    }
    this.#started.clear();
  }

  /** What goes wrong with this operation; each fault as often as it should. */
  takeFault(operation: DiskOperation, path: string): DiskFault | null {
    const fault = this.#faults.find((one) => one.operation === operation && path.includes(one.path ?? ''));
    if (fault === undefined) return null;
    this.#faultsTaken++;
    if (--fault.left <= 0) this.#faults = this.#faults.filter((one) => one !== fault);
    return fault;
  }

  /**
   * A write is under way from now until the answer is called, with whether it fails. That takes what the chunks hold
   * then, and says how many bytes were written: all, or what there was room for, or some when it failed.
   */
  beginWrite(node: FileNode, chunks: readonly Uint8Array[], position: number): (failed: boolean) => number {
    const flying: FlyingWrite = { chunks, position };
    const started: StartedWrite = { node, flying };
    this.#started.add(started);
    node.flying.add(flying);
    return (failed) => {
      this.#started.delete(started);
      node.flying.delete(flying);
      const bytes = joinChunks(chunks);
      const count = failed
        ? toWholeSectors(position, this.random.below(bytes.length + 1), bytes.length)
        : this.#roomFor(node, position, bytes.length);
      if (!failed && count < bytes.length) this.refusedWrites++;
      if (count > 0) node.write(bytes.subarray(0, count), position);
      return count;
    };
  }

  sync(node: FileNode, upToChange: number): void {
    if (!this.lieAboutSync) node.syncUpTo(upToChange);
  }

  file(path: string, operation: DiskOperation): FileNode {
    const node = this.#find(partsOf(path, operation));
    if (node === undefined) throw new DiskError('ENOENT', operation, path);
    if (node.type !== 'file') throw new DiskError('EISDIR', operation, path);
    return node;
  }

  create(path: string): FileNode {
    const { directory, name } = this.#placeOf(path, 'open');
    if (directory.current.has(name)) throw new DiskError('EEXIST', 'open', path);
    const node = new FileNode();
    this.#tree.enter(directory, name, node);
    return node;
  }

  list(path: string): string[] {
    const node = this.#find(partsOf(path, 'list'));
    if (node === undefined) return [];
    if (node.type !== 'directory') throw new DiskError('ENOTDIR', 'list', path);
    return [...node.current.keys()];
  }

  makeDirectory(path: string): void {
    let directory = this.#tree.root;
    for (const name of partsOf(path, 'makeDirectory')) {
      let node = directory.current.get(name);
      if (node === undefined) {
        node = new DirectoryNode();
        this.#tree.enter(directory, name, node);
      }
      if (node.type !== 'directory') throw new DiskError('EEXIST', 'makeDirectory', path);
      directory = node;
    }
  }

  rename(from: string, to: string): void {
    const source = this.#placeOf(from, 'rename');
    const node = source.directory.current.get(source.name);
    if (node === undefined) throw new DiskError('ENOENT', 'rename', from);
    const target = this.#placeOf(to, 'rename');
    const replaced = target.directory.current.get(target.name);
    if (replaced === node) return;
    if (replaced?.type === 'directory') throw new DiskError('EISDIR', 'rename', to);
    this.#tree.move(node, source, target);
  }

  remove(path: string): void {
    const parts = partsOf(path, 'remove');
    const name = parts.pop();
    const directory = this.#find(parts);
    if (name === undefined) throw new DiskError('EISDIR', 'remove', path);
    if (directory?.type !== 'directory') return;
    const node = directory.current.get(name);
    if (node === undefined) return;
    if (node.type === 'directory') throw new DiskError('EISDIR', 'remove', path);
    this.#tree.leave(directory, name, node);
  }

  syncDirectory(path: string): void {
    const node = this.#find(partsOf(path, 'syncDirectory'));
    if (node === undefined) throw new DiskError('ENOENT', 'syncDirectory', path);
    if (node.type !== 'directory') throw new DiskError('ENOTDIR', 'syncDirectory', path);
    if (!this.lieAboutSync) this.#tree.sync(node);
  }

  /** Space taken by files that have a name. */
  usedBytes(): number {
    let sum = 0;
    this.#eachFile(({ node }) => (sum += node.current.allocatedBytes));
    return sum;
  }

  #eachFile(visit: (file: { readonly path: string; readonly node: FileNode }) => void): void {
    const walk = (node: TreeNode, path: string): void => {
      if (node.type === 'file') visit({ path, node });
      else for (const [name, below] of node.current) walk(below, path === '' ? name : `${path}/${name}`);
    };
    walk(this.#tree.root, '');
  }

  #roomFor(node: FileNode, position: number, length: number): number {
    if (this.capacityBytes === Infinity) return length;
    const free = this.capacityBytes - this.usedBytes();
    if (node.current.growthBytes(position, length) <= free) return length;
    let fits = 0;
    while (fits < length && node.current.growthBytes(position, fits + 1) <= free) fits++;
    return fits;
  }

  #find(parts: readonly string[]): TreeNode | undefined {
    let node: TreeNode = this.#tree.root;
    for (const name of parts) {
      if (node.type !== 'directory') return undefined;
      const below: TreeNode | undefined = node.current.get(name);
      if (below === undefined) return undefined;
      node = below;
    }
    return node;
  }

  #placeOf(path: string, operation: DiskOperation): { directory: DirectoryNode; name: string } {
    const parts = partsOf(path, operation);
    const name = parts.pop();
    if (name === undefined) throw new DiskError('EISDIR', operation, path);
    const directory = this.#find(parts);
    if (directory === undefined) throw new DiskError('ENOENT', operation, path);
    if (directory.type !== 'directory') throw new DiskError('ENOTDIR', operation, path);
    return { directory, name };
  }
}
