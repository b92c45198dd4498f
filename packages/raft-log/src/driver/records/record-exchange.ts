import type { Clock, Log, NodeId } from '@lockstep/kernel';
import type { RepairOutcome } from '../payload-reader.ts';
import type { RecordDamage } from '../storage-types.ts';
import type { RecordsMessage } from '../peers/messages.ts';
import type { RecordAccess } from './record-access.ts';
import { RecordRepair } from './record-repair.ts';
import { RecordServer } from './record-server.ts';
import type { RecordServerOptions } from './record-server.ts';

export interface RecordExchangePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: RecordAccess;
  /** The other members that hold records, the best one to ask first. */
  readonly members: () => readonly NodeId[];
  readonly reachable: (peer: NodeId) => boolean;
  /** These live records can't be read here: somebody else asked for them. */
  readonly lacking: (positions: readonly number[]) => void;
  readonly send: (to: NodeId, message: RecordsMessage) => void;
  readonly failed: (error: unknown) => void;
}

/** Committed records between this member and the others: gives them what they lack, and gets what this one has lost. */
export class RecordExchange {
  readonly #server: RecordServer;
  readonly #repair: RecordRepair;

  constructor(options: RecordServerOptions, ports: RecordExchangePorts) {
    this.#server = new RecordServer(options, ports);
    this.#repair = new RecordRepair(ports);
  }

  /** See `RecordRepair.repair`. */
  repair(damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> {
    return this.#repair.repair(damages);
  }

  /** What the state refers to may not be all here before this index has been applied: nobody is told that something is lost until then. */
  completeAt(index: number): void {
    this.#server.completeAt = index;
  }

  receive(message: RecordsMessage, from: NodeId): void {
    if (message.type === 'recordsWant') this.#server.receive(message, from);
    else this.#repair.receive(message, from);
  }

  /** That member has a new connection: what was under way to or from it is lost. */
  reachable(peer: NodeId): void {
    this.#server.forget(peer);
    this.#repair.reachable(peer);
  }

  tick(): void {
    this.#repair.tick();
  }

  stop(): void {
    this.#server.stop();
    this.#repair.stop();
  }
}
