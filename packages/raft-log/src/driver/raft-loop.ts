import type { Clock, JournalPosition, Log, NodeId } from '@lockstep/kernel';
import type { ChangeRefusal, Configuration, Installation, MembershipChange } from '../node/index.ts';
import type { Entry, ProposeRefusal, RaftBatch, RaftInput, RaftMessage, RaftStatus } from '../node/types.ts';
import type { RaftNode } from '../node/raft-node.ts';
import { Applier } from './applier.ts';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import type { ElectionStory } from './election-story.ts';
import { LeadershipReport } from './leadership-report.ts';
import type { LivePositions, LiveSet } from './live-set.ts';
import { LogDamageError } from './log-damage.ts';
import { LogTrimmer } from './log-trimmer.ts';
import type { LevelStory } from './membership/level-story.ts';
import type { RepairOutcome } from './payload-reader.ts';
import type { PeerMessage, RecordsMessage, SnapshotMessage } from './peers/messages.ts';
import { PeerReads } from './peer-reads.ts';
import { Reads } from './reads.ts';
import { StoredRecords } from './records/stored-records.ts';
import { WitnessRecords } from './records/witness-records.ts';
import { SnapshotInstaller } from './snapshot-installer.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import { Transfers } from './snapshots/transfers.ts';
import { CorruptionError } from './storage-types.ts';
import type { RecordDamage, Storage } from './storage-types.ts';
import type { StateMachine } from './types.ts';

export interface RaftLoopPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly node: RaftNode;
  readonly storage: Storage;
  readonly machine: StateMachine;
  readonly story: ElectionStory;
  readonly entryPayload: (entry: Entry) => Uint8Array;
  /** The other members that hold records. */
  readonly others: () => readonly NodeId[];
  /** The other members that have no state. */
  readonly witnesses: () => readonly NodeId[];
  readonly reachable: (peer: NodeId) => boolean;
  /** Another configuration is in use. */
  readonly configured: (configuration: Configuration) => void;
  readonly levelStory: LevelStory;
  /** This node keeps no state, and of the log no more than it must. */
  readonly isWitness: boolean;
  /** These live records can't be read here: somebody else asked for them. */
  readonly lacking: (positions: readonly number[]) => void;
  /** Room on the disk is short: snapshots are due more often. */
  readonly hurry: () => boolean;
  /** There is a newer snapshot on the disk. */
  readonly trustedChanged: () => void;
  readonly send: (to: NodeId, message: PeerMessage) => void;
  readonly flush: () => void;
  /** Called at most once: nothing is done any more after it. */
  readonly failed: (error: unknown) => void;
}

export interface RaftLoopOptions {
  readonly id: NodeId;
  readonly tickMs: number;
  readonly snapshotBytes: number;
  /** See `ReplicatedLogSettings`. */
  readonly recordBytesPerSecond: number;
}

/** A batch whose write is not on disk yet, or that waits for one before it. */
interface Outstanding {
  readonly batch: RaftBatch;
  durable: boolean;
}

/**
 * Carries out what the pure node decides. Inputs are gathered through one turn of the event loop; at its end batches are taken:
 * messages go out (one write per peer), writes are queued, and what is committed is applied. It never asks for a role but to
 * report it.
 */
export class RaftLoop {
  readonly #ports: RaftLoopPorts;
  readonly #options: RaftLoopOptions;
  readonly #node: RaftNode;
  readonly #applier: Applier;
  readonly #transfers: Transfers;
  readonly #taker: SnapshotTaker;
  readonly #reads = new Reads();
  readonly #trimmer: LogTrimmer;
  readonly #peerReads: PeerReads;
  readonly #installer: SnapshotInstaller;
  readonly #leadership: LeadershipReport;
  #outstanding: Outstanding[] = [];
  #tickedAtMs: number;
  #scheduled = false;
  #stopped = false;
  #commitIndex: number;

