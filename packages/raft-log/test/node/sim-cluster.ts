import type { NodeId } from '@lockstep/kernel';
import { SimRandom } from '@lockstep/testkit';
import type { RaftBatch, RaftMessage } from '../../src/node/index.ts';
import { Invariants } from './invariants.ts';
import { emptyDisk, SimMember } from './sim-member.ts';
import type { Mutant } from './sim-member.ts';

interface Transfer {
  readonly from: SimMember;
  readonly to: NodeId;
  readonly term: number;
}

/** Pure nodes, one seed: a network that loses, reorders and repeats single messages, disks that are slow, members that crash. */
export class SimCluster {
  readonly random: SimRandom;
  readonly ids: readonly NodeId[];
  readonly invariants: Invariants;
  readonly #members = new Map<NodeId, SimMember>();
  readonly #mutant: Mutant;
  #network: RaftMessage[] = [];
  #transfers: Transfer[] = [];
  /** Who can't reach anybody. */
  readonly #cutOff = new Set<NodeId>();
  #wipes = 0;
  #proposed = 0;
  /** Each seed has its own mixture of faults. */
  readonly #loss: number;
  readonly #duplication: number;
  readonly #wiping: boolean;
  readonly #hasty: boolean;
  /** How much more often than in fair weather leaders are lost. */
  readonly #storm: number;

  constructor(seed: number, size: number, mutant: Mutant = 'none') {
    this.random = new SimRandom(`${seed}/${size}`);
    this.ids = ['a', 'b', 'c', 'd', 'e'].slice(0, size) as NodeId[];
    this.#mutant = mutant;
    this.#loss = this.random.pick([0, 0.02, 0.2]);
    this.#duplication = this.random.pick([0, 0.05, 0.2]);
    this.#wiping = mutant === 'wiped-may-vote' || mutant === 'admits-unconfirmed' || this.random.chance(0.4);
    this.#hasty = this.random.chance(0.3);
    this.#storm = this.random.pick([0, 10, 40]);
    this.invariants = new Invariants(this.ids.length, this.#wiping);
    for (const id of this.ids) this.#start(id, emptyDisk('voter'));
  }

  get members(): readonly SimMember[] {
    return [...this.#members.values()];
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      if (this.random.below(1000) < this.#storm) this.#overthrow();
      else this.#act();
      if (step % 100 === 99) this.invariants.checkLogs(this.members);
    }
  }

  /** Faults are over: does the cluster come back to life, and do all agree? */
  settle(): string | null {
    this.#cutOff.clear();
    for (const to of this.members) for (const peer of this.ids) if (peer !== to.id) this.#up(to, peer);
    const before = this.invariants.lastCommitted;
    for (let round = 0; round < 200; round += 1) {
      for (const member of this.members) this.#input(member, () => member.node.step({ type: 'tick', ticks: 1 }));
      for (let quiet = false, left = 1000; !quiet; left -= 1) {
        if (left === 0) return 'messages without end';
        quiet = !this.#deliverAll();
      }
      const leader = this.members.find((member) => member.node.serving);
      if (leader !== undefined && round % 10 === 0) this.#propose(leader);
      if (round > 20 && this.#agreed(before)) return null;
    }
    return `no agreement: ${JSON.stringify(this.members.map((member) => member.node.status))}`;
  }

  #agreed(before: number): boolean {
    const commits = this.members.map((member) => member.node.commitIndex);
    const standings = this.members.every((member) => member.disk.hardState.standing === 'voter');
    return standings && commits.every((index) => index === commits[0] && index > before);
  }

  #deliverAll(): boolean {
    const messages = this.#network;
    this.#network = [];
    for (const message of messages) this.#deliver(message);
    let busy = messages.length > 0 || this.#transfers.length > 0;
    while (this.#transfers.length > 0) this.#transfer(0, true);
    for (const member of this.members) {
      busy ||= member.unwritten.length > 0;
      while (member.unwritten.length > 0) this.#persist(member);
    }
    return busy;
  }

  #act(): void {
    const { random } = this;
    const member = this.#members.get(random.pick(this.ids))!;
    const dice = random.below(1000);
    if (dice < 560) this.#deliverSome();
    else if (dice < 760) this.#persist(member);
    else if (dice < 880)
      this.#input(member, () => member.node.step({ type: 'tick', ticks: random.chance(0.02) ? 30 : 1 }));
    else if (dice < 940) this.#propose(this.#hasty ? member : (this.members.find((m) => m.node.serving) ?? member));
    else if (dice < 950) this.#compact(member);
    else if (dice < 960) this.#transfer(random.below(Math.max(1, this.#transfers.length)), random.chance(0.8));
    else if (dice < 966) this.#crash(member);
    else if (dice < 970) this.#wipe(member);
    else if (dice < 978) this.#cut(member.id);
    else if (dice < 990) this.#up(member, random.pick(this.ids));
    else if (dice < 994) this.#down(member, random.pick(this.ids));
    else if (dice < 996) this.#input(member, () => member.node.step({ type: 'transfer', to: null }));
    else this.#cutOff.clear();
  }

  /** The leader, or whoever believes to be it, falls or is cut off; some notice it, in any order, rightly or not. */
  #overthrow(): void {
    const leaders = this.members.filter((member) => member.node.role === 'leader');
    const fallen = this.random.pick(leaders.length > 0 ? leaders : this.members);
    const fate = this.random.below(4);
    if (fate === 0) this.#crash(fallen);
    if (fate === 1) this.#cut(fallen.id);
    if (fate === 2) this.#cutOff.clear();
    for (const member of this.members) if (this.random.chance(0.7)) this.#down(member, fallen.id);
    if (this.random.chance(0.5)) this.#crash(this.random.pick(this.members));
  }

