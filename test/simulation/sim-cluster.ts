import { BrokerNode } from '@lockstep/broker';
import { StreamRules } from '@lockstep/core';
import type { BrokerNodeOptions } from '@lockstep/broker';
import { DiskError, silentLog } from '@lockstep/kernel';
import type { Address, BrokerId, Disk, Log, NodeId } from '@lockstep/kernel';
import { isJoint, LogDamageError, membersOf, RaftNode } from '@lockstep/raft-log';
import type { Configuration, RaftOptions } from '@lockstep/raft-log';
import type { EventOwner, SimHost, SimProcess, SimWorld } from '@lockstep/testkit';

import type { NodeView } from './invariants.ts';
import { Sightings } from './sightings.ts';
import { Promises } from './promises.ts';
import type { Scenario } from './scenario.ts';
import { SessionWatch } from './sessions/session-watch.ts';
import type { WatchedNode } from './sessions/session-watch.ts';
import { Story } from './story.ts';
import { StrayMessages } from './stray-messages.ts';

const peerPort = 61619;
const stompPort = 61613;

/** Where other members reach it, as changes of membership want it. */
export const peerAddressOf = (name: string): string => `${name}:${peerPort}`;

/** A deliberate bug, to prove that the simulation sees it. */
export interface ClusterMutation {
  /** fsync answers without having done anything. */
  readonly lieAboutSync?: boolean;
  /** Puts something between the node and its disk. */
  readonly disk?: (disk: Disk) => Disk;
  readonly options?: (options: BrokerNodeOptions) => BrokerNodeOptions;
  /** Nothing but these goes wrong: a bug that only one play of events shows. */
  readonly faults?: readonly string[];
}

/** One member: a host whose process comes and goes. */
export class SimNode {
  readonly name: string;
  readonly host: SimHost;
  /** It votes, and has no state. */
  readonly witness: boolean;
  process: SimProcess | null = null;
  node: BrokerNode | null = null;
  #view: NodeView | null = null;
  /** Of its present life. */
  sightings: Sightings | null = null;
  /** Counts the disks that it has had. */
  disk = 0;
  /** The program on it knows no format level above this; null: it is today's. */
  levelMax: number | null = null;
  /** A fault of its disk is set: whoever set it starts the node again. */
  diskFails = false;
  /** `SimDevice.failures` when its process began. */
  failuresBefore = 0;
  /** The newest configuration in its log is a joint one, committed or not; as when it was last told of one. */
  isJoint = false;
  /** One of its reads brings what stands elsewhere: it may find its disk damaged. */
  misreads = false;
  constructor(name: string, host: SimHost, witness: boolean) {
    this.name = name;
    this.host = host;
    this.witness = witness;
  }

  /** What the invariants look at; null while it does not run, or is not yet a member. */
  get view(): NodeView | null {
    const { node } = this;
    const raft = node?.log.raft ?? null;
    if (node === null || raft === null || this.process?.state !== 'running') return null;
    if (this.#view?.raft !== raft) {
      const { name, disk, witness } = this;
      this.#view = { name, disk, witness, raft, applied: () => node.applied, digest: () => node.digest() };
    }
    return this.#view;
  }
}

/** Is its configuration joint, or the entry that ends a joint one not committed yet, as far as it knows? */
export function isExchanging({ node }: SimNode): boolean {
  const raft = node?.log.raft ?? null;
  if (raft === null) return false;
  const { configuration, configurationCommitted } = raft.status;
  if (isJoint(configuration.configuration)) return true;
  return !configurationCommitted && isJoint(raft.configurationAt(configuration.index - 1).configuration);
}

