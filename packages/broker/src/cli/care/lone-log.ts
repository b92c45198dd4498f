import { Broker, defaultBrokerOptions, discardCommand, ImportWriter } from '@lockstep/core';
import type { ImportedMessage } from '@lockstep/core';
import { silentLog } from '@lockstep/kernel';
import type { NodeId } from '@lockstep/kernel';
import { ReplicatedLog } from '@lockstep/raft-log';
import type { StateMachine } from '@lockstep/raft-log';

import { NodeClock } from '../../ports/node-clock.ts';
import { NodeDisk } from '../../ports/node-disk.ts';
import { NodeNetwork } from '../../ports/node-network.ts';
import { NodeRandom } from '../../ports/node-random.ts';
import type { Owner } from '../data-directory.ts';

const discardedAtOnce = 10_000;
/** Proposed and not yet applied. */
const underWayBytesMax = 8 * 1024 * 1024;

/** The replicated log of a logical broker of one, run by a tool instead of a node: no clients, no network. */
export class LoneLog {
  readonly #broker = new Broker(defaultBrokerOptions);
  readonly #clock = new NodeClock();
  readonly #writer = new ImportWriter();
  #log: ReplicatedLog | null = null;
  #leading = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #proposed = 0;
  #underWayBytes = 0;
  #messages = 0;

  private constructor() {}

  /** Resolves when it takes proposals. */
  static async open(directory: string, { broker, node }: Owner): Promise<LoneLog> {
    const lone = new LoneLog();
    const id = node as NodeId;
    lone.#log = await ReplicatedLog.open({
      broker,
      node: id,
      members: [{ id, address: { host: '127.0.0.1', port: 1 } }],
      listen: null,
      secret: null,
      about: '',
      clock: lone.#clock,
      random: new NodeRandom(),
      disk: new NodeDisk(directory),
      network: new NodeNetwork(),
      log: silentLog,
      machine: lone.#machine(),
    });
    lone.#log.onFailure((error) => {
      lone.#failure = error;
      lone.#wake?.();
    });
    await lone.#until(() => lone.#leading);
    return lone;
  }

  get messages(): number {
    return this.#messages;
  }

  async beginImport(): Promise<void> {
    await this.#propose(this.#writer.begin(this.#clock.wallMs()));
  }

  /** Null: go on at once. */
  add(message: ImportedMessage): Promise<void> | null {
    this.#messages++;
    return this.#propose(this.#writer.message(message));
  }

  /** Resolves when all of it is on disk and counts. */
  async endImport(): Promise<void> {
    await this.#propose(this.#writer.end());
    await this.#until(() => this.#broker.applied >= this.#proposed);
  }

  /** Takes these messages out of their queues. Resolves when that is on disk. */
  async discard(messages: readonly { readonly position: number; readonly destination: string }[]): Promise<void> {
    const byQueue = new Map<string, number[]>();
    for (const { position, destination } of messages) {
      const positions = byQueue.get(destination);
      if (positions === undefined) byQueue.set(destination, [position]);
      else positions.push(position);
    }
    for (const [queue, positions] of byQueue) {
      for (let from = 0; from < positions.length; from += discardedAtOnce) {
        await this.#propose(discardCommand(queue, positions.slice(from, from + discardedAtOnce)));
      }
    }
    await this.#until(() => this.#broker.applied >= this.#proposed);
  }

  async close(): Promise<void> {
    await this.#log?.close();
  }

  #propose(command: Uint8Array): Promise<void> | null {
    if (this.#failure !== null) throw this.#failure;
    const first = this.#log!.propose([command]);
    if (typeof first !== 'number') throw new Error(`the log takes nothing: ${first.reason}`);
    this.#proposed = first;
    this.#underWayBytes += command.length;
    return this.#underWayBytes < underWayBytesMax
      ? null
      : this.#until(() => this.#underWayBytes < underWayBytesMax / 2);
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #machine(): StateMachine {
    return {
      apply: (commands, records) => {
        for (const { position, payload } of commands) {
          this.#broker.apply(position, payload, records, []);
          this.#underWayBytes = Math.max(0, this.#underWayBytes - payload.length);
        }
        this.#wake?.();
      },
      snapshot: () => this.#broker.snapshot(),
      restore: (refersTo) => {
        const restore = this.#broker.restore(refersTo);
        return { write: (chunk) => restore.write(chunk), finish: () => restore.finish([]) };
      },
      leadershipChanged: ({ leading }) => {
        this.#leading = leading;
        this.#wake?.();
      },
    };
  }
}
