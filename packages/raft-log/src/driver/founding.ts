import type { Clock, Log, NodeId, Random } from '@lockstep/kernel';
import type { Standing } from '../node/types.ts';
import type { MemberState } from './peers/hello.ts';
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
  /** The node is a member of a founded cluster from now on; called once. */
  readonly founded: (standing: Standing) => void;
  readonly failed: (error: unknown) => void;
}

export interface FoundingOptions {
  readonly node: NodeId;
  readonly broker: string;
  readonly members: readonly NodeId[];
  /** Null: the data directory is empty. */
  readonly identity: Identity | null;
  readonly incarnation: string;
}

interface View {
  readonly state: MemberState;
  readonly clusterId: string | null;
  readonly incarnation: string | null;
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
    this.#founder = options.members.reduce((lowest, id) => (id < lowest ? id : lowest));
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

  /** A peer has said how it stands, in its hello or since (then `incarnation` is null). */
  heard(peer: NodeId, state: MemberState, clusterId: string | null, incarnation: string | null): void {
    const before = this.#views.get(peer);
    const known = incarnation ?? before?.incarnation ?? null;
    // It came back with an empty disk: what it prepared is gone.
    if (before !== undefined && before.incarnation !== known) this.#prepared.delete(peer);
    this.#views.set(peer, { state, clusterId, incarnation: known });
    this.reconsider();
  }

  /** What is sent to that peer reaches it from now on. Its picture of this node is from when the handshake began, and may be out of date. */
  reachable(peer: NodeId): void {
    this.#announceTo(peer);
  }

  receive(message: MemberMessage, from: NodeId): void {
    switch (message.type) {
      case 'announce':
        this.heard(from, message.state, message.clusterId, null);
        // It asks, by saying that it is not a member yet.
        if (message.state !== 'founded' && this.state === 'founded') this.#announceTo(from);
        return;
      case 'prepare':
        void this.#prepare(from, message.clusterId);
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
    this.#announce();
    this.reconsider();
    this.#tellWaiting(now);
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
      void this.#join(founded.clusterId);
    } else if (this.#founder === this.#options.node && this.missing.length === 0) {
      this.#found();
    }
  }

  #found(): void {
    if (this.#identity === null) {
      const clusterId = this.#idOfOthers() ?? makeId(this.#ports.random);
      void this.#write('founding', clusterId, null);
      return;
    }
    const waiting = this.#others.filter((id) => !this.#prepared.has(id));
    const { clusterId } = this.#identity;
    if (waiting.length === 0) void this.#write('founded', clusterId, 'voter');
    for (const id of waiting) this.#ports.send(id, { type: 'prepare', clusterId });
  }

  #idOfOthers(): string | null {
    const ids = [...this.#views.values()].map((view) => view.clusterId).filter((id) => id !== null);
    return ids.sort()[0] ?? null;
  }

  async #join(clusterId: string): Promise<void> {
    const prepared = this.#identity?.clusterId === clusterId;
    await this.#write('founded', clusterId, prepared ? 'voter' : 'abstaining');
  }

  async #prepare(from: NodeId, clusterId: string): Promise<void> {
    if (from !== this.#founder || this.#writing) return;
    if (this.state === 'founded') {
      this.#announceTo(from);
      return;
    }
    if (this.clusterId !== clusterId) await this.#write('founding', clusterId, null);
    if (this.clusterId === clusterId) this.#ports.send(from, { type: 'prepared', clusterId });
  }

  /** `standing` is on disk before the state that makes it count. */
  async #write(state: 'founding' | 'founded', clusterId: string, standing: Standing | null): Promise<void> {
    const { node, broker, members, incarnation } = this.#options;
    const identity: Identity = { formatVersion: 1, broker, node, clusterId, incarnation, members, state };
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
    this.#announce();
    if (standing !== null) this.#finish(standing);
    else this.reconsider();
  }

  #finish(standing: Standing): void {
    if (this.#done) return;
    this.#done = true;
    this.#ports.founded(standing);
  }

  #announce(): void {
    for (const id of this.#others) this.#announceTo(id);
  }

  #announceTo(id: NodeId): void {
    this.#ports.send(id, { type: 'announce', state: this.state, clusterId: this.clusterId });
  }

  #tellWaiting(now: number): void {
    if (now - this.#loggedAtMs < logAgainMs) return;
    this.#loggedAtMs = now;
    const { node } = this.#options;
    const missing = this.missing;
    const text =
      missing.length > 0
        ? `node ${node} has an empty disk: it waits for ${missing.join(', ')}, to found the cluster together or to join it`
        : `node ${node} has an empty disk: it waits for ${this.#founder} to found the cluster`;
    this.#ports.log.info(text);
  }
}

/** 128 bits, in hex. */
export function makeId(random: Random): string {
  return [...random.bytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
