import type { NodeId } from '@lockstep/kernel';
import { SimRandom } from '@lockstep/testkit';
import { configurationOf, membersOf } from '../../src/node/index.ts';
import type { Configuration, RaftBatch, RaftMessage } from '../../src/node/index.ts';
import { Majorities } from '../../src/node/majorities.ts';
import { Invariants } from './invariants.ts';
import type { Mutant } from './mutants.ts';
import { drawChange } from './sim-changes.ts';
import { damagedDisk, emptyDisk, SimMember } from './sim-member.ts';
import { drawWorld } from './world.ts';
import type { World } from './world.ts';

interface Transfer {
  readonly from: SimMember;
  readonly to: NodeId;
  readonly term: number;
}

/** Pure nodes, one seed: a network that loses, reorders and repeats single messages, disks that are slow, members that crash, come and go. */
export class SimCluster {
  readonly random: SimRandom;
  /** Apart, for what is rare otherwise. */
  readonly #ill: SimRandom;
  readonly world: World;
  readonly invariants: Invariants;
  readonly #members = new Map<NodeId, SimMember>();
  readonly #mutant: Mutant;
  #network: RaftMessage[] = [];
  #transfers: Transfer[] = [];
  /** Who can't reach anybody. */
  readonly #cutOff = new Set<NodeId>();
  #wipes = 0;
  #proposed = 0;
  #asked = 0;

  constructor(seed: number, size: number, mutant: Mutant = 'none', world: Partial<World> = {}) {
    this.random = new SimRandom(`${seed}/${size}`);
    this.#ill = new SimRandom(`ill/${seed}/${size}`);
    this.world = { ...drawWorld(this.random, size), ...world };
    this.#mutant = mutant;
    this.invariants = new Invariants(this.world.wiping);
    const { ids, founding } = this.world;
    for (const id of ids) this.#start(id, emptyDisk(founding.voters.includes(id) ? 'voter' : 'abstaining'));
  }

  get ids(): readonly NodeId[] {
    return this.world.ids;
  }

  get members(): readonly SimMember[] {
    return [...this.#members.values()];
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step += 1) {
      if (this.random.below(1000) < this.world.storm) this.#overthrow();
      else if (this.random.below(1000) < this.world.changes) this.#change();
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
      for (const member of this.members) this.#tick(member, 1);
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
    const leader = this.members.find((member) => member.node.serving);
    if (leader === undefined) return false;
    const { configuration, configurationCommitted } = leader.node.status;
    const { votersOutgoing, votersNext } = configuration.configuration;
    if (!configurationCommitted || votersOutgoing.length > 0 || votersNext.length > 0) return false;
    const { commitIndex } = leader.node;
    const isDone = ({ node, disk }: SimMember): boolean =>
      disk.hardState.standing === 'voter' && node.commitIndex === commitIndex && commitIndex > before;
    return membersOf(configuration.configuration).every((id) => isDone(this.#members.get(id)!));
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
    else if (dice < 760)
      for (let left = 1 + random.below(this.world.writesMax); left > 0; left -= 1) this.#persist(member);
    else if (dice < 850) this.#tick(member, random.chance(0.02) ? 30 : 1);
    else if (dice < 915)
      this.#propose(this.world.hasty ? member : (this.members.find((m) => m.node.serving) ?? member));
    else if (dice < 935) this.#compact(member);
    else if (dice < 950) this.#transfer(random.below(Math.max(1, this.#transfers.length)), random.chance(0.8));
    else if (dice < 985) this.#ask(member);
    else this.#disturb(member);
  }

  #disturb(member: SimMember): void {
    const { random } = this;
    const dice = random.below(36);
    if (dice < 6) this.#crash(member);
    else if (dice < 10) this.#wipe(member);
    else if (dice < 15) this.#cut(member.id);
    else if (dice < 23) this.#up(member, random.pick(this.ids));
    else if (dice < 26) this.#down(member, random.pick(this.ids));
    else if (dice < 28) this.#input(member, () => member.node.step({ type: 'transfer', to: null }));
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
    for (let left = 1 + this.random.below(this.world.arrivalsMax); left > 0 && this.#network.length > 0; left -= 1)
      this.#deliverOne();
  }

  #deliverOne(): void {
    const near = this.random.chance(0.7) ? 0 : this.random.below(this.#network.length);
    const message = this.#network[near]!;
    if (!this.random.chance(this.world.duplication)) this.#network.splice(near, 1);
    const lost = this.#cutOff.has(message.from) || this.#cutOff.has(message.to) || this.random.chance(this.world.loss);
    if (!lost) this.#deliver(message);
  }

  #deliver(message: RaftMessage): void {
    const member = this.#members.get(message.to)!;
    this.invariants.elections.heard(member, message.from);
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

  /** Mostly of somebody who leads, or did so a moment ago. */
  #ask(some: SimMember): void {
    const leaders = this.members.filter((m) => m.node.status.peers.length > 0);
    const member = leaders.length > 0 && this.random.chance(0.8) ? this.random.pick(leaders) : some;
    this.#asked += 1;
    this.invariants.asked(this.#asked);
    this.#input(member, () => member.node.step({ type: 'readIndex', context: this.#asked }));
  }

  #tick(member: SimMember, ticks: number): void {
    for (let at = 0; at < ticks; at += 1) this.invariants.membership.ticked(member);
    this.#input(member, () => member.node.step({ type: 'tick', ticks }));
    this.invariants.elections.ticked(member);
  }

  #change(): void {
    const leaders = this.members.filter((m) => m.node.status.peers.length > 0);
    const member = this.random.pick(leaders.length > 0 ? leaders : this.members);
    const change = drawChange(this.random, member.node.configuration, this.world);
    this.#input(member, () => void member.node.changeMembership(change));
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
    if (this.world.witnesses.includes(member.id)) return;
    const index = member.node.commitIndex;
    const term = member.diskTermAt(index);
    if (index <= member.disk.snapshotIndex || member.node.status.persistedIndex < index || term === null) return;
    if (member.unwritten.length > 0) return;
    const keep = this.random.below(4);
    this.#input(member, () => member.snapshotTaken(index, term, keep));
  }

  /** A witness writes the shape some time, and drops what it stands for. */
  #release(witness: SimMember, index: number): void {
    const at = this.random.chance(0.3) ? 0 : index;
    const term = witness.diskTermAt(at);
    if (at <= witness.disk.snapshotIndex || term === null || witness.unwritten.some((b) => b.install !== null)) return;
    this.invariants.membership.checkRelease(witness, at, this.members);
    witness.snapshotTaken(at, term, 0);
  }

