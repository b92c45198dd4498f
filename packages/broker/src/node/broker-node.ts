import { Broker, defaultBrokerOptions, StreamRules } from '@lockstep/core';
import type { BrokerEffect, QueueStatus } from '@lockstep/core';
import { assert } from '@lockstep/kernel';
import type { Address, Connection, JournalPosition, NodeId } from '@lockstep/kernel';
import { ReplicatedLog } from '@lockstep/raft-log';
import type { Leadership, MemberOutcome, SnapshotRestore, StateMachine } from '@lockstep/raft-log';
import type { AccessControl } from '@lockstep/stomp-server';
import { ConnectionCount, defaultFlowOptions, InputBudget, SessionIds, StompConnection } from '@lockstep/stomp-server';

import { addressList, ClientListeners } from './client-listeners.ts';
import { explainerOf } from './explain/explainer-of.ts';
import type { Explainer } from './explain/explainer.ts';
import type { Explanation, MasterWait } from './explain/types.ts';
import { aboutListeners, advertisedAddress, failoverUri } from './failover-uri.ts';
import { membershipChange } from './members-change.ts';
import { nodeRole, nodeStatus, ownPart, partMember, readiness } from './node-status.ts';
import { SessionHost } from './session-host.ts';
import type {
  BoundListener,
  BrokerNodeOptions,
  ListenerKind,
  ListenerOptions,
  MembersAnswer,
  MembersChange,
  NodeRole,
  NodeStatus,
  Readiness,
  RunningNode,
} from './types.ts';

const mebibyte = 1024 * 1024;
/** What the SENDs of one node may have outstanding: beyond it no more is read from its clients. Well below what the log would refuse. */
const windowBytes = 32 * mebibyte;
/** The same while room on the disk is short: so producers are slowed to the pace of the slowest disk that counts. */
const windowUnderPressureBytes = 64 * 1024;
const uncommittedBytesMax = 256 * mebibyte;
/** A node that takes in too slowly what the master has for it loses its channel. Beside it there is room for one transaction. */
const unsentBytesMax = 64 * mebibyte;
/** A connection above the limit waits so long before it is closed. */
const excessWaitMs = 1500;
/** Bounds on the steps of a clean stop. */
const answersWaitMs = 5000;
const returnsWaitMs = 1000;

/** One node of a logical broker: replicated log, broker, sessions and listeners, put together. */
export class BrokerNode implements RunningNode {
  readonly #options: BrokerNodeOptions;
  readonly #broker: Broker;
  readonly #host: SessionHost;
  readonly #connections: ConnectionCount;
  readonly #inputBudget: InputBudget;
  readonly #sessionIds: SessionIds;
  readonly #listeners: ClientListeners;
  /** Who comes in by which listener. */
  readonly #doors = new Map<ListenerOptions, AccessControl>();
  readonly #roleListeners: ((role: NodeRole, master: NodeId | null) => void)[] = [];
  /** Null until it is open: what depends on it is asked from the outside, or by it. */
  #log: ReplicatedLog | null = null;
  /** Null until the log is open. */
  #explainer: Explainer | null = null;
  #leadership: Leadership | null = null;
  #told: { readonly role: NodeRole; readonly master: NodeId | null } = { role: 'candidate', master: null };
  #stopping = false;
  #toldUnfit: string | null = null;

