import type { NodeId } from '@lockstep/kernel';
import type { Configuration, RaftBatch } from '../../src/node/index.ts';
import { Majorities } from '../../src/node/majorities.ts';
import { ElectionInvariants } from './election-invariants.ts';
import { MembershipInvariants } from './membership-invariants.ts';
import type { SimMember } from './sim-member.ts';
import { Violation } from './violation.ts';

/** Watches a whole cluster from above. */
export class Invariants {
  readonly membership: MembershipInvariants;
  readonly elections: ElectionInvariants = new ElectionInvariants();
  /** Members lose their disks in this run: what they held then can't be counted on the disks. */
  readonly #wiping: boolean;
  readonly #leaders = new Map<number, NodeId>();
  readonly #checkedLeaders = new Set<number>();
  /** Term of each committed entry, by index. */
  readonly #committed: number[] = [0];
  readonly #checkedTo = new Map<NodeId, number>();
  /** As of each member's batch before. */
  readonly #inUse = new Map<NodeId, Configuration>();
  readonly #asked = new Map<number, number>();
  #electionCount = 0;
  #reads = 0;

  constructor(wiping: boolean) {
    this.membership = new MembershipInvariants(wiping);
    this.#wiping = wiping;
  }

  get lastCommitted(): number {
    return this.#committed.length - 1;
  }

  /** How often the interesting happened, lest silence be taken for safety. */
  get seen(): Readonly<Record<string, number>> {
    return { elections: this.#electionCount, reads: this.#reads, ...this.membership.seen };
  }

  restarted(member: SimMember): void {
    this.#checkedTo.set(member.id, member.disk.snapshotIndex);
    this.#inUse.set(member.id, member.node.configuration);
    this.elections.restarted(member);
  }

  /** A question whether the leader still leads: what was committed then, the answer must cover (linearizability). */
  asked(context: number): void {
    this.#asked.set(context, this.lastCommitted);
  }

  check(member: SimMember, batch: RaftBatch, members: readonly SimMember[]): void {
    const { node, id } = member;
    // A witness that leads does so in secret, but then has followers.
    if (node.role === 'leader' || node.status.peers.length > 0) this.#checkLeader(member);
    for (const { context, index } of batch.readsConfirmed) this.#checkRead(id, context, index);
    if (batch.install !== null) this.#checkedTo.set(id, batch.install.index);
    const from = this.#checkedTo.get(id)!;
    if (batch.commitIndex < from && from !== member.disk.snapshotIndex)
      throw new Violation('the commit index never goes back', `${id}: commit index went back`);
    for (let index = from + 1; index <= batch.commitIndex; index += 1) this.#checkCommitted(member, index, members);
    this.#checkedTo.set(id, Math.max(from, batch.commitIndex));
    this.elections.check(member, batch);
    this.membership.check(member, batch, members, this.lastCommitted);
    this.#inUse.set(id, node.configuration);
  }

  #checkRead(id: NodeId, context: number, index: number | null): void {
    const due = this.#asked.get(context);
    if (due === undefined)
      throw new Violation('each read is answered once', `${id} answers read ${context} twice, or unasked`);
    this.#asked.delete(context);
    if (index === null) return;
    this.#reads += 1;
    if (index < due)
      throw new Violation(
        'a read covers what was committed before it',
        `${id} answers a read with ${index}, after ${due} was committed`,
      );
  }

  /** Log matching: where two logs have an entry of the same index and term, they are the same up to there. */
  checkLogs(members: readonly SimMember[]): void {
    for (const one of members) for (const other of members) if (one.id < other.id) checkPair(one, other);
  }

  #checkLeader({ id, node }: SimMember): void {
    const { term } = node.status;
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== id)
      throw new Violation('one leader a term', `two leaders in term ${term}: ${known} and ${id}`);
    this.#leaders.set(term, id);
    if (this.#checkedLeaders.has(term)) return;
    this.#checkedLeaders.add(term);
    this.#electionCount += 1;
    for (let index = this.lastCommitted; index > 0; index -= 1) {
      const own = node.termAt(index);
      if (own === null && index <= node.commitIndex) break;
      if (own !== this.#committed[index])
        throw new Violation('leader completeness', `leader ${id} of term ${term} lacks committed entry ${index}`);
    }
  }

  #checkCommitted(member: SimMember, index: number, members: readonly SimMember[]): void {
    const term = member.node.termAt(index);
    if (term === null)
      throw new Violation('committed only what it holds', `${member.id} commits ${index}, which it does not hold`);
    const known = this.#committed[index];
    if (known === undefined) {
      this.#committed[index] = term;
      if (!this.#wiping) this.#checkHolders(member, index, term, members);
    } else if (known !== term) {
      throw new Violation(
        'committed entries never change',
        `${member.id} commits ${index} of term ${term}, others of term ${known}`,
      );
    }
  }

  /**
   * On disk of a majority: of the configuration that the entry stands in, or of the one that was in use when it was committed. A configuration
   * itself needs its own.
   */
  #checkHolders(member: SimMember, index: number, term: number, members: readonly SimMember[]): void {
    const holds = (id: NodeId): boolean =>
      members.some((m) => m.id === id && (m.disk.snapshotIndex >= index || m.diskTermAt(index) === term));
    const isHeld = (configuration: Configuration): boolean => new Majorities(configuration).agree(holds);
    const { index: at, configuration } = member.node.configurationAt(index);
    const counted =
      at === index ? [configuration] : [configuration, this.#inUse.get(member.id)!, member.node.configuration];
    if (!counted.some(isHeld))
      throw new Violation(
        'committed is on disk of a majority',
        `${index} was committed, but no majority holds it on disk`,
      );
  }
}

function checkPair(one: SimMember, other: SimMember): void {
  let index = Math.min(one.node.status.lastIndex, other.node.status.lastIndex);
  const firstKnown = Math.max(one.queued.firstIndex, other.queued.firstIndex);
  let same = false;
  for (; index >= firstKnown; index -= 1) {
    const [a, b] = [
      one.queued.entries[index - one.queued.firstIndex],
      other.queued.entries[index - other.queued.firstIndex],
    ];
    const agree = a !== undefined && b !== undefined && a.term === b.term;
    if (same && !agree)
      throw new Violation('log matching', `${one.id} and ${other.id} differ at ${index}, though they agree after it`);
    if (!agree) continue;
    same = true;
    if (String(a.record) !== String(b.record))
      throw new Violation('log matching', `${one.id} and ${other.id} hold different bytes at ${index}`);
  }
}
