import type { Clock, Log, NodeId, Random } from '@lockstep/kernel';
import type { Standing } from '../node/types.ts';
import { configurationLevel } from './levels.ts';
import type { Hello, MemberState } from './peers/hello.ts';
import type { MemberMessage } from './peers/messages.ts';
import type { Identity } from './storage-types.ts';

export interface FoundingPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Durable when it resolves. */
  readonly writeIdentity: (identity: Identity) => Promise<void>;
  /** Durable when it resolves: term 0, no vote, and this standing. */
  readonly writeStanding: (standing: Standing) => Promise<void>;
  readonly send: (to: NodeId, message: MemberMessage) => void;
  /** Everybody with whom there may be connections: more than found the cluster, when this node joins one. */
  readonly peers: () => Iterable<NodeId>;
  /** The node is a member of a founded cluster from now on; called once. */
  readonly founded: (standing: Standing) => void;
  /** The configuration in use, as it goes into an announcement; null while there is none. */
  readonly configuration: () => Uint8Array | null;
  readonly failed: (error: unknown) => void;
}

export interface FoundingOptions {
  readonly node: NodeId;
  readonly broker: string;
  /** Who founds the cluster together, if it is not founded yet. */
  readonly members: readonly NodeId[];
  /** Null: the data directory is empty. */
  readonly identity: Identity | null;
  readonly incarnation: string;
  /** This node is to be a witness from the founding on. */
  readonly witness: boolean;
  /** The highest level that this node speaks. */
  readonly levelMax: number;
}

interface View {
  readonly state: MemberState;
  readonly clusterId: string | null;
  readonly incarnation: string;
  readonly witness: boolean;
  /** The level in use, and the highest one that it speaks. */
  readonly level: number;
  readonly levelMax: number;
}

const repeatMs = 500;
const logAgainMs = 30_000;

/**
 * How a node with an empty disk becomes a member. No vote for an empty journal: its earlier self may have acknowledged
 * entries. So a cluster is founded only when all members have said that they are empty, and have put `founding` on disk; an empty
 * node that finds a member of a founded cluster joins it as `abstaining`. A node that is still `founding` where another is
 * `founded` has kept its disk since, and never voted or acknowledged: it is a voter.
 *
 * The member with the lowest id founds. If it loses its disk midway, it takes up the cluster id that others have on theirs.
 */
export class Founding {
  readonly #ports: FoundingPorts;
  readonly #options: FoundingOptions;
  readonly #others: readonly NodeId[];
  readonly #founder: NodeId;
  #identity: Identity | null;
  readonly #views: Map<NodeId, View> = new Map();
  readonly #prepared: Set<NodeId> = new Set();
  /** Something is being written: the next step is taken when it is on disk. */
  #writing = false;
  #repeatedAtMs = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  #done = false;

