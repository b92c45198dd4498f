import { assert } from '@lockstep/kernel';
import type { Address, Connection, JournalPosition, Log, NodeId, Timer } from '@lockstep/kernel';
import type { Configuration, ProposeRefusal, Standing } from '../node/index.ts';
import type { RaftNode } from '../node/raft-node.ts';
import { beginNode, hasNoState, machineOf, recoverState, tellStart, writeStanding } from './begin-member.ts';
import { DeadMembers } from './dead-members.ts';
import { DiskKeeper } from './disk-keeper.ts';
import type { DiskReport } from './disk-keeper.ts';
import { ReservedDisk } from './disk-limits/reserved-disk.ts';
import { ElectionStory } from './election-story.ts';
import { Founding, makeId } from './founding.ts';
import { cappedLevels } from './levels.ts';
import type { LevelRange } from './levels.ts';
import type { LocalIdentity } from './peers/hello.ts';
import type { LiveSet } from './live-set.ts';
import { configurationFound } from './membership/founding-configuration.ts';
import type { MemberControl } from './membership/member-changes.ts';
import { MembershipDriver } from './membership/membership-driver.ts';
import { PeerTraffic } from './peer-traffic.ts';
import type { PeerMessage } from './peers/messages.ts';
import type { PayloadRead } from './payload-reader.ts';
import { localIdentity, openTransport } from './open-transport.ts';
import type { PeerTransport } from './peers/peer-transport.ts';
import { RaftLoop } from './raft-loop.ts';
import { defaultSettings } from './replicated-log-options.ts';
import type { ReplicatedLogOptions, ReplicatedLogSettings, ReplicatedLogStatus } from './replicated-log-options.ts';
import { RetainedRecords } from './retained-records.ts';
import type { Storage } from './storage-types.ts';
import { entryPayload, openStorage } from './storage/index.ts';
import { HandOver } from './hand-over.ts';

export type ChannelHandler = (connection: Connection, from: NodeId) => void;

/** Kept back on the disk: room for what must go on when it is full. */
const reservedSegments = 2;
/** A stall counts as little silence of the peers: what they sent meanwhile has not been read yet. */
const stallTicksMax = 2;

/** What was found in the data directory. `live`: what the state found there refers to. */
interface Opened {
  readonly disk: ReservedDisk;
  readonly storage: Storage;
  readonly live: LiveSet;
}

/**
 * The replicated journal of one member: what is proposed on the one that leads is applied to the state machine of every member, in
 * one order, once a majority has it on disk.
 */
export class ReplicatedLog {
  readonly #options: ReplicatedLogOptions;
  readonly #settings: ReplicatedLogSettings;
  readonly #log: Log;
  readonly #storage: Storage;
  /** What the state found on this disk refers to. */
  readonly #recoveredLive: LiveSet;
  readonly #incarnation: string;
  /** Of this process. */
  readonly #run: string;
  readonly #levels: LevelRange;
  readonly #founding: Founding;
  readonly #members: MembershipDriver;
  readonly #records: RetainedRecords;
  readonly #story: ElectionStory;
  readonly #keeper: DiskKeeper;
  readonly #dead: DeadMembers;
  readonly #traffic: PeerTraffic;
  readonly #failureListeners: ((error: Error) => void)[] = [];
  #transport: PeerTransport | null = null;
  #loop: RaftLoop | null = null;
  readonly #handOver: HandOver;
  #onChannel: ChannelHandler | null = null;
  #raft: RaftNode | null = null;
  #timer: Timer | null = null;
  #tickedAtMs: number;
  #failure: Error | null = null;
  #closed = false;

