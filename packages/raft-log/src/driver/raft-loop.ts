import { assert } from '@lockstep/kernel';
import type { Clock, JournalPosition, Log, NodeId } from '@lockstep/kernel';
import type { ChangeRefusal, Configuration, ConfigurationAt, Installation, MembershipChange } from '../node/index.ts';
import type { Entry, HardState, ProposeRefusal, RaftBatch, RaftInput, RaftMessage, RaftStatus } from '../node/types.ts';
import type { RaftNode } from '../node/raft-node.ts';
import { Applier } from './applier.ts';
import type { TrustedSnapshot } from './compaction/compaction.ts';
import type { ElectionStory } from './election-story.ts';
import { LiveSet } from './live-set.ts';
import type { LivePositions } from './live-set.ts';
import { LogDamageError, LogDamageStory } from './log-damage.ts';
import type { LevelStory } from './membership/level-story.ts';
import type { RepairOutcome } from './payload-reader.ts';
import type { PeerMessage, RecordsMessage, SnapshotMessage } from './peers/messages.ts';
import { Reads } from './reads.ts';
import { StoredRecords } from './records/stored-records.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import type { MachineState } from './snapshot-taker.ts';
import type { ArrivedSnapshot } from './snapshots/snapshot-intake.ts';
import { Transfers } from './snapshots/transfers.ts';
import { CorruptionError, nothingLives } from './storage-types.ts';
import type { RecordDamage, Storage } from './storage-types.ts';
import type { Leadership, StateMachine } from './types.ts';

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

