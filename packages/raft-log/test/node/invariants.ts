import type { NodeId } from '@lockstep/kernel';
import type { RaftBatch } from '../../src/node/index.ts';
import type { SimMember } from './sim-member.ts';

/** Says which of Raft's properties (figure 3) was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Watches a whole cluster from above. */
export class Invariants {
  readonly #quorum: number;
  /** Members lose their disks in this run: what they held then can't be counted on the disks. */
  readonly #wiping: boolean;
  readonly #leaders = new Map<number, NodeId>();
  readonly #checkedLeaders = new Set<number>();
  /** Term of each committed entry, by index. */
  readonly #committed: number[] = [0];
  readonly #checkedTo = new Map<NodeId, number>();
  #elections = 0;

  constructor(size: number, wiping: boolean) {
    this.#quorum = Math.floor(size / 2) + 1;
    this.#wiping = wiping;
  }

  get lastCommitted(): number {
    return this.#committed.length - 1;
  }

  get elections(): number {
    return this.#elections;
  }

  restarted(member: SimMember): void {
    this.#checkedTo.set(member.id, member.disk.snapshotIndex);
  }

  check(member: SimMember, batch: RaftBatch, members: readonly SimMember[]): void {
    const { node, id } = member;
    if (node.role === 'leader') this.#checkLeader(member);
    if (batch.install !== null) this.#checkedTo.set(id, batch.install.index);
    const from = this.#checkedTo.get(id)!;
    if (batch.commitIndex < from && from !== member.disk.snapshotIndex)
      throw new Violation(`${id}: commit index went back`);
    for (let index = from + 1; index <= batch.commitIndex; index += 1) this.#checkCommitted(member, index, members);
    this.#checkedTo.set(id, Math.max(from, batch.commitIndex));
  }

  /** Log matching: where two logs have an entry of the same index and term, they are the same up to there. */
  checkLogs(members: readonly SimMember[]): void {
    for (const one of members) for (const other of members) if (one.id < other.id) checkPair(one, other);
  }

  #checkLeader({ id, node }: SimMember): void {
    const { term } = node.status;
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== id) throw new Violation(`two leaders in term ${term}: ${known} and ${id}`);
    this.#leaders.set(term, id);
    if (this.#checkedLeaders.has(term)) return;
    this.#checkedLeaders.add(term);
    this.#elections += 1;
    for (let index = this.lastCommitted; index > 0; index -= 1) {
      const own = node.termAt(index);
      if (own === null && index <= node.commitIndex) break;
      if (own !== this.#committed[index])
        throw new Violation(`leader ${id} of term ${term} lacks committed entry ${index}`);
    }
  }

  #checkCommitted(member: SimMember, index: number, members: readonly SimMember[]): void {
    const term = member.node.termAt(index);
    if (term === null) throw new Violation(`${member.id} commits ${index}, which it does not hold`);
    const known = this.#committed[index];
    if (known === undefined) {
      this.#committed[index] = term;
      const holders = members.filter((m) => m.disk.snapshotIndex >= index || m.diskTermAt(index) === term).length;
      if (!this.#wiping && holders < this.#quorum)
        throw new Violation(`${index} was committed, but ${holders} hold it on disk`);
    } else if (known !== term) {
      throw new Violation(`${member.id} commits ${index} of term ${term}, others of term ${known}`);
    }
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
    if (same && !agree) throw new Violation(`${one.id} and ${other.id} differ at ${index}, though they agree after it`);
    if (!agree) continue;
    same = true;
    if (String(a.record) !== String(b.record))
      throw new Violation(`${one.id} and ${other.id} hold different bytes at ${index}`);
  }
}