  constructor(options: FoundingOptions, ports: FoundingPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#identity = options.identity;
    this.#others = options.members.filter((id) => id !== options.node);
    this.#founder = options.members.reduce(
      (lowest, id) => (id < lowest ? id : lowest),
      options.members[0] ?? options.node,
    );
    this.#repeatedAtMs = ports.clock.monotonicMs();
  }

  get state(): MemberState {
    return this.#identity?.state ?? 'blank';
  }

  get clusterId(): string | null {
    return this.#identity?.clusterId ?? null;
  }

  /** Members that have not been heard of yet. */
  get missing(): readonly NodeId[] {
    return this.#others.filter((id) => !this.#views.has(id));
  }

  /** A peer has said in its hello who it is, and how it stands. */
  heard({ node, state, clusterId, incarnation, witness, level, levels }: Hello): void {
    const before = this.#views.get(node);
    // It came back with an empty disk: what it prepared is gone.
    if (before !== undefined && before.incarnation !== incarnation) this.#prepared.delete(node);
    this.#views.set(node, { state, clusterId, incarnation, witness, level, levelMax: levels.max });
    this.reconsider();
  }

  /** What is sent to that peer reaches it from now on. Its picture of this node is from when the handshake began, and may be out of date. */
  reachable(peer: NodeId): void {
    this.#announceTo(peer);
  }

  receive(message: MemberMessage, from: NodeId): void {
    switch (message.type) {
      case 'announce':
        this.#announced(from, message.state, message.clusterId);
        // It asks, by saying that it is not a member yet.
        if (message.state !== 'founded' && this.state === 'founded') this.#announceTo(from);
        return;
      case 'prepare':
        void this.#prepare(from, message.clusterId, message.witnesses);
        return;
      case 'prepared':
        if (message.clusterId === this.clusterId) this.#prepared.add(from);
        this.reconsider();
    }
  }

  /** From time to time: asks again, and says whom it waits for. */
  tick(): void {
    if (this.#done) return;
    const now = this.#ports.clock.monotonicMs();
    if (now - this.#repeatedAtMs < repeatMs) return;
    this.#repeatedAtMs = now;
    this.announce();
    this.reconsider();
    this.#tellWaiting();
  }

  /** Takes the next step, if there is one to take now. */
  reconsider(): void {
    if (this.#writing || this.#done) return;
    if (this.state === 'founded') {
      this.#finish('voter');
      return;
    }
    const founded = [...this.#views.values()].find((view) => view.state === 'founded');
    if (founded !== undefined && founded.clusterId !== null) {
      void this.#join(founded.clusterId, founded.level);
    } else if (this.#founder === this.#options.node && this.missing.length === 0) {
      this.#found();
    }
  }

  #announced(peer: NodeId, state: MemberState, clusterId: string | null): void {
    const before = this.#views.get(peer);
    if (before !== undefined) this.#views.set(peer, { ...before, state, clusterId });
    this.reconsider();
  }

  #found(): void {
    const obstacle = this.#obstacle;
    if (obstacle !== null) {
      this.#tell(obstacle);
      return;
    }
    if (this.#identity === null) {
      const clusterId = this.#idOfOthers() ?? makeId(this.#ports.random);
      void this.#write('founding', clusterId, this.#witnesses, null);
      return;
    }
    const waiting = this.#others.filter((id) => !this.#prepared.has(id));
    const { clusterId, witnesses = [] } = this.#identity;
    if (waiting.length === 0) void this.#write('founded', clusterId, witnesses, 'voter');
    for (const id of waiting) this.#ports.send(id, { type: 'prepare', clusterId, witnesses });
  }

  get #witnesses(): readonly NodeId[] {
    const { node, witness } = this.#options;
    const others = this.#others.filter((id) => this.#views.get(id)?.witness === true);
    return witness ? [node, ...others] : others;
  }

  /** Why these members can't found a cluster, whoever else comes. */
  get #obstacle(): string | null {
    const witnesses = this.#witnesses;
    if (witnesses.length === 0) return null;
    if (witnesses.length * 2 >= this.#others.length + 1) {
      return `of ${this.#others.length + 1} members ${witnesses.join(', ')} would be witnesses: they must be fewer than half`;
    }
    const old = this.#others.find((id) => (this.#views.get(id)?.levelMax ?? 0) < configurationLevel);
    const lowest = this.#options.levelMax < configurationLevel ? this.#options.node : old;
    return lowest === undefined ? null : `node ${lowest} runs a program that knows no witnesses`;
  }

  #idOfOthers(): string | null {
    const ids = [...this.#views.values()].map((view) => view.clusterId).filter((id) => id !== null);
    return ids.sort()[0] ?? null;
  }

  async #join(clusterId: string, level: number): Promise<void> {
    const prepared = this.#identity?.clusterId === clusterId;
    // Where configurations are in the log, that says who the members are; until it has come this node is one of nobody.
    const founded = prepared || level < configurationLevel;
    const standing = prepared ? 'voter' : 'abstaining';
    const { node, witness } = this.#options;
    const witnesses = prepared ? (this.#identity?.witnesses ?? []) : witness ? [node] : [];
    await this.#write('founded', clusterId, witnesses, standing, founded ? undefined : []);
  }

  async #prepare(from: NodeId, clusterId: string, witnesses: readonly NodeId[]): Promise<void> {
    if (from !== this.#founder || this.#writing) return;
    if (this.state === 'founded') {
      this.#announceTo(from);
      return;
    }
    if (this.clusterId !== clusterId) await this.#write('founding', clusterId, witnesses, null);
    if (this.clusterId === clusterId) this.#ports.send(from, { type: 'prepared', clusterId });
  }

  /** `standing` is on disk before the state that makes it count. */
  async #write(
    state: 'founding' | 'founded',
    clusterId: string,
    witnesses: readonly NodeId[],
    standing: Standing | null,
    members: readonly NodeId[] = this.#options.members,
  ): Promise<void> {
    const { node, broker, incarnation } = this.#options;
    const base = { broker, node, clusterId, incarnation, members, state };
    const isOld = members.length > 0 && witnesses.length === 0;
    const identity: Identity = isOld ? { formatVersion: 1, ...base } : { formatVersion: 2, ...base, witnesses };
    this.#writing = true;
    try {
      if (standing !== null) await this.#ports.writeStanding(standing);
      await this.#ports.writeIdentity(identity);
    } catch (error) {
      this.#done = true;
      this.#ports.failed(error);
      return;
    }
    this.#writing = false;
    this.#identity = identity;
    this.announce();
    if (standing !== null) this.#finish(standing);
    else this.reconsider();
  }

  #finish(standing: Standing): void {
    if (this.#done) return;
    this.#done = true;
    this.#ports.founded(standing);
  }

  /** Tells all how this node stands: also when the configuration has changed, for the sake of one that waits to be written to. */
  announce(): void {
    for (const id of this.#ports.peers()) this.#announceTo(id);
  }

  #announceTo(id: NodeId): void {
    const configuration = this.#ports.configuration();
    this.#ports.send(id, { type: 'announce', state: this.state, clusterId: this.clusterId, configuration });
  }

  #tellWaiting(): void {
    const { node } = this.#options;
    const missing = this.missing;
    const text =
      missing.length > 0
        ? `node ${node} has an empty disk: it waits for ${missing.join(', ')}, to found the cluster together or to join it`
        : `node ${node} has an empty disk: it waits for ${this.#founder} to found the cluster`;
    this.#tell(text);
  }

  #tell(text: string): void {
    const now = this.#ports.clock.monotonicMs();
    if (now - this.#loggedAtMs < logAgainMs) return;
    this.#loggedAtMs = now;
    this.#ports.log.info(text);
  }
}

/** 128 bits, in hex. */
export function makeId(random: Random): string {
  return [...random.bytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
