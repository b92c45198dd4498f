import { formatAddress } from '@lockstep/kernel';
import type { Address, Clock, Log, NodeId } from '@lockstep/kernel';
import { isJoint, membersOf } from '../../node/index.ts';
import type { Configuration, MembershipChange, RaftStatus } from '../../node/index.ts';
import type { LevelRange } from '../levels.ts';
import type { MemberAddress } from '../replicated-log-options.ts';
import { parsePeerAddress } from './peer-addresses.ts';

export interface MembershipPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Connections to exactly these, from now on. */
  readonly setPeers: (peers: ReadonlyMap<NodeId, Address>) => void;
}

export interface MembershipOptions {
  readonly node: NodeId;
  /** As the operator says: where to look for a cluster, and addresses of members of which the log says none. */
  readonly configured: readonly MemberAddress[];
}

/** What a member is to the cluster. `joining`: it will vote as soon as it has caught up. `leaving`: until the change is complete. */
export type MemberPart = 'voter' | 'learner' | 'witness' | 'joining' | 'leaving';

export interface KnownMember {
  readonly id: NodeId;
  /** Null: nobody has said. */
  readonly address: Address | null;
  readonly part: MemberPart;
}

/** To who has left: what the leader has sent to say so must reach it. */
const partingMs = 5000;

/** How long an address is tried before the other one of the same member. */
const tryOthersMs = 500;

