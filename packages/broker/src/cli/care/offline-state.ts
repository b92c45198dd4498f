import { Broker, defaultBrokerOptions, inspectCommand } from '@lockstep/core';
import type { LiveMessage, LiveRecords } from '@lockstep/core';
import type { JournalPosition } from '@lockstep/kernel';
import { entryKind, entryPayload, readSnapshotChunks, RecordFinder, RecordReader } from '@lockstep/raft-log/care';
import type { OnProgress, ReadableDisk, Survey } from '@lockstep/raft-log/care';

/** The records stay as they are, whatever is applied. */
const nobody: LiveRecords = { retain: () => {}, release: () => {} };

/** The replicated state that a data directory leads to, and what of it could not be had. */
export interface OfflineState {
  readonly broker: Broker;
  /** The state that the log rests on can't be read: `broker` knows nothing of what was before. */
  readonly rootless: boolean;
  /** Entries of the log above the snapshot whose records are lost. */
  readonly lost: readonly number[];
  /** Those of them that a later entry settles: they were messages, and would be gone anyway. */
  readonly settled: ReadonlySet<number>;
  /** Live messages whose records are in no file, or damaged. */
  readonly bodiless: readonly LiveMessage[];
  /** Intact entries that can't take effect, since others of their transaction are lost. */
  readonly abandoned: readonly number[];
}

/** Loads the snapshot and applies what stands behind it, passing over what is lost. Writes nothing. */
export async function loadOffline(disk: ReadableDisk, survey: Survey, onProgress: OnProgress): Promise<OfflineState> {
  const { snapshot, log } = survey;
  const broker = new Broker(defaultBrokerOptions);
  if (snapshot?.intact === true) {
    const restore = broker.restore(() => {});
    await readSnapshotChunks(disk, snapshot, (chunk) => restore.write(chunk));
    restore.finish([]);
  }
  const replay = new Replay(broker);
  const reader = new RecordReader(disk, survey);
  for (let index = log.firstIndex; index <= log.lastIndex; index++) {
    const row = log.row(index);
    if (row === null) replay.lose(index);
    else {
      const entry = await reader.read(row);
      if (entry.kind === entryKind.command) replay.apply(index, entryPayload(entry));
    }
    if (index % 4096 === 0) onProgress(index - log.firstIndex, log.lastIndex - log.firstIndex + 1);
  }
  await reader.close();
  const { lost, settled, abandoned } = replay;
  const finder = new RecordFinder(disk, survey);
  const bodiless: LiveMessage[] = [];
  for (const live of broker.messages()) if (!finder.has(live.position)) bodiless.push(live);
  return { broker, rootless: snapshot?.intact === false, lost, settled, abandoned, bodiless };
}

class Replay {
  readonly #broker: Broker;
  readonly lost: number[] = [];
  readonly settled: Set<number> = new Set();
  readonly abandoned: number[] = [];

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** It may have been of any transaction that was under way: without one of its entries it is nothing. */
  lose(index: number): void {
    this.lost.push(index);
    this.abandoned.push(...this.#broker.abandonParts(index as JournalPosition));
  }

  apply(index: number, command: Uint8Array): void {
    if (this.lost.length > 0) {
      if (this.#broker.lacksParts(command)) {
        this.abandoned.push(...this.#broker.abandonParts(index as JournalPosition), index);
        return;
      }
      const lowest = this.lost[0]!;
      for (const position of inspectCommand(command)?.settled ?? []) if (position >= lowest) this.settled.add(position);
    }
    this.#broker.apply(index as JournalPosition, command, nobody, []);
  }
}
