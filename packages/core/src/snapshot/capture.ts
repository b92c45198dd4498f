import { defaultPriority, priorityMax } from '../attributes.ts';
import type { MessageChunk } from '../state/message-chunk.ts';
import type { CapturedIds, DuplicateLimits } from '../state/duplicate-ids.ts';
import type { Opening } from '../state/opening.ts';
import type { Part } from '../state/part.ts';
import type { QueueMessages } from '../state/queue-messages.ts';
import type { ReplicatedState } from '../state/replicated-state.ts';
import type { StreamView } from '../state/stream.ts';

export interface CapturedList {
  readonly priority: number;
  /** Not changed any more. */
  readonly chunks: readonly MessageChunk[];
}

export interface CapturedQueue {
  readonly name: string;
  readonly hash: number;
  readonly suspectBelow: number;
  /** In the order in which they are written. */
  readonly lists: readonly CapturedList[];
}

/** A state as it was at one moment. */
export interface Capture {
  readonly applied: number;
  readonly opening: Opening;
  readonly duplicateLimits: DuplicateLimits;
  readonly duplicateIds: CapturedIds;
  readonly parts: readonly Part[];
  /** In no order. */
  readonly streams: readonly StreamView[];
  /** The queues that hold messages, in bins of a few dozen: each bin's hashes are below those of the next. */
  readonly bins: readonly (readonly CapturedQueue[])[];
}

/** How many queues share a bin, about. */
const queuesPerBin = 32;

/**
 * Notes what there is, and touches no message: a reference for each chunk. From now on the state copies a chunk before it changes it for
 * the first time.
 */
export function capture(state: ReplicatedState): Capture {
  let bits = 0;
  while (bits < 24 && state.queues.size >>> bits > queuesPerBin) bits++;
  const bins: CapturedQueue[][] = Array.from({ length: 1 << bits }, () => []);
  for (const { name, hash, suspectBelow, list } of state.queues.values()) {
    if (list.length === 0) continue;
    bins[bits === 0 ? 0 : hash >>> (32 - bits)]!.push({ name, hash, suspectBelow, lists: listsOf(list) });
  }
  state.beginSnapshotEra();
  const { applied, opening, parts } = state;
  const streams = [...state.streams.values()].map(copyOf);
  const { limits: duplicateLimits } = state.duplicateIds;
  const duplicateIds = state.duplicateIds.capture();
  return { applied, opening, duplicateLimits, duplicateIds, parts: parts.slice(), streams, bins };
}

/** The default priority first, so that it need not be told. */
function listsOf(messages: QueueMessages): CapturedList[] {
  const lists = [{ priority: defaultPriority, chunks: messages.list(defaultPriority)?.capture() ?? [] }];
  if (!messages.hasPriorities) return lists;
  for (let priority = 0; priority <= priorityMax; priority++) {
    const list = priority === defaultPriority ? null : messages.list(priority);
    if (list !== null) lists.push({ priority, chunks: list.capture() });
  }
  return lists;
}

function copyOf(stream: StreamView): StreamView {
  const { node, epoch, run, number, lapsedAt, gap, parts, marks, refused } = stream;
  const copies = { parts: parts.slice(), marks: new Set(marks), refused: new Map(refused) };
  return { node, epoch, run, number, lapsedAt, gap, ...copies };
}

/** The order of queues in a snapshot: by hash, since that needs no sorting of all names at once, and then by name. */
export function sorted(bin: readonly CapturedQueue[]): CapturedQueue[] {
  return [...bin].sort((a, b) => a.hash - b.hash || (a.name < b.name ? -1 : 1));
}