/**
 * Who the members are, and so with whom this node keeps connections: what the configuration in use says, and while there is none what the operator
 * and the members of the cluster say that it is about to join.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #ports: MembershipPorts;
  readonly #configured: ReadonlyMap<NodeId, Address>;
  /** As members that were found have told: of a cluster to join, or of members that came while this node was away. */
  readonly #hinted: Map<NodeId, Address> = new Map();
  #configuration: Configuration | null = null;
  readonly #parting: Map<NodeId, { readonly address: Address; readonly sinceMs: number }> = new Map();
  /** Nobody listens where the configuration in use says, and the operator of this node names another address: that is tried in turn. */
  readonly #asConfigured: Set<NodeId> = new Set();
  readonly #refused: Set<NodeId> = new Set();
  #triedOthersAtMs = Number.NEGATIVE_INFINITY;
  #removed = false;
  /** By some configuration that was in use since the start. */
  #wasMember = false;
  /** By the configuration in use. */
  #isMember = true;

  constructor(options: MembershipOptions, ports: MembershipPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#configured = new Map(options.configured.map(({ id, address }) => [id, address]));
  }

  /** Null: none that names anybody. */
  get configuration(): Configuration | null {
    return this.#configuration;
  }

  /** It is committed that this node is no member any more. */
  get removed(): boolean {
    return this.#removed;
  }

  get level(): number {
    return this.#configuration?.level ?? 1;
  }

  get voterCount(): number {
    return this.#configuration?.voters.length ?? this.#options.configured.length;
  }

  /** The other members that keep the records of what lives. */
  get holders(): readonly NodeId[] {
    return this.#others(false);
  }

  /** The other members that keep entries only until all who have a state have got them. */
  get witnesses(): readonly NodeId[] {
    return this.#others(true);
  }

  #others(witness: boolean): readonly NodeId[] {
    const { witnesses = [] } = this.#configuration ?? {};
    return this.members
      .map(({ id }) => id)
      .filter((id) => id !== this.#options.node && witnesses.includes(id) === witness);
  }

  /** In the order of their ids. */
  get members(): readonly KnownMember[] {
    const configuration = this.#configuration;
    if (configuration === null) {
      return [...this.#configured]
        .map(([id, address]) => ({ id, address, part: 'voter' as const }))
        .sort((one, other) => (one.id < other.id ? -1 : 1));
    }
    return membersOf(configuration).map((id) => ({ id, address: this.addressOf(id), part: partOf(configuration, id) }));
  }

  addressOf(id: NodeId): Address | null {
    const configured = this.#configured.get(id);
    if (configured !== undefined && this.#asConfigured.has(id)) return configured;
    const said = this.#configuration?.addresses[id];
    return (
      (said === undefined ? null : parsePeerAddress(said)) ?? this.#configured.get(id) ?? this.#hinted.get(id) ?? null
    );
  }

  /**
   * Nobody listens at that member's address. All members may have moved while they were down (other ports for the same data): then no master is
   * there to be told, and what the operator names is the only way to find one another.
   */
  nobodyListens(id: NodeId): void {
    if (this.#configuration !== null && this.#configured.has(id)) this.#refused.add(id);
  }

  /** Call it now and then. */
  tryOtherAddresses(): void {
    const now = this.#ports.clock.monotonicMs();
    if (this.#refused.size === 0 || now - this.#triedOthersAtMs < tryOthersMs) return;
    this.#triedOthersAtMs = now;
    for (const id of this.#refused) if (!this.#asConfigured.delete(id)) this.#asConfigured.add(id);
    this.#refused.clear();
    this.#ports.setPeers(this.peers);
  }

  /** The other members, for whom there are addresses. */
  get peers(): ReadonlyMap<NodeId, Address> {
    const peers = new Map<NodeId, Address>();
    if (this.#removed) return peers;
    for (const [id, address] of this.#hinted) peers.set(id, address);
    for (const [id, { address }] of this.#parting) peers.set(id, address);
    for (const { id, address } of this.members) if (address !== null) peers.set(id, address);
    peers.delete(this.#options.node);
    return peers;
  }

  /** The configuration in use is this one. */
  use(configuration: Configuration): void {
    const sinceMs = this.#ports.clock.monotonicMs();
    const before = this.#configuration === null ? [] : membersOf(this.#configuration);
    for (const id of before) {
      const address = this.addressOf(id);
      if (membersOf(configuration).includes(id)) continue;
      this.#hinted.delete(id);
      if (address !== null) this.#parting.set(id, { address, sinceMs });
    }
    for (const id of membersOf(configuration)) this.#parting.delete(id);
    this.#configuration = configuration.voters.length === 0 ? null : configuration;
    const isMember = membersOf(configuration).includes(this.#options.node);
    this.#isMember = isMember || this.#configuration === null;
    if (isMember) this.#wasMember = true;
    this.#ports.setPeers(this.peers);
  }

  /**
   * What a member says of the members. A node that has been away may be led by one that came meanwhile, and must hear it: a server takes
   * entries from a leader that is not in its configuration (thesis §4.2.2). Who does not count this node in has nothing to tell it.
   */
  hint(configuration: Configuration): void {
    if (this.#configuration !== null && !membersOf(configuration).includes(this.#options.node)) return;
    for (const [id, text] of Object.entries(configuration.addresses)) {
      const address = parsePeerAddress(text);
      if (address !== null) this.#hinted.set(id as NodeId, address);
    }
    this.#ports.setPeers(this.peers);
  }

  tick(raft: RaftStatus | null): void {
    if (this.#parting.size > 0) this.#part();
    if (raft !== null) this.#judgeRemoval(raft);
  }

  #part(): void {
    const now = this.#ports.clock.monotonicMs();
    const gone = [...this.#parting].filter(([, { sinceMs }]) => now - sinceMs >= partingMs);
    for (const [id] of gone) this.#parting.delete(id);
    if (gone.length > 0) this.#ports.setPeers(this.peers);
  }

  /**
   * A node that joins may begin with a snapshot of before it was added: so it must have been a member, in this life or (a vote is the
   * proof) in an earlier one.
   */
  #judgeRemoval({ configurationCommitted, role, standing }: RaftStatus): void {
    const { node } = this.#options;
    if (!this.#wasMember && standing !== 'voter') return;
    const removed = !this.#isMember && configurationCommitted && role === 'follower' && !this.#parting.has(node);
    if (removed === this.#removed) return;
    this.#removed = removed;
    if (removed) {
      this.#ports.log.warn(
        `node ${node} is no member of the cluster any more, and takes part no more; to come back it must be added, and start with an empty data directory`,
      );
    } else {
      this.#ports.log.info(`node ${node} is a member of the cluster again`);
    }
    this.#ports.setPeers(this.peers);
  }

  /**
   * A leader's next step towards a higher level, when every member speaks it; null: none. `spoken`: what that member has announced on a connection
   * that is up; null: there is none.
   */
  upgrade(raft: RaftStatus, own: LevelRange, spoken: (id: NodeId) => LevelRange | null): MembershipChange | null {
    const { configuration } = raft.configuration;
    if (!raft.configurationCommitted || isJoint(configuration)) return null;
    let level = own.max;
    for (const id of membersOf(configuration)) {
      if (id === this.#options.node) continue;
      const levels = spoken(id);
      if (levels === null) return null;
      level = Math.min(level, levels.max);
    }
    if (level <= configuration.level) return null;
    return { level, addresses: this.#missingAddresses(configuration) };
  }

  #missingAddresses(configuration: Configuration): Readonly<Record<string, string>> {
    const missing: Record<string, string> = {};
    for (const id of membersOf(configuration)) {
      const address = this.addressOf(id);
      if (configuration.addresses[id] === undefined && address !== null) missing[id] = formatAddress(address);
    }
    return missing;
  }

  /** Says how what the operator has configured differs from who the members are. */
  tellDifferences(): void {
    const { node, configured } = this.#options;
    const members = this.members.map(({ id }) => id);
    const named = configured.map(({ id }) => id);
    const { log } = this.#ports;
    if (named.length !== members.length || !named.every((id) => members.includes(id))) {
      const alone = named.length === 1 && named[0] === node;
      // Who names nobody but itself leaves it to the log.
      const tell = alone ? log.info : log.warn;
      tell(
        `the configuration names the members ${named.join(', ')}, the cluster's are ${members.join(', ')}: the latter counts`,
      );
    }
    for (const { id, address } of configured) {
      const said = this.#configuration?.addresses[id];
      if (said === undefined || said === formatAddress(address)) continue;
      log.warn(
        `the configuration has node ${id} at ${formatAddress(address)}, the cluster at ${said}: the latter counts`,
      );
    }
    const unknown = this.members.filter(({ id, address }) => id !== node && address === null).map(({ id }) => id);
    if (unknown.length > 0) log.warn(`no address is known for ${unknown.join(', ')}: this node can't reach them`);
  }
}

function partOf({ voters, votersNext, votersOutgoing, learners, witnesses }: Configuration, id: NodeId): MemberPart {
  const goes = votersNext.length > 0 && !votersNext.includes(id) && voters.includes(id);
  if (goes || (!voters.includes(id) && votersOutgoing.includes(id))) return 'leaving';
  if (learners.includes(id)) return votersNext.includes(id) ? 'joining' : 'learner';
  return witnesses.includes(id) ? 'witness' : 'voter';
}