  private constructor(options: BrokerNodeOptions) {
    this.#options = options;
    this.#connections = new ConnectionCount(options.limits.connections);
    this.#inputBudget = new InputBudget(options.limits.halfSentBytes);
    this.#sessionIds = new SessionIds(options.node, options.random);
    const run = Array.from(options.random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const rules = options.streamRules ?? new StreamRules();
    this.#broker = new Broker({
      ...defaultBrokerOptions,
      node: options.node,
      run,
      wallMs: () => options.clock.wallMs(),
      rules,
      duplicateIdsMax: options.duplicates?.idsMax ?? defaultBrokerOptions.duplicateIdsMax,
      duplicateAgeMs: options.duplicates?.ageMs ?? defaultBrokerOptions.duplicateAgeMs,
      policyOf: (destination) => options.destinations?.policyOf(destination) ?? null,
      storeBytesMax: options.journal.hardLimitBytes ?? Infinity,
      indexBytesMax: options.limits.indexBytes,
      sendsRefused: () => this.#sendsRefused(),
      topicBacklogBytesMax: options.limits.topicBacklogBytes,
      messageBytesMax: options.limits.headerBytes + options.limits.bodyBytes,
    });
    const frameBytesMax = 2 * unsentBytesMax + options.limits.transactionBytes;
    this.#host = new SessionHost({
      node: options.node,
      run,
      clock: options.clock,
      broker: this.#broker,
      windowBytes,
      channelLimits: { frameBytesMax, unsentBytesMax: unsentBytesMax + options.limits.transactionBytes },
      leaseMs: options.cluster.leaseMs,
      leaseOver: (silentMs, leaseMs) => rules.leaseOver(silentMs, leaseMs),
      masterWaitMs: options.cluster.masterWaitMs,
      log: {
        propose: (commands) => this.log.propose(commands),
        leading: () => this.#log?.leading ?? false,
        persistedIndex: () => this.#log?.raft?.persistedIndex ?? 0,
        payload: (position) => this.log.payload(position),
        readPayloads: (positions) => this.log.readPayloads(positions),
        dialChannel: async (to) => this.log.dialChannel(to),
        isDead: (node) => this.log.dead.has(node),
        isSilent: (node) => this.log.isSilent(node),
        keepPosted: (nodes) => this.log.keepPosted(nodes),
      },
      story: options.log,
    });
    this.#listeners = new ClientListeners({
      network: options.network,
      clock: options.clock,
      log: options.log,
      listeners: options.listeners,
      count: this.#connections,
      budget: this.#inputBudget,
      excessWaitMs,
      accept: (connection, release, by) => this.#serve(connection, release, by),
    });
    this.#openDoors();
  }

  /** Resolves when what was on disk has been recovered and all listeners are open; a master may still have to be elected. */
  static async start(options: BrokerNodeOptions): Promise<BrokerNode> {
    const node = new BrokerNode(options);
    try {
      await node.#listeners.open();
      await node.#openLog();
    } catch (error) {
      node.#host.close();
      await node.#listeners.close();
      throw error;
    }
    return node;
  }

  get listeners(): readonly BoundListener[] {
    const { listeners, hostName } = this.#options;
    return listeners.map(({ kind, listen, advertise }, i) => {
      const bound = this.#listeners.addresses[i] ?? listen;
      return { kind, bound, advertised: advertisedAddress(bound, advertise, hostName) };
    });
  }

  get peerAddress(): Address | null {
    return this.log.peerAddress;
  }

  status(): NodeStatus {
    return nodeStatus({
      options: this.#options,
      log: this.log.status,
      leadership: this.#leadership,
      connections: this.#connections.open,
      failover: this.#failover(this.#options.listeners[0]?.kind ?? 'stomp'),
      waiting: this.#waiting,
    });
  }

  async explain(subject: string): Promise<Explanation | null> {
    assert(this.#explainer !== null, 'the node is asked before its log is open');
    return this.#explainer.explain(subject);
  }

  queues(): readonly QueueStatus[] {
    return this.#broker.queues();
  }

  async members(): Promise<MembersAnswer> {
    const { by, confirmed, members } = await this.log.members.view();
    const { node, role, master: known } = this.status();
    const master = confirmed ? by : known;
    const own = (id: NodeId): { role?: NodeRole } => (by === node && id === node ? { role } : {});
    return { by, confirmed, members: members.map((one) => ({ ...partMember(one, master), ...own(one.id) })) };
  }

  async changeMembers(change: MembersChange): Promise<MemberOutcome> {
    const { cluster } = this.#options;
    const asked = membershipChange(change, this.log.status.members, cluster.secret !== null || Boolean(cluster.tls));
    return 'why' in asked ? asked : this.log.members.change(asked);
  }

  transfer(to: NodeId | null): Promise<MemberOutcome> {
    return this.log.members.transfer(to);
  }

  readiness(): Readiness {
    if (this.#stopping) return { ready: false, reason: 'this node is stopping' };
    if (this.#host.standsStill) return { ready: false, reason: this.#host.heldUpBy };
    const { slaveClients } = this.#options;
    return readiness(this.log.status, this.#leadership, { waiting: this.#waiting, slaveClients });
  }

  onFailure(listener: (error: Error) => void): void {
    this.log.onFailure(listener);
  }

  onRoleChange(listener: (role: NodeRole, master: NodeId | null) => void): void {
    this.#roleListeners.push(listener);
  }

  /** The position of the last command applied to this replica. */
  get applied(): number {
    return this.#broker.applied;
  }

  /** A hash of the replicated state, and the position it stands at: equal on all replicas. Reads the whole state. */
  digest(): { readonly position: number; readonly digest: string } {
    return { position: this.#broker.applied, digest: this.#broker.digest() };
  }

  get log(): ReplicatedLog {
    assert(this.#log !== null, 'the replicated log is used before it is open');
    return this.#log;
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#listeners.close();
    this.#host.stopReading();
    if (this.#leadership?.role === 'leader' && this.log.status.members.length > 1) {
      await this.#handOver(null);
    }
    // By whoever is the master now: what clients had sent is answered, and what they held goes back.
    await this.#host.answered(answersWaitMs);
    await this.#host.closeSessions(returnsWaitMs);
    this.#host.close();
    await this.log.close();
  }

  /** To that member, or to the one that is furthest. */
  async #handOver(to: NodeId | null): Promise<void> {
    // What is under way is answered; what clients send from now on stays unread, and goes to the next master.
    this.#host.hold(true);
    const moved = await this.log.transferLeadership(to);
    this.#options.log.info(moved ? 'handed mastership over' : 'no other member could take mastership over');
    if (!this.#stopping) this.#host.hold(false);
  }

  async #openLog(): Promise<void> {
    const { broker, node, cluster, journal, clock, random, disk, network, log } = this.#options;
    this.#log = await ReplicatedLog.open({
      ...{ broker, node, clock, random, disk, network, log },
      members: cluster.members,
      listen: cluster.listen,
      secret: cluster.secret,
      tls: cluster.tls ?? null,
      witness: cluster.witness ?? false,
      levelMax: this.#options.levelMax ?? null,
      about: cluster.witness === true ? '' : aboutListeners(this.listeners),
      machine: this.#machine(),
      ...(this.#options.makeRaftNode === undefined ? {} : { makeNode: this.#options.makeRaftNode }),
      settings: {
        electionMs: cluster.electionMs,
        heartbeatMs: cluster.heartbeatMs,
        refusedMeansDead: cluster.refusedMeansDead,
        fsync: journal.fsync,
        segmentBytes: journal.segmentBytes,
        snapshotBytes: journal.snapshotBytes,
        softLimitBytes: journal.softLimitBytes,
        hardLimitBytes: journal.hardLimitBytes,
        cacheBytes: journal.cacheBytes,
        uncommittedBytesMax,
        ...this.#options.logSettings,
      },
    });
    this.#explainer = explainerOf({
      ...{ options: this.#options, log: this.#log, broker: this.#broker, host: this.#host },
      status: () => this.status(),
      readiness: () => this.readiness(),
    });
    this.#log.disk.onChange(({ pressure }) => {
      this.#host.limitWindow(pressure === 'none' ? windowBytes : windowUnderPressureBytes);
    });
    this.#log.disk.onSlow((to) => void this.#handOver(to));
    this.#log.onRemoved(() => this.#considerListeners());
    this.#log.onChannel((connection, from) => this.#host.acceptChannel(connection, from));
    this.#log.dead.onDeath((member) => this.#host.died(member));
    this.#considerListeners();
  }

  #machine(): StateMachine {
    return {
      apply: (commands, records) => this.#host.apply(commands, records),
      snapshot: () => this.#broker.snapshot(),
      restore: (refersTo) => this.#restore(refersTo),
      leadershipChanged: (leadership) => this.#leadershipChanged(leadership),
    };
  }

  /** This node's clients wait for a master; null: there is one. */
  get #waiting(): MasterWait | null {
    const { masterless } = this.#host;
    return masterless === null ? null : { clients: this.#connections.open, ...masterless };
  }

  /** The disk's hard limit, if it is passed. */
  #sendsRefused(): string | null {
    const state = this.#log?.disk.state;
    return state?.pressure === 'hard' ? state.reason : null;
  }

  #leadershipChanged(leadership: Leadership): void {
    this.#leadership = leadership;
    this.#host.leadershipChanged(leadership);
    this.#considerListeners();
    this.#tellRole(leadership);
  }

  #restore(refersTo: (position: JournalPosition) => void): SnapshotRestore {
    const restore = this.#broker.restore(refersTo);
    return {
      write: (chunk) => restore.write(chunk),
      finish: () => {
        const effects: BrokerEffect[] = [];
        restore.finish(effects);
        this.#host.restored(effects);
      },
    };
  }

  /** A witness has no state to serve clients from, and who was removed has no master; a slave serves them unless it is told not to. */
  #considerListeners(): void {
    const { slaveClients, log } = this.#options;
    const status = this.#log?.status ?? null;
    const isWitness = status !== null && ownPart(status) === 'witness';
    const unfit = isWitness
      ? 'a witness'
      : status?.removed === true
        ? 'who is no member of the cluster any more'
        : null;
    if (unfit !== null && unfit !== this.#toldUnfit)
      log.info(`${unfit} serves no clients: nobody can connect to ${addressList(this.#listeners.addresses)}`);
    this.#toldUnfit = unfit;
    const takesClients = unfit === null && (slaveClients === 'serve' || this.#leadership?.leading === true);
    this.#listeners.allow(takesClients);
    if (!takesClients) this.#host.letGo();
  }

  /** Listeners hear of a change of what users see, not of every turn that an election takes. */
  #tellRole(leadership: Leadership): void {
    const status = this.#log?.status ?? null;
    const role = nodeRole(status?.raft ?? null, leadership, status === null ? null : ownPart(status));
    const master = role === 'candidate' ? null : leadership.leader;
    if (role === this.#told.role && master === this.#told.master) return;
    this.#told = { role, master };
    for (const listener of this.#roleListeners) listener(role, master);
  }

  #serve(connection: Connection, onClosed: () => void, by: ListenerOptions): void {
    const { limits, clock, log, version } = this.#options;
    const access = this.#doors.get(by);
    new StompConnection(connection, this.#host, {
      session: this.#sessionIds.next(),
      self: { server: `lockstep/${version}`, failover: () => this.#failover(by.kind) },
      limits,
      budget: this.#inputBudget,
      flow: defaultFlowOptions,
      clock,
      log,
      ...(access === undefined ? {} : { access }),
      onClosed,
    });
  }

  #openDoors(): void {
    const { access, listeners } = this.#options;
    if (access === undefined) return;
    const exists = (destination: string): boolean => this.#broker.hasQueue(destination);
    for (const listener of listeners) {
      this.#doors.set(listener, access.at({ anonymous: listener.anonymous ?? false, exists }));
    }
    access.onChange(() => this.#host.accessChanged());
  }

  #failover(kind: ListenerKind): string {
    const { node } = this.#options;
    const others = this.log.status.members.filter(({ id }) => id !== node).map(({ id }) => this.log.aboutMember(id));
    return failoverUri(kind, aboutListeners(this.listeners), others);
  }
}