  /** `appliedIndex`: what the state machine holds already; `live`: the records that it refers to. */
  constructor(options: RaftLoopOptions, ports: RaftLoopPorts, appliedIndex: number, live: LiveSet) {
    this.#options = options;
    this.#ports = ports;
    this.#node = ports.node;
    this.#commitIndex = appliedIndex;
    this.#tickedAtMs = ports.clock.monotonicMs();
    this.#applier = new Applier(appliedIndex, live, {
      ...ports,
      tail: (from, to) => this.#node.tail(from, to),
      applied: (index) => this.#node.applied(index),
      again: () => this.#schedule(),
      failed: (error) => this.#fail(error),
    });
    this.#transfers = this.#makeTransfers();
    this.#leadership = new LeadershipReport({ ...ports, ended: () => this.#transfers.stopLeading() });
    const input = (given: RaftInput): void => this.input(given);
    const failed = (error: unknown): void => this.#fail(error);
    this.#installer = new SnapshotInstaller({
      ...ports,
      applier: this.#applier,
      input,
      stopped: () => this.#stopped,
      installed: (index, snapshot) => this.#installed(index, snapshot),
      concluded: (snapshot, installed) => this.#transfers.concluded(snapshot, installed),
      failed,
    });
    const taken = (): void => this.#trimmer.tellSnapshot();
    const found = { index: appliedIndex, live: live.freeze() };
    this.#taker = new SnapshotTaker(options, { ...ports, taken, failed }, found);
    const heldIndex = (): number | null => this.#transfers.heldIndex;
    this.#trimmer = new LogTrimmer(appliedIndex, {
      ...ports,
      applier: this.#applier,
      taker: this.#taker,
      heldIndex,
      input,
    });
    this.#peerReads = new PeerReads({ ...ports, input, failed });
    ports.storage.holdLog(heldIndex);
    this.#schedule();
  }

  #makeTransfers(): Transfers {
    const ports = this.#ports;
    const options = { bytesPerSecond: this.#options.recordBytesPerSecond };
    return new Transfers(options, {
      ...ports,
      store: ports.isWitness
        ? new WitnessRecords(ports.storage, this.#applier)
        : new StoredRecords(ports.storage, this.#applier),
      // Nothing lives on a witness.
      lacking: ports.isWitness ? () => {} : ports.lacking,
      members: () => leaderFirst(ports.others(), this.leader),
      send: (to, message) => {
        ports.send(to, message);
        this.#schedule();
      },
      fetching: (missing, sources) => ports.levelStory.fetching(missing, sources),
      matchIndex: (peer) => this.#node.status.peers.find(({ id }) => id === peer)?.matchIndex ?? null,
      sent: (peer, index, delivered) => {
        if (delivered) ports.levelStory.arrived(peer);
        else this.#taker.suspect();
        this.input({ type: 'snapshotSent', peer, index, delivered });
      },
      arrived: (snapshot) => this.#installer.take(snapshot),
      failed: (error) => this.#fail(error),
    });
  }

  get appliedIndex(): number {
    return this.#applier.appliedIndex;
  }

  /** The records that the state machine refers to now. */
  get live(): LivePositions {
    return this.#applier.live;
  }

  /** The newest snapshot on disk, and the records that it refers to. */
  get trusted(): TrustedSnapshot {
    return this.#taker.trusted;
  }

  get status(): RaftStatus {
    return this.#node.status;
  }

  /**
   * Whether this member leads now, with a majority heard lately, and has applied all that was committed before its term. Time that
   * has passed counts first: right after a stall the answer is false.
   */
  get leading(): boolean {
    this.#elapse();
    return !this.#stopped && this.#leadership.leading && this.#node.serving && this.#node.role === 'leader';
  }

  /** The position of the first; the others follow it. Payloads are copied before it returns. */
  propose(payloads: readonly Uint8Array[]): JournalPosition | ProposeRefusal {
    if (this.#stopped) return { reason: 'not-leader', leader: null };
    this.#elapse();
    const answer = this.#node.propose(payloads);
    this.#schedule();
    return typeof answer === 'number' ? (answer as JournalPosition) : answer;
  }

  /** The index of the first entry that it leads to, or why not. */
  changeMembership(change: MembershipChange): number | ChangeRefusal {
    if (this.#stopped) return { reason: 'not-leader', leader: null };
    this.#elapse();
    const answer = this.#node.changeMembership(change);
    this.#schedule();
    return answer;
  }

  /** True: this member leads, and its state holds all that was acknowledged before the call. */
  confirmRead(): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    return this.#reads.ask((context) => this.input({ type: 'readIndex', context }));
  }

  input(input: RaftInput): void {
    if (this.#stopped) return;
    this.#guarded(() => {
      this.#elapse();
      this.#node.step(input);
    });
    this.#schedule();
  }

  receive(message: RaftMessage): void {
    this.#ports.story.heard(message);
    this.input({ type: 'receive', message });
  }

  receiveTransfer(message: SnapshotMessage | RecordsMessage, from: NodeId): void {
    if (!this.#stopped) this.#transfers.receive(message, from);
  }

  /** See `RecordRepair.repair`. */
  repair(damages: readonly RecordDamage[]): Promise<readonly RepairOutcome[]> {
    return this.#transfers.repair(damages);
  }

  /** What is sent to the peer from now on reaches it. */
  reachable(peer: NodeId): void {
    this.input({ type: 'peerUp', peer });
    this.#transfers.reachable(peer);
  }

  /** Some time has passed. */
  tick(): void {
    if (this.#stopped) return;
    this.#guarded(() => this.#elapse());
    this.#transfers.tick();
    this.#trimmer.tellSnapshot();
    this.#schedule();
  }

  get leader(): NodeId | null {
    return this.#node.leader;
  }

  /** Whoever leads has committed something in its term, which it does as soon as it can: it takes proposals. */
  get leaderServes(): boolean {
    const { leader, commitIndex, term } = this.#node;
    return leader !== null && this.#node.termAt(commitIndex) === term;
  }

  /** Nothing is sent, written or applied any more. */
  stop(): void {
    this.#stopped = true;
    this.#reads.stop();
    this.#transfers.stop();
  }

  /** Time goes first, so that no message is judged, and no leadership believed, by a clock that stood still. */
  #elapse(): void {
    const { tickMs } = this.#options;
    const ticks = Math.floor((this.#ports.clock.monotonicMs() - this.#tickedAtMs) / tickMs);
    if (ticks < 1 || this.#stopped) return;
    this.#tickedAtMs += ticks * tickMs;
    this.#node.step({ type: 'tick', ticks });
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#ports.clock.atTurnEnd(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#guarded(() => this.#turn());
    });
  }

  #turn(): void {
    this.#elapse();
    this.#takeBatches();
    this.#installer.dismiss();
    // Before anything of the next leader is applied: the state machine must not take it for its own.
    this.#leadership.tell(this.appliedIndex);
    this.#applier.step(this.#commitIndex);
    this.#reads.applied(this.appliedIndex);
    // Applying may have made this node fit to lead, or the node may have more to say.
    this.#takeBatches();
    this.#leadership.tell(this.appliedIndex);
    this.#ports.flush();
    this.#trimmer.consider();
  }

  #takeBatches(): void {
    while (!this.#installer.shaping) {
      const batch = this.#node.takeBatch();
      if (batch === null) return;
      this.#act(batch);
    }
  }

  #act(batch: RaftBatch): void {
    if (batch.configuration !== null) this.#ports.configured(batch.configuration);
    for (const message of batch.sendNow) this.#ports.send(message.to, message);
    const outstanding: Outstanding = { batch, durable: false };
    this.#outstanding.push(outstanding);
    if (batch.install !== null) {
      void this.#install(batch.install, outstanding);
    } else if (batch.persist === null) {
      outstanding.durable = true;
      this.#release();
    } else {
      this.#ports.storage.write(batch.persist, () => this.#durable(outstanding));
    }
    for (const read of batch.reads) this.#peerReads.begin(read);
    for (const peer of batch.sendSnapshots) {
      this.#ports.levelStory.offering(peer, this.trusted.live.size);
      this.#transfers.sendSnapshot(peer, this.#node.term);
    }
    this.#reads.confirmed(batch.readsConfirmed);
    this.#commitIndex = Math.max(this.#commitIndex, batch.commitIndex);
    this.#trimmer.release(batch.release ?? 0);
  }

  #durable(outstanding: Outstanding): void {
    outstanding.durable = true;
    if (this.#stopped) return;
    this.#guarded(() => {
      this.#elapse();
      this.#release();
    });
    this.#schedule();
  }

  /** Reports what is on disk, in order, and lets out what waited for it. */
  #release(): void {
    for (let first = this.#outstanding[0]; first?.durable === true; first = this.#outstanding[0]) {
      this.#outstanding.shift();
      for (const message of first.batch.sendAfterPersist) this.#ports.send(message.to, message);
      this.#node.step({ type: 'persisted', batch: first.batch.id });
    }
  }

  async #install(installation: Installation, outstanding: Outstanding): Promise<void> {
    try {
      const hardState = outstanding.batch.persist?.hardState ?? null;
      if (await this.#installer.install(installation, hardState)) this.#durable(outstanding);
    } catch (error) {
      this.#fail(error);
    }
  }

  #installed(index: number, snapshot: TrustedSnapshot | null): void {
    this.#trimmer.installed(index);
    if (snapshot === null) return;
    this.#taker.installed(snapshot);
    this.#ports.levelStory.installed();
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    const alone = this.#ports.others().length === 0;
    this.#ports.failed(error instanceof CorruptionError ? new LogDamageError(error, alone) : error);
  }
}

function leaderFirst(members: readonly NodeId[], leader: NodeId | null): readonly NodeId[] {
  if (leader === null || !members.includes(leader)) return members;
  return [leader, ...members.filter((id) => id !== leader)];
}
