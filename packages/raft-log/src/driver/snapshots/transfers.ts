import type { Clock, Log, NodeId } from '@lockstep/kernel';
import type { RepairOutcome } from '../payload-reader.ts';
import type { RecordDamage } from '../storage-types.ts';
import type { PeerMessage, RecordsMessage, SnapshotMessage } from '../peers/messages.ts';
import type { RecordAccess } from '../records/record-access.ts';
import { RecordExchange } from '../records/record-exchange.ts';
import type { RecordServerOptions } from '../records/record-server.ts';
import type { Storage } from '../storage-types.ts';
import type { StateMachine } from '../types.ts';
import { LogHold } from './log-hold.ts';
import { SnapshotIntake } from './snapshot-intake.ts';
import type { ArrivedSnapshot } from './snapshot-intake.ts';
import { SnapshotSender } from './snapshot-sender.ts';

export interface TransferPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly storage: Pick<Storage, 'snapshot' | 'openSnapshot' | 'receiveSnapshot'>;
  readonly store: RecordAccess;
  readonly machine: Pick<StateMachine, 'restore'>;
  /** The other members that hold records, the best one to ask first. */
  readonly members: () => readonly NodeId[];
  /** They may have what was in the log lately. */
  readonly witnesses: () => readonly NodeId[];
  readonly reachable: (peer: NodeId) => boolean;
  readonly send: (to: NodeId, message: PeerMessage) => void;
  /** These live records can't be read here, and are to be looked for. */
  readonly lacking: (positions: readonly number[]) => void;
  /** So many live records are not here: these members are asked for them. */
  readonly fetching: (missing: number, sources: readonly NodeId[]) => void;
  /** See `LogHoldPorts.matchIndex`. */
  readonly matchIndex: (peer: NodeId) => number | null;
  /** A transfer to that peer is over. */
  readonly sent: (peer: NodeId, index: number, delivered: boolean) => void;
  /** See `SnapshotIntakePorts.arrived`. */
  readonly arrived: (snapshot: ArrivedSnapshot) => void;
  readonly failed: (error: unknown) => void;
}

/** What passes between this member and others beside Raft's own messages: snapshots and records, in both directions. */
export class Transfers {
  readonly #sender: SnapshotSender;
  readonly #hold: LogHold;
  readonly #intake: SnapshotIntake;
  readonly #exchange: RecordExchange;
  readonly #lacking: (positions: readonly number[]) => void;

  constructor(options: RecordServerOptions, ports: TransferPorts) {
    this.#lacking = ports.lacking;
    this.#hold = new LogHold({ ...ports, snapshotIndex: () => ports.storage.snapshot?.index ?? 0 });
    this.#sender = new SnapshotSender({
      ...ports,
      sent: (peer, index, delivered) => {
        if (delivered) this.#hold.begin(peer, index);
        ports.sent(peer, index, delivered);
      },
    });
    this.#exchange = new RecordExchange(options, {
      ...ports,
      members: () => [...ports.members(), ...ports.witnesses()],
    });
    this.#intake = new SnapshotIntake({
      ...ports,
      others: () => ports.members().filter(ports.reachable),
      witnesses: () => ports.witnesses().filter(ports.reachable),
    });
  }

  /** Entries of the log above this one are still needed by followers that are given, or were just given, a snapshot; null: none are. */
  get heldIndex(): number | null {
    const sending = this.#sender.heldIndex;
    const following = this.#hold.index;
    return sending === null || following === null ? (sending ?? following) : Math.min(sending, following);
  }

  /** See `SnapshotSender.begin`. */
  sendSnapshot(peer: NodeId, term: number): void {
    this.#sender.begin(peer, term);
  }

  /** See `RecordRepair.repair`. */
  repair(damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> {
    return this.#exchange.repair(damages);
  }

  receive(message: SnapshotMessage | RecordsMessage, from: NodeId): void {
    switch (message.type) {
      case 'snapshotOffer':
      case 'snapshotPiece':
        this.#intake.receive(message, from);
        break;
      case 'records':
        this.#intake.receiveRecords(message, from);
        this.#exchange.receive(message, from);
        break;
      case 'recordsWant':
        this.#sender.moved(from);
        this.#exchange.receive(message, from);
        break;
      case 'snapshotWant':
      case 'snapshotWorking':
      case 'snapshotDone':
        this.#sender.receive(message, from);
    }
  }

  /** The arrived snapshot is installed, or was not wanted. */
  concluded(snapshot: ArrivedSnapshot, installed: boolean): void {
    this.#intake.concluded(snapshot);
    if (!installed) return;
    this.#exchange.completeAt(snapshot.completeAt);
    // Whoever has them may have been out of reach.
    if (snapshot.lacking.length > 0) this.#lacking(snapshot.lacking);
  }

  /** What is sent to the peer from now on reaches it; what was under way may be lost. */
  reachable(peer: NodeId): void {
    this.#sender.reachable(peer);
    this.#intake.reachable(peer);
    this.#exchange.reachable(peer);
  }

  tick(): void {
    this.#sender.tick();
    this.#hold.tick();
    this.#intake.tick();
    this.#exchange.tick();
  }

  /** This node leads no more, or in another term: what it sends as a leader ends. */
  stopLeading(): void {
    this.#sender.stop();
    this.#hold.stop();
  }

  stop(): void {
    this.#sender.stop();
    this.#intake.stop();
    this.#exchange.stop();
  }
}
