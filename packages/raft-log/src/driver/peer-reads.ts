import type { Log, NodeId } from '@lockstep/kernel';
import type { RaftInput, ReadRequest } from '../node/index.ts';
import { LogDamageStory } from './log-damage.ts';
import { CorruptionError } from './storage-types.ts';
import type { Storage } from './storage-types.ts';

export interface PeerReadsPorts {
  readonly log: Log;
  readonly storage: Pick<Storage, 'read' | 'snapshot'>;
  /** These live records can't be read here: somebody else asked for them. */
  readonly lacking: (positions: readonly number[]) => void;
  readonly input: (input: RaftInput) => void;
  readonly failed: (error: unknown) => void;
}

const readBytesMax = 1024 * 1024;

/** Reads for the node what followers need of the log and memory does not hold any more. */
export class PeerReads {
  readonly #ports: PeerReadsPorts;
  readonly #story: LogDamageStory;

  constructor(ports: PeerReadsPorts) {
    this.#ports = ports;
    this.#story = new LogDamageStory(ports.log);
  }

  begin(request: ReadRequest): void {
    void this.#read(request);
  }

  async #read({ peer, from, to }: ReadRequest): Promise<void> {
    const { storage, input, failed } = this.#ports;
    try {
      const entries = await storage.read(from, to, readBytesMax);
      input({ type: 'entriesRead', peer, from, entries });
    } catch (error) {
      if (error instanceof CorruptionError && from <= (storage.snapshot?.index ?? 0)) this.#pass(error, peer, from);
      else failed(error);
    }
  }

  /** What the snapshot stands for is not needed from the log: without entries the node takes it for gone, as if the journal had dropped it. */
  #pass(damage: CorruptionError, peer: NodeId, index: number): void {
    this.#story.passed(damage, index, peer);
    // Should a message live in it, a copy is fetched.
    this.#ports.lacking([index]);
    this.#ports.input({ type: 'entriesRead', peer, from: index, entries: [] });
  }
}
