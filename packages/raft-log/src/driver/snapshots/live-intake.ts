import type { Clock, Log, NodeId } from '@lockstep/kernel';
import { LiveSet } from '../live-set.ts';
import type { Records, RecordsWant } from '../peers/messages.ts';
import { findMissing } from '../records/find-missing.ts';
import { RecordFetch } from '../records/record-fetch.ts';
import type { FetchOutcome } from '../records/record-fetch.ts';
import type { RecordAccess } from '../records/record-access.ts';

export interface LiveIntakePorts {
  readonly store: Pick<RecordAccess, 'holds' | 'addStretches'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly send: (to: NodeId, message: RecordsWant) => void;
  readonly others: () => readonly NodeId[];
  readonly witnesses: () => readonly NodeId[];
  /** See `SnapshotIntakePorts.fetching`. */
  readonly fetching: (missing: number, sources: readonly NodeId[]) => void;
}

export interface LiveOutcome {
  /** Every live record is here once the state has reached this index, but for those in `lacking`. */
  readonly completeAt: number;
  /** Live, but nobody who could be reached has them. Ascending. */
  readonly lacking: readonly number[];
}

/** Of a member other than the leader: then it is passed over. */
const silentMsMax = 3000;

/**
 * Brings in the records that a state refers to and this node lacks. The leader has enough to do: another member is asked first, and the leader for what that
 * one can't give. Witnesses come last: they have next to nothing, but it may be what all others have lost.
 */
export class LiveIntake {
  readonly #ports: LiveIntakePorts;
  readonly #live: LiveSet;
  #fetch: RecordFetch | null = null;
  #leader: NodeId | null = null;
  #skip: () => void = () => {};
  #stopped = false;

  constructor(live: LiveSet, ports: LiveIntakePorts) {
    this.#live = live;
    this.#ports = ports;
  }

  /** Resolves when all that can be had is here. Never resolves after `stop`. */
  async run(leader: NodeId): Promise<LiveOutcome> {
    const { log, clock } = this.#ports;
    this.#leader = leader;
    const holds = (position: number): boolean => this.#ports.store.holds(position);
    let missing = await findMissing(this.#live, holds, clock);
    let completeAt = 0;
    let records = 0;
    let bytes = 0;
    const begunMs = clock.monotonicMs();
    const others = this.#ports.others().filter((id) => id !== leader);
    const sources = [...others, leader, ...this.#ports.witnesses().filter((id) => id !== leader)];
    if (missing.size > 0) {
      log.info(
        `the snapshot's state is here; ${missing.size} of its ${this.#live.size} live records are to be fetched`,
      );
      this.#ports.fetching(missing.size, sources);
    }
    for (const source of sources) {
      if (missing.size === 0) break;
      const outcome = await this.#fetchFrom(source, missing);
      completeAt = Math.max(completeAt, outcome.completeAt);
      records += outcome.records;
      bytes += outcome.bytes;
      missing = await findMissing(setOf(outcome.lacking), holds, clock);
    }
    if (records > 0) {
      const seconds = Math.max(0.001, (clock.monotonicMs() - begunMs) / 1000);
      log.info(`${records} live records are here: ${bytes} bytes, ${(bytes / seconds / 1e6).toFixed(1)} MB/s`);
    }
    if (missing.size > 0) {
      log.error(
        `${missing.size} live records are damaged on all members that can be reached, entry ${missing.next(1) ?? 0} the first of them`,
      );
    }
    return { completeAt, lacking: positionsOf(missing) };
  }

  receive(records: Records, from: NodeId): void {
    this.#fetch?.receive(records, from);
  }

  reachable(peer: NodeId): void {
    if (this.#fetch?.source === peer) this.#fetch.askAgain();
  }

  tick(): void {
    this.#fetch?.tick();
    // Whether the leader is still there the leader's own offers say.
    if (this.#fetch !== null && this.#fetch.source !== this.#leader && this.#fetch.silentMs >= silentMsMax)
      this.#skip();
  }

  stop(): void {
    this.#stopped = true;
    this.#fetch?.stop();
  }

  #fetchFrom(source: NodeId, missing: LiveSet): Promise<FetchOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return;
      const { clock, store, send } = this.#ports;
      this.#fetch = new RecordFetch(this.#live, missing, source, {
        clock,
        store,
        send,
        done: resolve,
        failed: reject,
      });
      this.#skip = () => {
        this.#fetch?.stop();
        resolve({ completeAt: 0, lacking: positionsOf(missing), records: 0, bytes: 0 });
      };
      this.#fetch.begin();
    });
  }
}

function positionsOf(set: LiveSet): number[] {
  const positions: number[] = [];
  for (let at = set.next(1); at !== null; at = set.next(at + 1)) positions.push(at);
  return positions;
}

function setOf(positions: readonly number[]): LiveSet {
  const set = new LiveSet();
  for (const position of positions) set.retain(position);
  return set;
}
