import type { Address, Clock, Log, NodeId } from '@lockstep/kernel';
import type { ChangeRefusal, Configuration, ConfigurationAt, MembershipChange, RaftStatus } from '../../node/index.ts';
import { levelObstacle, recordsLevel } from '../levels.ts';
import type { LevelRange } from '../levels.ts';
import type { Hello } from '../peers/hello.ts';
import type { RequestMessage } from '../peers/messages.ts';
import type { MemberStatus } from '../replicated-log-options.ts';
import { decodeConfiguration, encodeConfiguration } from './configuration-codec.ts';
import { LevelStory } from './level-story.ts';
import { MemberChanges } from './member-changes.ts';
import { memberStatuses } from './member-statuses.ts';
import { SpokenLevels } from './spoken-levels.ts';
import { Membership } from './membership.ts';
import type { MembershipOptions } from './membership.ts';

export interface MembershipDriverPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Null before this node is a member. */
  readonly raft: () => RaftStatus | null;
  /** It leads, and has heard a majority lately. */
  readonly leading: () => boolean;
  readonly isUp: (peer: NodeId) => boolean;
  readonly setPeers: (peers: ReadonlyMap<NodeId, Address>) => void;
  readonly send: (to: NodeId, message: RequestMessage) => void;
  readonly propose: (change: MembershipChange) => number | ChangeRefusal;
  readonly transfer: (to: NodeId | null) => Promise<boolean>;
  readonly confirmRead: () => Promise<boolean>;
  /** That configuration is committed: who the members are is to be known on this disk even when log and snapshot can't be read any more. */
  readonly committed: (configuration: ConfigurationAt) => void;
}

/** Between looks whether all members speak a higher level by now. */
const upgradeEveryMs = 500;

/** All that a member knows and does about who the members are; `Membership` knows, `MemberChanges` does, this one puts them to work. */
export class MembershipDriver {
  readonly membership: Membership;
  readonly changes: MemberChanges;
  readonly levelStory: LevelStory;
  readonly #node: NodeId;
  readonly #levels: LevelRange;
  readonly #ports: MembershipDriverPorts;
  /** Levels that the others have announced. */
  readonly #spoken = new Map<NodeId, LevelRange>();
  /** Of whoever has dialled or been dialled lately, turned away or not. */
  readonly #lately: SpokenLevels;
  /** What they say of themselves. */
  readonly #about = new Map<NodeId, string>();
  /** Members that say that this node is none. */
  readonly #disownedBy: Set<NodeId> = new Set();
  readonly #removalListeners: ((removed: boolean) => void)[] = [];
  #toldRemoved = false;
  /** The entry of the newest configuration known to be committed. */
  #committedAt = 0;
  #upgradeAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: MembershipOptions, levels: LevelRange, ports: MembershipDriverPorts) {
    this.#node = options.node;
    this.#levels = levels;
    this.#ports = ports;
    this.membership = new Membership(options, ports);
    this.#lately = new SpokenLevels(ports.clock);
    this.levelStory = new LevelStory(ports.log, levels.max, (id) => this.#spoken.get(id)?.max ?? null);
    this.changes = new MemberChanges({
      ...ports,
      node: options.node,
      level: () => this.membership.level,
      members: () => this.statuses,
      obstacle: (id) => this.#obstacle(id),
    });
  }

  get statuses(): readonly MemberStatus[] {
    const obstacle = (id: NodeId): string | null => this.#obstacle(id);
    return memberStatuses(this.#node, this.membership.members, this.#ports.raft(), this.#ports.isUp, obstacle);
  }

  /** Why that node can't take part, member or not; null: nothing is known against it. */
  #obstacle(id: NodeId): string | null {
    return levelObstacle(this.#lately.of(id), this.membership.level);
  }

  /** This node is no member any more: it is committed, or others say so and nobody leads it. */
  get removed(): boolean {
    const raft = this.#ports.raft();
    return this.membership.removed || (this.#disownedBy.size > 0 && raft !== null && raft.leader === null);
  }

  /** Told when `removed` has changed. */
  onRemoved(listener: (removed: boolean) => void): void {
    this.#removalListeners.push(listener);
  }

  /** The configuration in use, for an announcement. */
  get encoded(): Uint8Array | null {
    const { configuration } = this.membership;
    return configuration === null ? null : encodeConfiguration(configuration);
  }

  about(member: NodeId): string | null {
    return this.#about.get(member) ?? null;
  }

  greeted({ node, about, levels }: Hello): void {
    this.#about.set(node, about);
    this.#spoken.set(node, levels);
    if (levels.max >= recordsLevel) this.levelStory.arrived(node);
  }

  /** A node has shown who it is, whether it is taken or turned away. */
  judged({ node, levels }: Hello): void {
    this.#lately.heard(node, levels);
  }

  reachable(peer: NodeId): void {
    this.#disownedBy.delete(peer);
  }

  disowned(by: NodeId): void {
    this.#disownedBy.add(by);
  }

  /** What a member announces as its configuration. */
  hinted(encoded: Uint8Array): void {
    const configuration: Configuration | null = decodeConfiguration(encoded);
    if (configuration !== null) this.membership.hint(configuration);
  }

  tick(): void {
    this.changes.tick();
    const raft = this.#ports.raft();
    this.membership.tick(raft);
    if (raft !== null) this.#tellCommitted(raft);
    this.#tellRemoval();
    this.membership.tryOtherAddresses();
    this.#considerUpgrade();
  }

  #tellRemoval(): void {
    const { removed } = this;
    if (removed === this.#toldRemoved) return;
    this.#toldRemoved = removed;
    for (const listener of this.#removalListeners) listener(removed);
  }

  #tellCommitted({ configuration, configurationCommitted }: RaftStatus): void {
    if (!configurationCommitted || configuration.index <= this.#committedAt) return;
    this.#committedAt = configuration.index;
    this.#ports.committed(configuration);
  }

  #considerUpgrade(): void {
    const { clock, raft, leading, isUp, propose, log } = this.#ports;
    const now = clock.monotonicMs();
    const status = raft();
    if (now < this.#upgradeAtMs || status === null || !leading()) return;
    this.#upgradeAtMs = now + upgradeEveryMs;
    const spoken = (id: NodeId): LevelRange | null => (isUp(id) ? (this.#spoken.get(id) ?? null) : null);
    const change = this.membership.upgrade(status, this.#levels, spoken);
    if (change === null) return;
    const index = propose(change);
    if (typeof index !== 'number') return;
    log.info(`all members speak level ${change.level ?? 1}: it is in use from entry ${index} on`);
  }
}