  #deliverSome(): void {
    if (this.#network.length === 0) return;
    const near = this.random.chance(0.7) ? 0 : this.random.below(this.#network.length);
    const message = this.#network[near]!;
    if (!this.random.chance(this.#duplication)) this.#network.splice(near, 1);
    const lost = this.#cutOff.has(message.from) || this.#cutOff.has(message.to) || this.random.chance(this.#loss);
    if (!lost) this.#deliver(message);
  }

  #deliver(message: RaftMessage): void {
    const member = this.#members.get(message.to)!;
    this.#input(member, () => member.node.step({ type: 'receive', message: this.#tampered(message) }));
  }

  #tampered(message: RaftMessage): RaftMessage {
    if (this.#mutant !== 'admits-unconfirmed' || message.type !== 'heartbeat') return message;
    return { ...message, admitIndex: message.commitIndex };
  }

  #propose(member: SimMember): void {
    const count = 1 + this.random.below(3);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < count; at += 1) payloads.push(this.#payload());
    this.#input(member, () => void member.node.propose(payloads));
  }

  #payload(): Uint8Array {
    this.#proposed += 1;
    const bytes = new Uint8Array(2 + this.random.below(6));
    bytes[0] = this.#proposed >> 8;
    bytes[1] = this.#proposed & 0xff;
    return bytes;
  }

  /** Writes the oldest batch and reports it. */
  #persist(member: SimMember): void {
    const batch = member.unwritten.shift();
    if (batch === undefined) return;
    member.write(batch);
    if (this.#mutant !== 'answers-before-disk') this.#network.push(...batch.sendAfterPersist);
    this.#input(member, () => member.node.step({ type: 'persisted', batch: batch.id }));
  }

