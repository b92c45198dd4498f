import type { Clock, NodeId, Timer } from '@lockstep/kernel';

import { LiveSet } from '../../../src/driver/live-set.ts';
import type { LiveStretch, RecordAccess } from '../../../src/driver/records/record-access.ts';
import { makeEntry, parseRecords } from '../../../src/driver/storage/index.ts';
import { entryKind } from '../../../src/node/index.ts';
import type { Entry } from '../../../src/node/index.ts';

export const a = 'a' as NodeId;
export const b = 'b' as NodeId;
export const c = 'c' as NodeId;

/** Goes on when the test says so. */
export class StepClock implements Clock {
  now = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  wallMs(): number {
    return this.now;
  }

  monotonicMs(): number {
    return this.now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.now + delayMs, callback };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((one) => one !== timer)) };
  }

  atTurnEnd(callback: () => void): void {
    this.setTimer(0, callback);
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.now);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.now);
    for (const { callback } of due) callback();
  }
}

/** Lets all that waits for nothing but its turn go on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** One payload for each position, so that copies can be told right from wrong. */
export function record(position: number, bytes = 20): Entry {
  const payload = new TextEncoder().encode(`record ${position}`.padEnd(bytes, '.'));
  return makeEntry(position, 1, entryKind.command, payload);
}

export function bytesOf(entries: readonly Entry[]): Uint8Array {
  return new Uint8Array(Buffer.concat(entries.map((entry) => entry.record)));
}

export function indexesOf(bytes: Uint8Array): number[] {
  return parseRecords(bytes).map(({ index }) => index);
}

export function setOf(positions: Iterable<number>): LiveSet {
  const set = new LiveSet();
  for (const position of positions) set.retain(position);
  return set;
}

export function upTo(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

/** The records of one member, in memory. */
export class FakeRecords implements RecordAccess {
  appliedIndex = 0;
  readonly live: Set<number> = new Set();
  readonly here: Map<number, Entry> = new Map();
  /** Damaged by a read alone: they are there when they are read again. */
  readonly misread: Map<number, Entry> = new Map();
  readonly rereads: number[] = [];
  /** What was added, call by call. */
  readonly added: number[][] = [];
  /** An `addRecords` waits until the test calls these, when set. */
  held: (() => void)[] | null = null;

  static with(positions: readonly number[], appliedIndex: number, bytes = 20): FakeRecords {
    const records = new FakeRecords();
    records.appliedIndex = appliedIndex;
    for (const position of positions) {
      records.live.add(position);
      records.here.set(position, record(position, bytes));
    }
    return records;
  }

  isLive(position: number): boolean {
    return this.live.has(position);
  }

  holds(position: number): boolean {
    return this.here.has(position);
  }

  async readLive(from: number, to: number, bytesMax: number): Promise<LiveStretch> {
    const found: Entry[] = [];
    const lacking: number[] = [];
    let bytes = 0;
    for (let position = from; position < to; position += 1) {
      if (!this.live.has(position)) continue;
      const entry = this.here.get(position);
      if (entry === undefined) {
        lacking.push(position);
        continue;
      }
      if (found.length > 0 && bytes + entry.record.length > bytesMax) {
        return { next: position, bytes: bytesOf(found), lacking };
      }
      found.push(entry);
      bytes += entry.record.length;
    }
    return { next: to, bytes: bytesOf(found), lacking };
  }

  async reread(position: number): Promise<boolean> {
    this.rereads.push(position);
    const entry = this.misread.get(position);
    if (entry !== undefined) this.here.set(position, entry);
    return entry !== undefined;
  }

  async addRecords(entries: readonly Entry[]): Promise<void> {
    if (this.held !== null) await new Promise<void>((resolve) => this.held?.push(resolve));
    this.added.push(entries.map(({ index }) => index));
    for (const entry of entries) this.here.set(entry.index, entry);
  }

  addStretches(stretches: readonly Uint8Array[]): Promise<void> {
    return this.addRecords(stretches.flatMap((bytes) => parseRecords(bytes)));
  }
}