/** A logical broker of several nodes on simulated machines: the same nodes as in production, on other ports to the world. */
export class SimCluster {
  readonly nodes: readonly SimNode[];
  readonly #world: SimWorld;
  readonly #mutation: ClusterMutation;
  readonly #scenario: Scenario;
  readonly #founders: readonly NodeId[];
  readonly #log: ((name: string) => Log) | null;
  readonly #promises = new Promises({
    broken: (violation) => (this.failure ??= violation),
    configured: (name, configuration) => {
      const member = this.nodes.find((one) => one.name === name);
      if (member === undefined) return;
      member.isJoint = isJoint(configuration);
      if (!member.isJoint) return;
      this.story.saw('membership: joint configurations taken up');
      this.onJoint(member);
    },
    handedOver: (from, to, term) => this.onHandOver(from, to, term),
    readConfirmed: () => this.story.saw('reads confirmed'),
  });
  readonly story: Story = new Story();
  readonly sessions: SessionWatch = new SessionWatch((violation) => (this.failure ??= violation));
  readonly strays: StrayMessages = new StrayMessages(this);
  /** Called when a node has taken up a joint configuration. */
  onJoint: (member: SimNode) => void = () => {};
  /** Called when a leader of that term tells another to campaign. */
  onHandOver: (from: string, to: string, term: number) => void = () => {};
  /** Called when a node has begun to receive a snapshot. */
  onSnapshotOffered: (member: SimNode) => void = () => {};
  /** Called when a node was given an empty disk for its damaged one. */
  onDiskReplaced: (member: SimNode) => void = () => {};
  /** Called when a node that was stopped for a while goes on, before anything that it missed comes to it. */
  onResumed: (member: SimNode) => void = () => {};
  /** Called after every step of the run. */
  readonly watchers: Set<() => void> = new Set();
  /** Clients are at work. */
  underLoad: boolean;
  /** How often a process was stopped for a while. */
  pauses = 0;
  /** A node that ended by itself, which no fault of a simulated run may cause. */
  failure: Error | null = null;

  constructor(world: SimWorld, scenario: Scenario, mutation: ClusterMutation, log: ((name: string) => Log) | null) {
    this.#world = world;
    this.#mutation = mutation;
    this.#scenario = scenario;
    this.#founders = scenario.nodes as readonly NodeId[];
    this.#log = log;
    this.underLoad = true;
    this.nodes = [...scenario.nodes, ...scenario.spares].map(
      (name) => new SimNode(name, world.host(name), scenario.witnesses.includes(name)),
    );
    for (const node of this.nodes) if (scenario.old.includes(node.name)) node.levelMax = 1;
  }

  get addresses(): readonly Address[] {
    return this.nodes.map(({ name }) => ({ host: name, port: stompPort }));
  }

  /** The last entry that some member has called committed. */
  get committed(): number {
    return this.#promises.committed;
  }

  get views(): NodeView[] {
    const views: NodeView[] = [];
    for (const { view } of this.nodes) if (view !== null) views.push(view);
    return views;
  }

  /** Of the member whose process that is; null when it is not to be looked at now, or somebody else's. */
  viewOf(process: EventOwner): NodeView | null {
    return this.nodes.find((member) => member.process === process)?.view ?? null;
  }

  /** Harmless when it runs. */
  start(member: SimNode): void {
    if (member.process !== null) return;
    member.host.device.lieAboutSync = this.#mutation.lieAboutSync ?? false;
    const process = member.host.start();
    if (member.levelMax !== null && process.random.fork('upgrade').chance(0.3)) {
      member.levelMax = null;
      this.story.saw('programs upgraded at a restart');
    }
    member.process = process;
    member.failuresBefore = member.host.device.failures;
    void this.#run(member, process);
  }

  /** The one that leads in the newest term, as it sees itself. */
  get leader(): SimNode | undefined {
    const leading = this.nodes.filter(({ node }) => node?.log.raft?.role === 'leader');
    return leading.toSorted((a, b) => (b.node?.log.raft?.term ?? 0) - (a.node?.log.raft?.term ?? 0))[0];
  }

  /** From here on all run today's program. */
  upgradeAll(): void {
    for (const member of this.nodes) {
      if (member.levelMax === null) continue;
      member.levelMax = null;
      if (member.process === null) continue;
      this.story.saw('programs upgraded at the end');
      this.kill(member);
      this.start(member);
    }
  }

  /** As the leader has it; null while nobody leads. */
  get configuration(): Configuration | null {
    return this.leader?.node?.log.raft?.configuration ?? null;
  }

  /** By the newest configuration that a running node knows; before there is one, the founders. */
  get members(): readonly NodeId[] {
    const { configuration } = this;
    return configuration === null ? this.#founders : membersOf(configuration);
  }

  /** What was started first founds the cluster; what comes later is told of the members as they are. */
  #configured(member: SimNode): readonly NodeId[] {
    if (this.#scenario.spares.length === 0) return this.#founders;
    return [...new Set([...this.members, member.name as NodeId])];
  }

  /** SIGKILL. */
  kill(member: SimNode): void {
    if (member.process === null) return;
    member.host.kill(member.process);
    this.#gone(member);
  }

  /** The machine goes down; what was not synced may be gone. */
  crash(member: SimNode, silent: boolean): void {
    if (member.host.device.hasUnsyncedChanges) this.story.saw('crashes of machines with unsynced writes');
    member.host.crash({ silent });
    this.#gone(member);
  }

  /** Its disk is replaced by an empty one. It must not run. */
  wipe(member: SimNode): void {
    member.host.replaceDisk();
    member.disk++;
    member.isJoint = false;
    this.#promises.forget(member.name);
  }

  #gone(member: SimNode): void {
    if (isExchanging(member)) {
      this.story.saw('membership: crashes while joint');
      if (member === this.leader) this.story.saw("membership: leaders' crashes while joint");
    }
    member.sightings?.died();
    member.sightings = null;
    member.process = null;
    member.node = null;
  }

  async #run(member: SimNode, process: SimProcess): Promise<void> {
    const sightings = new Sightings(this.story);
    member.sightings = sightings;
    member.host.device.noticed = (operation, path) => sightings.did(operation, path);
    const disk = this.#mutation.disk?.(process.disk) ?? process.disk;
    const watched = this.#watched(member, process);
    const log = this.story.listen(this.#log?.(member.name) ?? silentLog, (tale) => {
      if (tale === 'snapshots offered') this.onSnapshotOffered(member);
      sightings.heard(tale, this.underLoad);
      this.sessions.heard(watched, tale);
    });
    const shared = nodeOptions(
      member.name,
      this.#configured(member),
      process,
      disk,
      log,
      this.nodes.length === 1,
      this.#scenario,
    );
    const { witness, levelMax } = member;
    const plain: BrokerNodeOptions = { ...shared, cluster: { ...shared.cluster, witness }, levelMax };
    const mutated = this.#mutation.options?.(plain) ?? plain;
    const make = mutated.makeRaftNode ?? ((raft: RaftOptions): RaftNode => new RaftNode(raft));
    const options: BrokerNodeOptions = {
      ...mutated,
      network: this.sessions.network(watched, mutated.network, stompPort),
      streamRules: this.sessions.rules(mutated.streamRules ?? new StreamRules()),
      makeRaftNode: (raft) => {
        const node = this.#promises.watch(member.name, make(raft), () => member.host.device);
        return this.sessions.log(this.strays.deliver(member, node));
      },
    };
    try {
      const node = await BrokerNode.start(options);
      if (member.process !== process) return;
      member.node = node;
      node.onFailure((error) => this.#failed(member, process, error));
    } catch (error) {
      this.#failed(member, process, error as Error);
    }
  }

  #watched(member: SimNode, process: SimProcess): WatchedNode {
    const { simulation } = this.#world;
    const applied = (): number => (member.process === process ? (member.node?.applied ?? 0) : 0);
    return { name: member.name, process, applied, nowMs: () => simulation.nowMs };
  }

  #failed(member: SimNode, process: SimProcess, error: Error): void {
    if (member.process !== process || process.state === 'dead') return;
    const damaged = member.host.device.rottenBytes > 0 || member.misreads;
    if (error.name === 'CorruptionError' && damaged && this.nodes.length > 1) {
      this.story.saw('damaged disks replaced');
      this.kill(member);
      this.wipe(member);
      this.onDiskReplaced(member);
      this.#startSoon(member);
      return;
    }
    if (error instanceof LogDamageError && damaged && this.nodes.length > 1) {
      this.story.saw('nodes ended by damage in their log');
      this.kill(member);
      this.#startSoon(member);
      return;
    }
    if (!(error instanceof DiskError) || member.host.device.failures === member.failuresBefore) {
      this.failure ??= error;
      return;
    }
    // What the program does: it exits.
    this.story.saw('nodes ended by their disk');
    this.kill(member);
    // What failed may have been waited for until after the fault's end.
    if (!member.diskFails) this.#startSoon(member);
  }

  #startSoon(member: SimNode): void {
    this.#world.simulation.schedule(100, 'start', null, () => this.start(member));
  }

  /** For the runner: the world that all this happens in. */
  get world(): SimWorld {
    return this.#world;
  }
}

