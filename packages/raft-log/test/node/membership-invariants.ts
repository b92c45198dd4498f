import type { NodeId } from '@lockstep/kernel';
import { isJoint } from '../../src/node/index.ts';
import type { Configuration, Entry, RaftBatch } from '../../src/node/index.ts';
import type { SimMember } from './sim-member.ts';
import { Violation } from './violation.ts';

/** The log's end when a leader began, and at each tick since. */
interface Reign {
  readonly term: number;
  readonly lastIndexAt: number[];
  /** Who was told last to campaign, and at which tick. */
  told: { readonly to: NodeId; readonly tick: number } | null;
}

/** What must hold of configurations, learners, witnesses and hand-overs, as far as one batch shows it. */
export class MembershipInvariants {
  /** Members lose their disks in this run: what they held then can't be counted on the disks. */
  readonly #wiping: boolean;
  readonly #reigns = new Map<NodeId, Reign>();
  #entered = 0;
  #promoted = 0;
  #handedOver = 0;
  #handedOn = 0;
  #released = 0;

  constructor(wiping: boolean) {
    this.#wiping = wiping;
  }

  /** How often the interesting happened, lest silence be taken for safety. */
  get seen(): Readonly<Record<string, number>> {
    const [handedOver, handedOn] = [this.#handedOver, this.#handedOn];
    return { joint: this.#entered, promoted: this.#promoted, handedOver, handedOn, released: this.#released };
  }

  check(member: SimMember, batch: RaftBatch, members: readonly SimMember[], lastCommitted: number): void {
    this.#checkWitness(member);
    for (const message of batch.sendNow)
      if (message.type === 'timeoutNow')
        this.#checkHandOver(
          member,
          members.find(({ id }) => id === message.to)!,
        );
    this.#noteReign(member);
    for (const entry of batch.persist?.entries ?? [])
      if (entry.term === member.node.term && entry.configuration !== undefined && this.#reigns.has(member.id))
        this.#checkStep(member, entry, members, lastCommitted);
  }

  ticked(member: SimMember): void {
    this.#reigns.get(member.id)?.lastIndexAt.push(member.node.lastIndex);
  }

  /** A witness may let go of what every voter with a state machine has, as far as it knows who they are. */
  checkRelease(witness: SimMember, index: number, members: readonly SimMember[]): void {
    this.#released += 1;
    if (this.#wiping) return;
    const { voters, witnesses } = witness.node.configurationAt(index).configuration;
    const stillNeeded = members.flatMap(({ node }) => [
      ...node.configuration.voters,
      ...node.configuration.votersOutgoing,
    ]);
    for (const { id, disk, diskLastIndex } of members) {
      if (!voters.includes(id) || witnesses.includes(id) || !stillNeeded.includes(id)) continue;
      if (Math.max(disk.snapshotIndex, diskLastIndex) < index)
        throw new Violation(
          'a witness keeps what a member with a state lacks',
          `witness ${witness.id} lets go of ${index}, which ${id} lacks`,
        );
    }
  }

  #checkWitness({ id, node }: SimMember): void {
    if (!node.configuration.witnesses.includes(id)) return;
    if (node.role === 'leader' || node.serving)
      throw new Violation('a witness never leads visibly', `witness ${id} leads visibly`);
  }

  #checkHandOver(from: SimMember, to: SimMember): void {
    this.#handedOver += 1;
    this.#noteTold(from, to.id);
    const { voters, witnesses } = from.node.configuration;
    if (!voters.includes(to.id) || witnesses.includes(to.id))
      throw new Violation('hands over only to who can lead', `${from.id} hands over to ${to.id}, which can't lead`);
    if (!this.#wiping && to.diskLastIndex < from.node.lastIndex)
      throw new Violation('hands over only to who holds all', `${from.id} hands over to ${to.id}, which lacks entries`);
  }

  /** Another is told before the time-out of the last one: that one has died. */
  #noteTold(from: SimMember, to: NodeId): void {
    const reign = this.#reigns.get(from.id);
    if (reign === undefined || reign.term !== from.node.term) return;
    const tick = reign.lastIndexAt.length;
    if (reign.told !== null && reign.told.to !== to && tick - reign.told.tick < from.electionTicks) this.#handedOn += 1;
    reign.told = { to, tick };
  }

  #noteReign({ id, node }: SimMember): void {
    const leads = node.status.peers.length > 0 || node.role === 'leader';
    const known = this.#reigns.get(id);
    if (!leads) this.#reigns.delete(id);
    else if (known?.term !== node.term) {
      this.#reigns.set(id, { term: node.term, lastIndexAt: [node.lastIndex - 1], told: null });
    }
  }

  /** One change at a time, each a step that thesis §4.3 knows, and nobody gets a vote before it has caught up. */
  #checkStep(leader: SimMember, entry: Entry, members: readonly SimMember[], lastCommitted: number): void {
    const uncommitted = leader.queued.entries.filter((e) => e.configuration !== undefined && e.index > lastCommitted);
    if (uncommitted.length > 1)
      throw new Violation(
        'one configuration at a time',
        `${leader.id} has ${uncommitted.length} configurations under way at ${entry.index}`,
      );
    const next = entry.configuration!;
    const before = leader.node.configurationAt(entry.index - 1).configuration;
    if (!isStep(before, next))
      throw new Violation(
        'a configuration follows from the one before',
        `${leader.id} goes from ${say(before)} to ${say(next)}`,
      );
    if (!isJoint(next)) return;
    this.#entered += 1;
    for (const id of next.voters) if (!before.voters.includes(id)) this.#checkPromotion(leader, id, members);
  }

  #checkPromotion(leader: SimMember, id: NodeId, members: readonly SimMember[]): void {
    this.#promoted += 1;
    if (this.#wiping) return;
    const { lastIndexAt } = this.#reigns.get(leader.id)!;
    // A round lasts less than an election time-out, and so has the one under way, by this leader's ticks.
    const due = lastIndexAt[Math.max(0, lastIndexAt.length - 1 - 2 * leader.electionTicks)]!;
    const held = members.find((m) => m.id === id)!.diskLastIndex;
    if (held < due)
      throw new Violation(
        'a vote only for who has caught up',
        `${id} gets a vote with its log at ${held}, long after the leader's was at ${due}`,
      );
  }
}

function isStep(before: Configuration, next: Configuration): boolean {
  if (isJoint(before)) return !isJoint(next) && same(next.voters, before.voters);
  return isJoint(next) ? same(next.votersOutgoing, before.voters) : same(next.voters, before.voters);
}

function same(one: readonly NodeId[], other: readonly NodeId[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}

function say({ voters, votersOutgoing, learners }: Configuration): string {
  return `{${voters.join('')}<${votersOutgoing.join('')}+${learners.join('')}}`;
}
