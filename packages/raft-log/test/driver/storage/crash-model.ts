import type { NodeId } from '@lockstep/kernel';

import { contents, snapshotText, textOf } from './harness.ts';
import type { Storage } from '../../../src/driver/storage-types.ts';
import type { HardState } from '../../../src/node/index.ts';

/** What a data directory may hold: the log from `start + 1` on, each entry as `index/term payload`. */
export interface LogState {
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  readonly start: number;
  readonly log: readonly string[];
}

export const emptyLog: LogState = { snapshotIndex: 0, snapshotTerm: 0, start: 0, log: [] };
export const noVote: HardState = { term: 0, votedFor: null, standing: 'voter' };

export function lastIndexOf(state: LogState): number {
  return state.start + state.log.length;
}

export function termAt(state: LogState, index: number): number {
  if (index === state.snapshotIndex) return state.snapshotTerm;
  return Number(/\/(\d+) /.exec(state.log[index - state.start - 1] ?? '')?.[1] ?? 0);
}

export function withEntry(state: LogState, index: number, text: string): LogState {
  return { ...state, log: [...state.log.slice(0, index - state.start - 1), text] };
}

/** The state once that snapshot is the newest: a log that does not lead up to it, or differs from it, is void. */
export function withSnapshot(state: LogState, index: number, term: number): LogState {
  const fits = lastIndexOf(state) >= index && termAt(state, index) === term;
  const snapshot = { snapshotIndex: index, snapshotTerm: term };
  return fits ? { ...state, ...snapshot } : { ...snapshot, start: index, log: [] };
}

/** All that may be found after a crash, in the order in which it came to be; grows with what is asked for, shrinks with what is done. */
export class CrashModel {
  /** What each snapshot's state refers to: position and text, as in the log. */
  readonly lives: Map<string, ReadonlyMap<number, string>> = new Map();
  logs: LogState[] = [emptyLog];
  hardStates: { readonly state: HardState; readonly at: number }[] = [{ state: noVote, at: 0 }];
  #forgotten = 0;

  get latest(): LogState {
    return this.logs.at(-1)!;
  }

  add(state: LogState): void {
    this.logs.push(state);
  }

  addHardState(state: HardState): void {
    this.add(this.latest);
    this.hardStates.push({ state, at: this.position });
  }

  /** Names this moment for `settle`. */
  get position(): number {
    return this.#forgotten + this.logs.length - 1;
  }

  /** Everything up to that moment is on disk for good. */
  settle(position: number): void {
    if (position > this.#forgotten) {
      this.logs = this.logs.slice(position - this.#forgotten);
      this.#forgotten = position;
    }
    const last = this.hardStates.findLastIndex(({ at }) => at <= position);
    this.hardStates = this.hardStates.slice(last);
  }

  copy(): CrashModel {
    const copy = new CrashModel();
    copy.logs = [...this.logs];
    copy.hardStates = [...this.hardStates];
    copy.#forgotten = this.#forgotten;
    return copy;
  }

  /** Which of the states that may be there is; null when it is none of them. */
  async match(storage: Storage): Promise<LogState | null> {
    const { recovered } = storage;
    const hardState = this.hardStates.findLast(({ state }) => same(state, recovered.hardState));
    if (hardState === undefined) return null;
    const found = await contents(storage, recovered.firstIndex);
    for (const [i, state] of this.logs.entries()) {
      // An entry is never found without the term and vote that went before it.
      if (this.hardStates.some(({ at }) => at > hardState.at && at <= this.#forgotten + i)) continue;
      if (state.snapshotIndex !== recovered.snapshotIndex || state.snapshotTerm !== recovered.snapshotTerm) continue;
      if (lastIndexOf(state) !== recovered.lastIndex || recovered.firstIndex > state.snapshotIndex + 1) continue;
      if (!same(found, state.log.slice(recovered.firstIndex - state.start - 1))) continue;
      if (state.snapshotIndex > 0 && (await snapshotText(storage)) !== snapshotTextOf(state.snapshotIndex)) continue;
      return state;
    }
    return null;
  }
}

export function snapshotOf({ snapshotIndex, snapshotTerm }: LogState): string {
  return `${snapshotIndex}/${snapshotTerm}`;
}

/** Null, or which record that the newest snapshot refers to can't be read. */
export async function lostRecord(storage: Storage, live: ReadonlyMap<number, string>): Promise<string | null> {
  const reads = await storage.readRecords([...live.keys()]);
  for (const [i, [position, text]] of [...live].entries()) {
    const read = reads[i]!;
    const found = read !== 'missing' && 'record' in read ? textOf(read) : JSON.stringify(read);
    if (found !== text) return `record ${position} is ${found.slice(0, 100)} in place of ${text.slice(0, 100)}`;
    if (!storage.holds(position, storage.recovered.snapshotIndex)) return `record ${position} is not held`;
  }
  return null;
}

export function snapshotTextOf(index: number): string {
  return `state|of|${index}`;
}

export function voteFor(node: string, term: number): HardState {
  return { term, votedFor: node as NodeId, standing: 'voter' };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