const readBytesMax = 1024 * 1024;

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
  readonly #damage: LogDamageStory;
  #outstanding: Outstanding[] = [];
  #arrived: ArrivedSnapshot | null = null;
  #tickedAtMs: number;
  #scheduled = false;
  #shaping = false;
  #stopped = false;
  /** The newest snapshot that the node knows of. */
  #toldSnapshot: number;
  #commitIndex: number;
  /** On a witness: entries up to here need not be kept. */
  #released = 0;
  #leadership: Leadership = { leading: false, role: 'follower', leader: null, term: 0 };

  /** `appliedIndex`: what the state machine holds already; `live`: the records that it refers to. */
  constructor(options: RaftLoopOptions, ports: RaftLoopPorts, appliedIndex: number, live: LiveSet) {
    this.#options = options;
    this.#ports = ports;
    this.#node = ports.node;
    this.#commitIndex = appliedIndex;
    this.#toldSnapshot = appliedIndex;
    this.#damage = new LogDamageStory(ports.log);
    this.#tickedAtMs = ports.clock.monotonicMs();
    this.#applier = new Applier(appliedIndex, live, {
      ...ports,
      tail: (from, to) => this.#node.tail(from, to),
      applied: (index) => this.#node.applied(index),
      again: () => this.#schedule(),
      failed: (error) => this.#fail(error),
    });
    this.#transfers = this.#makeTransfers();
    const found = { index: appliedIndex, live: live.freeze() };
    this.#taker = new SnapshotTaker(
      options,
      { ...ports, taken: () => this.#tellSnapshot(), failed: (error) => this.#fail(error) },
      found,
    );
    ports.storage.holdLog(() => this.#transfers.heldIndex);
    this.#schedule();
  }

  #makeTransfers(): Transfers {
    const ports = this.#ports;
    const options = { bytesPerSecond: this.#options.recordBytesPerSecond };
    return new Transfers(options, {
      ...ports,
      store: new StoredRecords(ports.storage, this.#applier),
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
      arrived: (snapshot) => this.#take(snapshot),
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
    return !this.#stopped && this.#leadership.leading && this.#node.serving && this.#leads();
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
    this.#tellSnapshot();
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
    this.#dismissArrived();
    // Before anything of the next leader is applied: the state machine must not take it for its own.
    this.#reportLeadership();
    this.#applier.step(this.#commitIndex);
    this.#reads.applied(this.appliedIndex);
    // Applying may have made this node fit to lead, or the node may have more to say.
    this.#takeBatches();
    this.#reportLeadership();
    this.#ports.flush();
    if (this.#ports.isWitness) this.#releaseLog();
    else this.#taker.consider(() => this.#machineState());
  }

  #takeBatches(): void {
    while (!this.#shaping) {
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
    for (const read of batch.reads) void this.#read(read.peer, read.from, read.to);
    for (const peer of batch.sendSnapshots) {
      this.#ports.levelStory.offering(peer, this.trusted.live.size);
      this.#transfers.sendSnapshot(peer, this.#node.term);
    }
    this.#reads.confirmed(batch.readsConfirmed);
    this.#commitIndex = Math.max(this.#commitIndex, batch.commitIndex);
    this.#released = Math.max(this.#released, batch.release ?? 0);
  }

  /** A witness need not keep what it was told: its shape takes its place when it has become much. */
  #releaseLog(): void {
    const appliedIndex = Math.min(this.#released, this.appliedIndex);
    if (appliedIndex <= this.#toldSnapshot) return;
    const configuration = this.#configurationAt(appliedIndex);
    const { persistedIndex } = this.#node;
    this.#taker.release({
      appliedIndex,
      term: this.#node.termAt(appliedIndex),
      persistedIndex,
      live: new LiveSet(),
      configuration,
    });
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

  async #read(peer: NodeId, from: number, to: number): Promise<void> {
    try {
      const entries = await this.#ports.storage.read(from, to, readBytesMax);
      this.input({ type: 'entriesRead', peer, from, entries });
    } catch (error) {
      if (error instanceof CorruptionError && from <= (this.#ports.storage.snapshot?.index ?? 0)) {
        this.#passDamage(error, peer, from);
      } else this.#fail(error);
    }
  }

  /** What the snapshot stands for is not needed from the log: without entries the node takes it for gone, as if the journal had dropped it. */
  #passDamage(damage: CorruptionError, peer: NodeId, index: number): void {
    this.#damage.passed(damage, index, peer);
    // Should a message live in it, a copy is fetched.
    this.#ports.lacking([index]);
    this.input({ type: 'entriesRead', peer, from: index, entries: [] });
  }

  #take(snapshot: ArrivedSnapshot): void {
    this.#arrived = snapshot;
    const { receiver, from, term } = snapshot;
    const { index, term: snapshotTerm } = receiver;
    this.input({ type: 'snapshotReceived', from, term, index, snapshotTerm, configuration: receiver.configuration });
  }

  /** The node had its say in this turn: it did not want the snapshot. */
  #dismissArrived(): void {
    const arrived = this.#arrived;
    if (arrived === null) return;
    this.#arrived = null;
    arrived.receiver.discard().then(
      () => this.#transfers.concluded(arrived, false),
      (error: unknown) => this.#fail(error),
    );
  }

  async #install({ index, term, configuration }: Installation, outstanding: Outstanding): Promise<void> {
    const arrived = this.#arrived;
    this.#arrived = null;
    this.#applier.hold();
    try {
      const { storage, log } = this.#ports;
      const hardState = outstanding.batch.persist?.hardState ?? null;
      if (arrived === null) {
        assert(this.#ports.isWitness, `a snapshot that never came (${index}) is to be installed`);
        await this.#installShape(index, term, configuration, hardState);
      } else {
        const { receiver, live, restore } = arrived;
        assert(receiver.index === index, `a snapshot that never came (${index}) is to be installed`);
        await storage.installSnapshot(receiver, hardState, { committedIndex: this.appliedIndex, live });
        if (this.#stopped) return;
        restore.finish(index as JournalPosition);
        this.#applier.resumeAt(index, live);
        this.#taker.installed({ index, live: live.freeze() });
        this.#toldSnapshot = index;
        log.info(`the snapshot from node ${arrived.from} is in place: the state is that of entry ${index}`);
        this.#transfers.concluded(arrived, true);
        this.#ports.levelStory.installed();
      }
      this.#durable(outstanding);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A witness needs no more of a snapshot than its shape. No batch is taken before the storage knows: its entries follow the shape. */
  async #installShape(
    index: number,
    term: number,
    configuration: ConfigurationAt,
    hardState: HardState | null,
  ): Promise<void> {
    const { storage } = this.#ports;
    this.#shaping = true;
    const shape = await storage.makeShape(index, term, configuration);
    if (this.#stopped) return;
    const installed = storage.installSnapshot(shape, hardState, { committedIndex: 0, live: nothingLives });
    this.#shaping = false;
    await installed;
    if (this.#stopped) return;
    this.#applier.resumeAt(index, new LiveSet());
    this.#toldSnapshot = index;
  }

  #leads(): boolean {
    return this.#node.role === 'leader';
  }

  #reportLeadership(): void {
    const { role, term, leader } = this.#node;
    const before = this.#leadership;
    this.#ports.story.tell(this.#node);
    const stillLeading = before.leading && role === 'leader' && before.term === term;
    // The first entry of a term is the leader's own: with it applied, so is all that was committed before (Raft §8).
    const nowLeading = role === 'leader' && this.#node.serving && this.#node.termAt(this.appliedIndex) === term;
    const leading = stillLeading || nowLeading;
    if (before.leading === leading && before.role === role && before.leader === leader && before.term === term) return;
    if (before.role === 'leader' && (role !== 'leader' || before.term !== term)) this.#transfers.stopLeading();
    this.#leadership = { leading, role, leader, term };
    this.#ports.machine.leadershipChanged(this.#leadership);
  }

  /** What a snapshot taken now would be of. */
  #machineState(): MachineState {
    const { appliedIndex, live } = this.#applier;
    const term = this.#node.termAt(appliedIndex);
    const { persistedIndex } = this.#node.status;
    return { appliedIndex, live, term, persistedIndex, configuration: this.#configurationAt(appliedIndex) };
  }

  /**
   * Tells the node of the newest snapshot. Of the log it then forgets what the one before stood for, its last entry included: not while that one, or an
   * older one, is on its way to somebody, who will go on right behind it.
   */
  #tellSnapshot(): void {
    const index = this.#ports.storage.snapshot?.index ?? 0;
    const held = this.#transfers.heldIndex;
    if (this.#taker.taking || index <= this.#toldSnapshot || (held !== null && this.#toldSnapshot >= held)) return;
    this.#toldSnapshot = index;
    this.input({ type: 'snapshotTaken', index });
  }

  /** Null: no entry has brought one, so the founding members are still those of every identity file. */
  #configurationAt(index: number): ConfigurationAt | null {
    const found = this.#node.configurationAt(index);
    return found.index === 0 ? null : found;
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