  #compact(member: SimMember): void {
    const index = member.node.commitIndex;
    const term = member.diskTermAt(index);
    if (index <= member.disk.snapshotIndex || member.node.status.persistedIndex < index || term === null) return;
    if (member.unwritten.length > 0) return;
    const keep = this.random.below(4);
    this.#input(member, () => member.snapshotTaken(index, term, keep));
  }

  #transfer(at: number, delivered: boolean): void {
    const transfer = this.#transfers[at];
    if (transfer === undefined) return;
    this.#transfers.splice(at, 1);
    const { from, term } = transfer;
    const to = this.#members.get(transfer.to)!;
    const { snapshotIndex: index, snapshotTerm } = from.disk;
    const arrives = delivered && !this.#cutOff.has(from.id) && !this.#cutOff.has(to.id);
    if (arrives)
      this.#input(to, () =>
        to.node.step({ type: 'snapshotReceived', from: from.id, term, index, snapshotTerm, configuration: null }),
      );
    if (this.#members.get(from.id) === from)
      this.#input(from, () => from.node.step({ type: 'snapshotSent', peer: to.id, index, delivered: arrives }));
  }

  /** Of what was not reported as written, a part may be on disk all the same. */
  #crash(member: SimMember): void {
    const written = this.random.below(member.unwritten.length + 1);
    for (const batch of member.unwritten.slice(0, written)) member.write(batch);
    this.#restart(member, member.disk);
  }

  #wipe(member: SimMember): void {
    const spare = this.ids.length - (Math.floor(this.ids.length / 2) + 1);
    const abstaining = this.members.filter((m) => m.disk.hardState.standing === 'abstaining' && m !== member).length;
    if (!this.#wiping || abstaining >= spare || this.#wipes > 20) return;
    this.#wipes += 1;
    // A new process has new connections: nothing of the old ones arrives any more.
    this.#network = this.#network.filter((message) => message.from !== member.id && message.to !== member.id);
    for (let at = this.#transfers.length - 1; at >= 0; at -= 1)
      if (this.#transfers[at]!.to === member.id) this.#transfer(at, false);
    this.#restart(member, emptyDisk(this.#mutant === 'wiped-may-vote' ? 'voter' : 'abstaining'));
  }

  #restart(member: SimMember, disk: SimMember['disk']): void {
    const aware = this.random.chance(0.5);
    if (aware) for (const other of this.members) if (other !== member) this.#down(other, member.id);
    this.#start(member.id, disk);
    for (const other of this.members) if (other.id !== member.id) this.#up(other, member.id);
  }

  #start(id: NodeId, disk: SimMember['disk']): void {
    const random = this.random.fork(`${id}/${this.random.below(1e9)}`);
    const member = new SimMember(id, this.ids, disk, random, this.#mutant);
    this.#members.set(id, member);
    this.invariants.restarted(member);
  }

  #cut(id: NodeId): void {
    if (this.#cutOff.size < Math.floor(this.ids.length / 2)) this.#cutOff.add(id);
  }

  #up(member: SimMember, peer: NodeId): void {
    if (peer !== member.id) this.#input(member, () => member.node.step({ type: 'peerUp', peer }));
  }

  /** Rightly or not. */
  #down(member: SimMember, peer: NodeId): void {
    if (peer !== member.id) this.#input(member, () => member.node.step({ type: 'peerDown', peer }));
  }

  #input(member: SimMember, action: () => void): void {
    action();
    for (let batch = member.take(); batch !== null; batch = member.take()) this.#carryOut(member, batch);
  }

  #carryOut(member: SimMember, batch: RaftBatch): void {
    this.#network.push(...batch.sendNow);
    if (this.#mutant === 'answers-before-disk') this.#network.push(...batch.sendAfterPersist);
    // Bounded: a network that repeats messages must not drown in them.
    if (this.#network.length > 300) this.#network.splice(0, 100);
    const { term } = member.node.status;
    for (const to of batch.sendSnapshots) this.#transfers.push({ from: member, to, term });
    this.invariants.check(member, batch, this.members);
    member.node.applied(batch.commitIndex);
    for (const { peer, from, to } of batch.reads) {
      const entries = member.readQueued(from, to);
      member.node.step({ type: 'entriesRead', peer, from, entries });
    }
  }
}
