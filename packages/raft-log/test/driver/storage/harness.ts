import { silentLog } from '@lockstep/kernel';
import type { Clock, Disk, NodeId, Timer } from '@lockstep/kernel';
import { SimDevice, SimDisk, SimRandom } from '@lockstep/testkit';

import { entryPayload, makeEntry, openStorage } from '../../../src/driver/storage/index.ts';
import { nothingLives } from '../../../src/driver/storage-types.ts';
import type {
  Identity,
  KeptRecords,
  SnapshotReceiver,
  Storage,
  StorageOptions,
} from '../../../src/driver/storage-types.ts';
import { entryKind } from '../../../src/node/index.ts';
import type { DurableWrite, Entry } from '../../../src/node/index.ts';

/** Its timers fire when the test says so. */
export class HandClock implements Clock {
  #timers: (() => void)[] = [];

  wallMs(): number {
    return 0;
  }

  monotonicMs(): number {
    return 0;
  }

  setTimer(_delayMs: number, callback: () => void): Timer {
    this.#timers.push(callback);
    return { cancel: () => void (this.#timers = this.#timers.filter((one) => one !== callback)) };
  }

  atTurnEnd(callback: () => void): void {
    this.setTimer(0, callback);
  }

  get waiting(): number {
    return this.#timers.length;
  }

  fire(): void {
    const timers = this.#timers;
    this.#timers = [];
    for (const callback of timers) callback();
  }
}

export const someIdentity: Identity = {
  formatVersion: 1,
  broker: 'paris',
  node: 'a' as NodeId,
  clusterId: 'c1',
  incarnation: 'i1',
  members: ['a' as NodeId, 'b' as NodeId],
  state: 'founded',
};

export const nothingKept: KeptRecords = { committedIndex: 0, live: nothingLives };

export function newDisk(seed: number | string = 1): SimDisk {
  return new SimDisk(new SimDevice(new SimRandom(seed)));
}

export function open(disk: Disk, options: Partial<StorageOptions> = {}): Promise<Storage> {
  return openStorage({
    disk,
    log: silentLog,
    clock: new HandClock(),
    segmentBytes: 64 * 1024,
    fsync: 'always',
    alone: true,
    ...options,
  });
}

export function entry(index: number, term: number, payload: Uint8Array | string = `payload of ${index}`): Entry {
  return makeEntry(
    index,
    term,
    entryKind.command,
    typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
  );
}

/** Entries `from` … `to` of one term. */
export function entries(from: number, to: number, term: number, payload?: Uint8Array): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, term, payload));
}

export function written(storage: Storage, write: Partial<DurableWrite>): Promise<void> {
  return new Promise((resolve, reject) => {
    storage.onFailure(reject);
    storage.write({ hardState: null, entries: [], ...write }, resolve);
  });
}

export function textOf(one: Entry): string {
  return `${one.index}/${one.term} ${new TextDecoder().decode(entryPayload(one))}`;
}

/** `index/term payload` of each. */
export async function contents(storage: Storage, from = 1, to: number = Infinity): Promise<string[]> {
  const found: string[] = [];
  for (let index = from; ;) {
    const more = await storage.read(index, Math.min(to, Number.MAX_SAFE_INTEGER), 4096);
    if (more.length === 0) return found;
    for (const one of more) found.push(textOf(one));
    index += more.length;
  }
}

export function chunksOf(...texts: string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text));
}

export async function snapshotText(storage: Storage): Promise<string> {
  const texts: string[] = [];
  await storage.loadSnapshot((chunk) => texts.push(new TextDecoder().decode(chunk)));
  return texts.join('|');
}

/** Copies the newest snapshot of one storage into another's receiver. */
export async function transfer(from: Storage, to: Storage): Promise<SnapshotReceiver> {
  const reader = (await from.openSnapshot())!;
  const { index, term, bytes } = reader.info;
  const receiver = await to.receiveSnapshot(index, term, bytes);
  while (receiver.offset < bytes) await receiver.write(await reader.read(receiver.offset, 100));
  await reader.close();
  const damage = await receiver.finish(() => {});
  if (damage !== null) throw new Error(damage);
  return receiver;
}