  private constructor(options: ReplicatedLogOptions, settings: ReplicatedLogSettings, opened: Opened) {
    const { disk, storage, live } = opened;
    this.#options = options;
    this.#recoveredLive = live;
    this.#settings = settings;
    this.#log = options.log;
    this.#storage = storage;
    this.#tickedAtMs = options.clock.monotonicMs();
    const { identity } = storage;
    this.#incarnation = identity?.incarnation ?? makeId(options.random);
    this.#run = makeId(options.random);
    this.#levels = cappedLevels(options.levelMax ?? null);
    this.#members = this.#makeMembers();
    this.#handOver = new HandOver(options.node, options.clock, settings.electionMs);
    this.#story = new ElectionStory(options.log, options.node, () => this.#members.membership.voterCount);
    this.#dead = new DeadMembers({ story: this.#story, input: (input) => this.#loop?.input(input) });
    this.#founding = this.#makeFounding();
    this.#traffic = new PeerTraffic({
      ...{ members: this.#members, founding: this.#founding, dead: this.#dead },
      loop: () => this.#loop,
      isUp: (peer) => this.#transport?.isUp(peer) === true,
      refusedMeansDead: settings.refusedMeansDead,
    });
    this.#records = this.#makeRecords();
    this.#keeper = new DiskKeeper(settings, {
      ...{ clock: options.clock, log: options.log, disk, storage },
      readPayloads: (positions) => this.readPayloads(positions),
      handOver: (to) => void this.transferLeadership(to),
      failed: (error) => this.#fail(error),
    });
    storage.onFailure((error) => this.#fail(error));
  }

  /**
   * Resolves when the journal is recovered, the state machine stands at its newest snapshot, and the peer listener is open; a
   * leader need not be known by then.
   * @throws CorruptionError, NetworkError, DiskError, or an Error that says what in the data directory does not fit the options.
   */
  static async open(options: ReplicatedLogOptions): Promise<ReplicatedLog> {
    const settings = { ...defaultSettings, ...options.settings };
    const { log, clock } = options;
    const { segmentBytes, fsync, cacheBytes } = settings;
    const disk = await ReservedDisk.open(options.disk, log, reservedSegments * segmentBytes);
    const storage = await openStorage({ disk, log, clock, segmentBytes, fsync, cacheBytes });
    try {
      const live = await recoverState(options, storage);
      const replicated = new ReplicatedLog(options, settings, { disk, storage, live });
      await replicated.#open();
      return replicated;
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /**
   * The position of the first payload; the others follow one by one. Each is copied before this returns. Being taken is no promise:
   * what counts is that the state machine is shown it.
   */
  propose(payloads: readonly Uint8Array[]): JournalPosition | ProposeRefusal {
    for (const payload of payloads) {
      assert(payload.length <= this.#settings.payloadBytesMax, `a proposal of ${payload.length} bytes is too large`);
    }
    return this.#loop?.propose(payloads) ?? { reason: 'not-leader', leader: null };
  }

  /** The command applied at `position`, if it is in memory: a view of what never changes. */
  payload(position: JournalPosition): Uint8Array | null {
    return this.#records.payload(position);
  }

  /**
   * The commands applied at these positions, in this order, from wherever they are. `gone`: the machine has released it, perhaps while this was
   * under way. `lost`: it was damaged on this disk, and no other member has it either; that is logged. It takes long when members have
   * to be asked. Never rejects; never resolves when the disk fails, since then the process ends.
   */
  readPayloads(positions: readonly JournalPosition[]): Promise<readonly PayloadRead[]> {
    return this.#records.readPayloads(positions);
  }

  /**
   * Whether this member leads, has heard a majority lately, and has applied all that was committed before. Time that has passed
   * counts first: after a stall the answer is false until a majority has been heard again.
   */
  get leading(): boolean {
    return this.#loop?.leading ?? false;
  }

  /** How full and how slow this member's disk is. Nothing is refused here for it: that is for whoever proposes. */
  get disk(): DiskReport {
    return this.#keeper;
  }

  /** Where peers dial in; null without a listener. */
  get peerAddress(): Address | null {
    return this.#transport?.address ?? null;
  }

  get status(): ReplicatedLogStatus {
    const raft = this.#loop?.status ?? null;
    return {
      node: this.#options.node,
      clusterId: this.#founding.clusterId,
      state: this.#founding.state,
      waitingFor: this.#loop === null ? this.#founding.missing : [],
      raft,
      leading: this.leading,
      appliedIndex: this.#loop?.appliedIndex ?? this.#storage.recovered.snapshotIndex,
      level: this.#members.membership.level,
      removed: this.#members.removed,
      members: this.#members.statuses,
    };
  }

  /** What that member last said of itself (`ReplicatedLogOptions.about`); null until it has been heard. */
  aboutMember(member: NodeId): string | null {
    return this.#members.about(member);
  }

  /** The pure node, for the simulation's invariants; null until this node is a member of a cluster. */
  get raft(): RaftNode | null {
    return this.#raft;
  }

  /** Hands leadership to that member, or to the one that is furthest. True: another leads now. False: it was given up, or there was none to hand over. */
  transferLeadership(to: NodeId | null = null): Promise<boolean> {
    const loop = this.#loop;
    if (loop === null || loop.status.role !== 'leader' || this.#members.membership.peers.size === 0) {
      return Promise.resolve(false);
    }
    return this.#handOver.begin(() => loop.input({ type: 'transfer', to }));
  }

  /** Changes of membership and of leadership, and views of the members: on whichever member, since the one that leads is asked. */
  get members(): MemberControl {
    return this.#members.changes;
  }

  /** Takes the channels that other members open to this one while it leads. The handler starts the connection. */
  onChannel(handler: ChannelHandler): void {
    this.#onChannel = handler;
  }

  /** Opens a channel to a member that leads: what goes over it is the caller's, from the first byte on. Rejects when it does not lead or can't be reached. */
  dialChannel(to: NodeId): Promise<Connection> {
    return this.#transport?.dialChannel(to) ?? Promise.reject(new Error('the replicated log is closed'));
  }

  /** While this member leads, these are told of each commit at once, rather than with the next entries or at the next tick: somebody there waits for it. */
  keepPosted(members: ReadonlySet<NodeId>): void {
    this.#loop?.input({ type: 'keepPosted', peers: members });
  }

  /** Told when this node has become no member of the cluster any more, or one again: `status.removed`. */
  onRemoved(listener: (removed: boolean) => void): void {
    this.#members.onRemoved(listener);
  }

  /** Empty with `refusedMeansDead: false`. */
  get dead(): Pick<DeadMembers, 'has' | 'onDeath'> {
    return this.#dead;
  }

  /** While this member leads: it has heard nothing of that one for an election time-out. */
  isSilent(member: NodeId): boolean {
    return this.#loop?.status.peers.some(({ id, alive }) => id === member && !alive) === true;
  }

  /** The disk failed, or an invariant did not hold: the process must end. Called once; at once when it has happened already. */
  onFailure(listener: (error: Error) => void): void {
    this.#failureListeners.push(listener);
    if (this.#failure !== null) listener(this.#failure);
  }

  /** Stops, flushes what is queued, closes the files. A leader that wants to go quietly hands leadership over before. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#loop?.stop();
    this.#records.stop();
    this.#handOver.giveUp();
    this.#members.changes.stop();
    await this.#transport?.close();
    if (this.#failure !== null) return;
    await this.#keeper.stop();
    await this.#storage.close();
  }

  async #open(): Promise<void> {
    const { identity, recovered } = this.#storage;
    const { membership } = this.#members;
    if (identity !== null) membership.use(configurationFound(recovered, identity, this.#options.members));
    const shown = { local: () => this.#local(), peers: membership.peers };
    this.#transport = await openTransport(this.#options, this.#settings, shown, {
      message: (message, from) => this.#traffic.receive(message, from),
      reachable: (peer) => this.#traffic.reachable(peer),
      nobodyListens: (peer) => this.#traffic.nobodyListens(peer),
      greeted: (hello) => this.#traffic.greeted(hello),
      judged: (hello) => this.#members.judged(hello),
      removed: (by) => this.#members.disowned(by),
      acceptsChannels: () => this.leading && this.#onChannel !== null,
      channel: (connection, from) => this.#onChannel?.(connection, from),
    });
    if (membership.configuration !== null) membership.tellDifferences();
    this.#tick();
    this.#founding.reconsider();
    this.#keeper.limits.start();
  }

  #local(): LocalIdentity {
    const { clusterId, state } = this.#founding;
    const own = { levels: this.#levels, incarnation: this.#incarnation, run: this.#run };
    return localIdentity(this.#options, { clusterId, state, level: this.#members.membership.level, ...own });
  }

  #makeMembers(): MembershipDriver {
    const { node, members, clock, log } = this.#options;
    return new MembershipDriver({ node, configured: members }, this.#levels, {
      ...{ clock, log },
      raft: () => this.#loop?.status ?? null,
      leading: () => this.leading,
      isUp: (peer) => this.#transport?.isUp(peer) === true,
      setPeers: (peers) => this.#transport?.setPeers(peers),
      send: (to, message) => this.#send(to, message),
      propose: (change) => this.#loop?.changeMembership(change) ?? { reason: 'not-leader', leader: null },
      transfer: (to) => this.transferLeadership(to),
      confirmRead: async () => this.#loop?.confirmRead() ?? false,
      // Whether it worked the storage itself says.
      committed: (configuration) => void this.#storage.followMembers(configuration).catch(() => {}),
    });
  }

  #makeFounding(): Founding {
    const { node, broker, clock, random, log, members, witness = false } = this.#options;
    const { identity } = this.#storage;
    const founders = identity?.members ?? members.map(({ id }) => id);
    const levelMax = this.#levels.max;
    const options = { node, broker, members: founders, identity, incarnation: this.#incarnation, witness, levelMax };
    return new Founding(options, {
      ...{ clock, random, log },
      writeIdentity: (next) => this.#storage.writeIdentity(next),
      writeStanding: (standing) => writeStanding(this.#storage, standing),
      send: (to, message) => this.#send(to, message),
      peers: () => this.#members.membership.peers.keys(),
      configuration: () => this.#members.encoded,
      founded: (standing) => this.#start(identity?.state === 'founded' ? null : standing),
      failed: (error) => this.#fail(error),
    });
  }

  /** At once: what is not of the Raft loop's turn. */
  #send(to: NodeId, message: PeerMessage): void {
    this.#transport?.send(to, message);
    this.#transport?.flush();
  }

  #makeRecords(): RetainedRecords {
    const { clock } = this.#options;
    return new RetainedRecords({
      ...{ clock, log: this.#log, storage: this.#storage },
      live: () => this.#loop?.live ?? this.#recoveredLive,
      appliedIndex: () => this.#loop?.appliedIndex ?? 0,
      inMemory: (position) => this.#raft?.entryInMemory(position) ?? null,
      repair: (damages) => this.#loop?.repair(damages) ?? null,
      failed: (error) => this.#fail(error),
    });
  }

  /** `standing`: this node has just become a member; null: it was one, and its disk says how it stands. */
  #start(standing: Standing | null): void {
    if (this.#closed || this.#failure !== null) return;
    const { node: id, clock, log } = this.#options;
    const found = this.#storage.recovered;
    const node = beginNode(this.#options, this.#settings, this.#storage, standing);
    this.#raft = node;
    this.#members.membership.use(node.configuration);
    tellStart(log, id, this.#founding.clusterId ?? '', found.lastIndex, standing);
    const loop = new RaftLoop(
      { id, ...this.#settings },
      {
        ...{ clock, log, node, storage: this.#storage, entryPayload },
        ...{ machine: machineOf(this.#options, this.#storage), story: this.#story },
        others: () => this.#members.membership.holders,
        witnesses: () => this.#members.membership.witnesses,
        configured: (configuration) => this.#configured(configuration),
        isWitness: hasNoState(this.#options, this.#storage),
        levelStory: this.#members.levelStory,
        reachable: (peer) => this.#transport?.isUp(peer) === true,
        lacking: (positions) => void this.#records.readPayloads(positions as readonly JournalPosition[]),
        hurry: () => this.#keeper.hurry,
        trustedChanged: () => this.#keeper.kick(),
        send: (to, message) => this.#transport?.send(to, message),
        flush: () => this.#transport?.flush(),
        failed: (error) => this.#fail(error),
      },
      found.snapshotIndex,
      this.#recoveredLive,
    );
    this.#loop = loop;
    this.#keeper.tend(() => loop.trusted);
    this.#records.complete();
    this.#traffic.tell(loop);
  }

  #configured(configuration: Configuration): void {
    this.#members.membership.use(configuration);
    // Who is about to join learns from anybody where the others are.
    this.#founding.announce();
  }

  #tick(): void {
    const { clock } = this.#options;
    const { tickMs } = this.#settings;
    const now = clock.monotonicMs();
    this.#transport?.tick(Math.min(now - this.#tickedAtMs, tickMs * stallTicksMax));
    this.#tickedAtMs = now;
    this.#founding.tick();
    this.#loop?.tick();
    this.#keeper.tick(this.#loop?.status ?? null);
    this.#settleHandOver();
    this.#members.tick();
    this.#timer = clock.setTimer(tickMs, () => this.#tick());
  }

  #settleHandOver(): void {
    if (this.#loop === null || !this.#handOver.isUnderWay) return;
    // When a whole cluster is stopped, its leader need not wait for members that have ended.
    const alone = [...this.#members.membership.peers.keys()].every((id) => this.#dead.has(id));
    this.#handOver.settle(this.#loop.leader, this.#loop.leaderServes, alone);
  }

  #fail(error: unknown): void {
    if (this.#failure !== null || this.#closed) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#timer?.cancel();
    this.#loop?.stop();
    this.#handOver.giveUp();
    this.#members.changes.stop();
    this.#log.error(`this node can't go on: ${this.#failure.message}`);
    void this.#keeper.stop();
    void this.#transport?.close();
    for (const listener of this.#failureListeners) listener(this.#failure);
  }
}