  #transfer(at: number, delivered: boolean): void {
    const transfer = this.#transfers[at];
    if (transfer === undefined) return;
    this.#transfers.splice(at, 1);
    const { from, term } = transfer;
    const to = this.#members.get(transfer.to)!;
    const { snapshotIndex: index, snapshotTerm, configuration } = from.disk;
    const arrives = delivered && !this.#cutOff.has(from.id) && !this.#cutOff.has(to.id);
    if (arrives)
      this.#input(to, () =>
        to.node.step({ type: 'snapshotReceived', from: from.id, term, index, snapshotTerm, configuration }),
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
    if (!this.world.wiping || this.#wipes > 20 || !this.#couldSpare(member.id)) return;
    this.#wipes += 1;
    // A new process has new connections: nothing of the old ones arrives any more.
    this.#network = this.#network.filter((message) => message.from !== member.id && message.to !== member.id);
    for (let at = this.#transfers.length - 1; at >= 0; at -= 1)
      if (this.#transfers[at]!.to === member.id) this.#transfer(at, false);
    const standing = this.#mutant === 'wiped-may-vote' ? 'voter' : 'abstaining';
    const disk = this.random.chance(0.5) ? emptyDisk(standing) : damagedDisk(member.disk, standing, this.random);
    this.#restart(member, disk);
  }

  /** Every half of every configuration in use keeps a majority that may vote: else the cluster would stand still for ever. */
  #couldSpare(id: NodeId): boolean {
    const abstains = (one: NodeId): boolean =>
      one === id || this.#members.get(one)!.disk.hardState.standing === 'abstaining';
    return this.members.every(({ node, disk }) => {
      const configurations = [...disk.entries.flatMap((e) => e.configuration ?? []), node.configuration];
      return configurations.every((one) => new Majorities(one).agree((voter) => !abstains(voter)));
    });
  }

  #restart(member: SimMember, disk: SimMember['disk']): void {
    const aware = this.random.chance(0.5);
    if (aware) for (const other of this.members) if (other !== member) this.#down(other, member.id);
    this.#start(member.id, disk);
    for (const other of this.members) if (other.id !== member.id) this.#up(other, member.id);
  }

  #start(id: NodeId, disk: SimMember['disk']): void {
    const random = this.random.fork(`${id}/${this.random.below(1e9)}`);
    const member = new SimMember(id, this.#foundingOf(id), disk, random, this.#mutant, {
      witness: this.world.witnesses.includes(id),
    });
    this.#members.set(id, member);
    this.invariants.restarted(member);
  }

  /** Who comes later knows of nobody. */
  #foundingOf(id: NodeId): Configuration {
    const { founding } = this.world;
    return founding.voters.includes(id) ? founding : configurationOf([]);
  }

  #cut(id: NodeId): void {
    if (this.#cutOff.size < Math.floor(this.world.founding.voters.length / 2)) this.#cutOff.add(id);
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
    if (batch.release !== null) this.#release(member, batch.release);
    // Who was told to campaign seems to have died on it.
    for (const message of batch.sendNow) {
      if (message.type !== 'timeoutNow' || !this.#ill.chance(0.3)) continue;
      member.node.step({ type: 'peerDown', peer: message.to });
    }
    for (const { peer, from, to } of batch.reads) {
      const entries = member.readQueued(from, to);
      member.node.step({ type: 'entriesRead', peer, from, entries });
    }
  }
}
