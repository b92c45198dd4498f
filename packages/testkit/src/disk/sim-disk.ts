import { assert, DiskError } from '@lockstep/kernel';
import type { Disk, DiskFile, DiskSpace } from '@lockstep/kernel';

import { SimRandom } from '../random.ts';
import type { EventOwner } from '../simulation.ts';
import type { FileNode } from './file-node.ts';
import { SimDevice } from './sim-device.ts';
import type { DiskOperation } from './sim-device.ts';

/** Lets `run` happen after the time that such an operation takes, or never when the process is gone by then. */
export type DiskScheduler = (operation: DiskOperation, run: () => void) => void;

function soon(_operation: DiskOperation, run: () => void): void {
  queueMicrotask(run);
}

/**
 * A process's way to a `SimDevice`. Made without a scheduler it answers without delay and needs no simulation, so
 * that a test can simply await it. Overlapping calls on one file, which the contract forbids, are assertion errors.
 */
export class SimDisk implements Disk {
  readonly device: SimDevice;
  readonly #schedule: DiskScheduler;

  readonly #owner: EventOwner | null;

  constructor(
    device: SimDevice = new SimDevice(new SimRandom('disk')),
    schedule: DiskScheduler = soon,
    owner: EventOwner | null = null,
  ) {
    this.device = device;
    this.#schedule = schedule;
    this.#owner = owner;
  }

  /** The process that used this disk is dead: nothing it asks for happens or is answered. */
  get abandoned(): boolean {
    return this.#owner?.state === 'dead';
  }

  /** A disk on what a power failure at this moment leaves; see `SimDevice.crashClone`. It answers without delay. */
  crashClone(survival?: number): SimDisk {
    return new SimDisk(this.device.crashClone(survival));
  }

  list(directory: string): Promise<readonly string[]> {
    return this.perform('list', directory, () => this.device.list(directory));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.perform('makeDirectory', directory, () => this.device.makeDirectory(directory));
  }

  open(path: string, mode: 'read' | 'update' | 'create'): Promise<DiskFile> {
    return this.perform('open', path, () => {
      const node = mode === 'create' ? this.device.create(path) : this.device.file(path, 'open');
      return new SimFile(this, node, path, mode !== 'read');
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform('rename', from, () => this.device.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.perform('remove', path, () => this.device.remove(path));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.perform('syncDirectory', directory, () => this.device.syncDirectory(directory));
  }

  space(): Promise<DiskSpace> {
    return this.perform('space', '.', () => {
      const { capacityBytes } = this.device;
      return { totalBytes: capacityBytes, freeBytes: Math.max(0, capacityBytes - this.device.usedBytes()) };
    });
  }

  /** Acts when the operation's time has come, unless a fault is set for it. `onMisdirected`: what a read brings that went astray. */
  perform<T>(operation: DiskOperation, path: string, act: () => T, hooks: PerformHooks<T> = {}): Promise<T> {
    const { device } = this;
    return new Promise((resolve, reject) => {
      const perform = (): void => {
        if (this.abandoned || device.intercept?.(operation, path) === true) return;
        device.noticed?.(operation, path);
        const fault = device.takeFault(operation, path);
        if (fault !== null && fault.misdirected !== true) {
          hooks.onFault?.();
          reject(new DiskError(fault.code ?? 'EIO', operation, path));
          return;
        }
        try {
          resolve(fault === null || hooks.onMisdirected === undefined ? act() : hooks.onMisdirected());
        } catch (error) {
          reject(error);
        }
      };
      this.#schedule(operation, () => device.whenAnswering(perform));
    });
  }
}

interface PerformHooks<T> {
  readonly onFault?: () => void;
  readonly onMisdirected?: () => T;
}

class SimFile implements DiskFile {
  readonly #disk: SimDisk;
  readonly #node: FileNode;
  readonly #path: string;
  readonly #writable: boolean;
  #open = true;
  #busy = false;

  constructor(disk: SimDisk, node: FileNode, path: string, writable: boolean) {
    this.#disk = disk;
    this.#node = node;
    this.#path = path;
    this.#writable = writable;
  }

  size(): Promise<number> {
    return this.#disk.perform('size', this.#path, () => {
      this.#check('size', false);
      return this.#node.current.length;
    });
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const from = (at: number): number => {
      this.#check('read', false);
      return this.#node.current.read(into, at);
    };
    const astray = (): number => {
      const { device } = this.#disk;
      device.astrayReads++;
      return from(device.random.below(this.#node.current.length + 1));
    };
    return this.#disk.perform('read', this.#path, () => from(position), { onMisdirected: astray });
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return this.#alone('write', true, () => {
      const finish = this.#disk.device.beginWrite(this.#node, chunks, position);
      const act = (): void => {
        let length = 0;
        for (const chunk of chunks) length += chunk.length;
        if (finish(false) < length) throw new DiskError('ENOSPC', 'write', this.#path);
      };
      return this.#disk.perform('write', this.#path, act, { onFault: () => void finish(true) });
    });
  }

  truncate(length: number): Promise<void> {
    return this.#alone('truncate', true, () =>
      this.#disk.perform('truncate', this.#path, () => this.#node.truncate(length)),
    );
  }

  sync(): Promise<void> {
    return this.#alone('sync', false, () => {
      const { device } = this.#disk;
      const change = this.#node.lastChange;
      const act = (): void => device.sync(this.#node, change);
      return this.#disk.perform('sync', this.#path, act, { onFault: () => this.#node.failSync(device.random) });
    });
  }

  close(): Promise<void> {
    return this.#alone('close', false, () => {
      this.#open = false;
      return this.#disk.perform('close', this.#path, () => {});
    });
  }

  #check(operation: DiskOperation, needsWrite: boolean): void {
    if (!this.#open || (needsWrite && !this.#writable)) throw new DiskError('EBADF', operation, this.#path);
  }

  /** Does what may not overlap with another such call. Work of a dead process is not even begun. */
  async #alone(operation: DiskOperation, needsWrite: boolean, work: () => Promise<void>): Promise<void> {
    if (this.#disk.abandoned) return new Promise(() => {});
    this.#check(operation, needsWrite);
    assert(!this.#busy, `${operation} ${this.#path}: calls on one file overlap`);
    this.#busy = true;
    try {
      await work();
    } finally {
      this.#busy = false;
    }
  }
}
