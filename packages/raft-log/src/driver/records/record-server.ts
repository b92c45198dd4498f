import type { Clock, NodeId } from '@lockstep/kernel';
import { StoppedError, Throttle } from '../compaction/throttle.ts';
import type { Records, RecordsWant } from '../peers/messages.ts';
import { giveBackLargeMemory } from '../large-memory.ts';
import { parseRecords } from '../storage/index.ts';
import { checksumOf } from './cut-records.ts';
import type { RecordAccess } from './record-access.ts';

export interface RecordServerPorts {
  readonly clock: Clock;
  readonly store: Pick<RecordAccess, 'appliedIndex' | 'readLive'>;
  /** These live records can't be read here. */
  readonly lacking: (positions: readonly number[]) => void;
  readonly send: (to: NodeId, message: Records) => void;
  readonly failed: (error: unknown) => void;
}

export interface RecordServerOptions {
  /** What goes to all members together: whoever asks takes as much as there is, and what this node is for shall go on beside it. */
  readonly bytesPerSecond: number;
}

interface Request {
  readonly peer: NodeId;
  readonly want: RecordsWant;
}

/** Bound on one answer, whatever was asked for. */
const answerBytesMax = 1024 * 1024;
/** Of one member; it asks again for what was dropped. */
const waitingMax = 64;
/** What fits into an envelope. */
const lackingMax = 4096;

/**
 * Answers other members that ask for records: the one that takes in a snapshot, and those that repair. One read at a time, each of bounded size, so
 * that the disk and the event loop are free for appends in between; members take turns.
 */
export class RecordServer {
  readonly #options: RecordServerOptions;
  readonly #ports: RecordServerPorts;
  readonly #throttle: Throttle;
  /** Nothing is said before this index has been applied: until then records may be missing that are about to be dead. */
  completeAt = 0;
  readonly #waiting: Map<NodeId, RecordsWant[]> = new Map();
  #reading = false;
  #stopped = false;

  constructor(options: RecordServerOptions, ports: RecordServerPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#throttle = new Throttle(ports.clock);
  }

  receive(want: RecordsWant, peer: NodeId): void {
    if (this.#stopped || want.to <= want.from || want.from < 1) return;
    const queue = this.#waiting.get(peer) ?? [];
    if (queue.length >= waitingMax) return;
    queue.push(want);
    this.#waiting.set(peer, queue);
    if (!this.#reading) void this.#work();
  }

  /** It has a new connection: it asks again for what it still wants. */
  forget(peer: NodeId): void {
    this.#waiting.delete(peer);
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#throttle.stop();
  }

  async #work(): Promise<void> {
    this.#reading = true;
    try {
      for (let request = this.#take(); request !== null; request = this.#take()) {
        const answer = await this.#answer(request.want);
        if (this.#stopped) return;
        this.#ports.send(request.peer, { ...answer, taken: () => giveBackLargeMemory(answer.bytes) });
        const pause = this.#throttle.paceIfDue(answer.bytes.length, this.#options.bytesPerSecond);
        if (pause !== null) await pause;
      }
    } catch (error) {
      if (!(error instanceof StoppedError)) this.#ports.failed(error);
    }
    this.#reading = false;
  }

  /** The next one of the member that has waited longest. */
  #take(): Request | null {
    for (const [peer, queue] of this.#waiting) {
      this.#waiting.delete(peer);
      const want = queue.shift();
      if (want === undefined) continue;
      if (queue.length > 0) this.#waiting.set(peer, queue);
      return { peer, want };
    }
    return null;
  }

  async #answer({ request, from, to, bytesMax }: RecordsWant): Promise<Records> {
    const { store } = this.#ports;
    const end = store.appliedIndex < this.completeAt ? from : Math.min(to, store.appliedIndex + 1);
    const answer = (next: number, lacking: readonly number[], bytes: Uint8Array): Records => {
      // What died while the disk was read may be missing as well: so it is the index afterwards that counts.
      const { appliedIndex } = store;
      return { type: 'records', request, from, next, appliedIndex, lacking, bytes, checksum: checksumOf(bytes) };
    };
    if (end <= from) return answer(from, [], new Uint8Array(0));
    const { next, bytes, lacking } = await store.readLive(from, end, Math.min(bytesMax, answerBytesMax));
    if (lacking.length > 0) this.#ports.lacking(lacking);
    if (lacking.length <= lackingMax) return answer(next, lacking, bytes);
    const cut = lacking[lackingMax]!;
    return answer(cut, lacking.slice(0, lackingMax), recordsBelow(bytes, cut));
  }
}

/** The front of ascending records, up to the first one at or above `position`. */
function recordsBelow(bytes: Uint8Array, position: number): Uint8Array {
  let end = 0;
  for (const { index, record } of parseRecords(bytes)) {
    if (index >= position) break;
    end += record.length;
  }
  return bytes.subarray(0, end);
}