function nodeOptions(
  name: string,
  members: readonly NodeId[],
  process: SimProcess,
  disk: Disk,
  log: Log,
  alone: boolean,
  { sizes: { segmentBytes, snapshotBytes, ...logSettings }, patience }: Scenario,
): BrokerNodeOptions {
  return {
    broker: 'sim' as BrokerId,
    node: name as NodeId,
    version: '0.0.0-simulated',
    hostName: name,
    clock: process.clock,
    random: process.random,
    disk,
    network: process.network,
    log,
    listeners: [{ kind: 'stomp', listen: { host: name, port: stompPort }, advertise: null }],
    cluster: {
      members: members.map((id) => ({ id, address: { host: id, port: peerPort } })),
      listen: alone ? null : { host: name, port: peerPort },
      secret: null,
      refusedMeansDead: true,
      electionMs: 500,
      heartbeatMs: 100,
      ...patience,
    },
    slaveClients: 'serve',
    journal: {
      fsync: 'always',
      segmentBytes,
      snapshotBytes,
      softLimitBytes: null,
      hardLimitBytes: null,
      cacheBytes: 1024 * 1024,
    },
    logSettings,
    limits: {
      headerBytes: 64 * 1024,
      headers: 100,
      bodyBytes: 1024 * 1024,
      halfSentBytes: 64 * 1024 * 1024,
      indexBytes: 64 * 1024 * 1024,
      connections: 1000,
      subscriptions: 100,
      transactions: 100,
      transactionFrames: 1000,
      transactionBytes: 4 * 1024 * 1024,
      connectMs: 10_000,
      sendWaitMs: 30_000,
      topicBacklogBytes: 1024 * 1024,
    },
  };
}
