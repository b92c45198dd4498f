import type { JournalPosition } from '@lockstep/kernel';
import type { SimRandom } from '@lockstep/testkit';
import type { LiveRecords, MasterMessage, NodeMessage, StreamRules } from '../../src/index.ts';
import type { Client } from './client.ts';
import { Judge, require } from './judge.ts';
import { newNode } from './stream-node.ts';
import type { Channel, Node } from './stream-node.ts';

export const LEASE_MS = 10_000;
/** So long a master that has been replaced may go on handing out. */
const ELECTION_MS = 1_000;

const noRecords: LiveRecords = { retain: () => {}, release: () => {} };

/** Nodes, each with a broker and clients, over one log, which the last master chosen writes to. What happens to them is said from outside. */
export class StreamCluster {
  readonly judge: Judge;
  readonly nodes: readonly Node[];
  readonly random: SimRandom;
  committed = 0;
  leader: Node | null = null;
  nowMs = 0;
  /** The log takes little. */
  refusing = false;
  /** Masters take no messages for want of room. */
  full = false;
  /** False: what is not asked for does not go wrong. */
  faults = true;
  readonly #rules: StreamRules;
  readonly #log: Uint8Array[] = [];

  constructor(random: SimRandom, nodes: number, rules: StreamRules) {
    this.random = random;
    this.#rules = rules;
    this.judge = new Judge(this.#log);
    this.nodes = ['a', 'b', 'c', 'd', 'e'].slice(0, nodes).map((name) => this.#fresh(name, 1));
  }

  /** Commands in the log, committed or not. */
  get logLength(): number {
    return this.#log.length;
  }

  /** The end of a turn of the node. */
  turn(node: Node): void {
    const { broker, effects } = node;
    if (!node.alive) return;
    const dispatch = node === this.leader || this.nowMs - node.replacedAtMs < ELECTION_MS;
    let rounds = 0;
    for (let quiet = false; !quiet;) {
      require(rounds++ < 100, `a turn of ${node.name} does not end`);
      this.route(node);
      broker.flush(effects, dispatch);
      const said = broker.takeNodeMessages();
      const own = node.channel?.master === node && node.channel.openAtMaster;
      if (own) for (const message of said) this.#toMaster(node.channel!, message);
      else node.channel?.up.push(...said);
      let heard: readonly MasterMessage[] = [];
      for (const [name, messages] of broker.takeMasterMessages()) {
        for (const message of messages) this.#handedOut(node, message);
        const channel = node.served.get(name);
        if (channel?.node === node) heard = messages;
        else channel?.down.push(...messages);
      }
      if (own) for (const message of heard) broker.fromMaster(message, effects);
      quiet = !own || said.length + heard.length === 0;
    }
    this.route(node);
  }

  #handedOut({ handed }: Node, message: MasterMessage): void {
    if (message.type !== 'deliver') return;
    for (const [i, position] of message.positions.entries()) {
      this.judge.handedOut(position, message.counts[i]! % 2 === 1, handed.has(position));
      handed.add(position);
    }
  }

  /** So many messages each way arrive. */
  carry(channel: Channel | null, count: number): void {
    if (channel === null || channel.master === channel.node) return;
    const { up, down, node, master } = channel;
    for (const message of up.splice(0, count)) if (channel.openAtMaster) this.#toMaster(channel, message);
    if (channel.openAtMaster) this.turn(master);
    if (channel.openAtNode) for (const message of down.splice(0, count)) node.broker.fromMaster(message, node.effects);
    this.route(node);
  }

  #toMaster(channel: Channel, message: NodeMessage): void {
    const { node, master } = channel;
    master.heardMs.set(node.name, this.nowMs);
    if (message.type === 'settle' && master.broker.awaited.length > 0) {
      for (const { positions } of message.groups) this.judge.unsure(positions);
    }
    if (master.broker.fromNode(node.name, message)) return;
    // Who has applied less than the node can't know what it talks about.
    const behind = master.broker.applied < node.broker.applied;
    require(behind, `the master has dropped ${node.name} for its ${message.type}`);
    this.#closeAtMaster(channel);
  }

  attachIfNot(node: Node): void {
    if (!node.alive) return;
    if (node.channel?.openAtMaster === true) return;
    if (node.channel !== null) this.#detached(node);
    if (this.faults && this.nowMs < node.cutOffUntilMs) return;
    const masters = this.nodes.filter(({ broker, alive }) => alive && broker.master);
    if (masters.length === 0) return;
    const master =
      this.leader?.alive === true && (!this.faults || this.random.chance(0.8))
        ? this.leader
        : this.random.pick(masters);
    if (!master.broker.master) return;
    const old = master.served.get(node.name);
    if (old !== undefined) this.#closeAtMaster(old);
    const channel = { node, master, up: [], down: [], openAtNode: true, openAtMaster: true };
    node.channel = channel;
    master.served.set(node.name, channel);
    this.judge.attaching(node.name);
    node.broker.attach(node.effects);
    this.judge.count('attachments');
  }

  #detached(node: Node): void {
    if (node.channel === null) return;
    node.channel.openAtNode = false;
    node.channel = null;
    node.broker.detach(node.effects);
    this.route(node);
  }

  #closeAtMaster(channel: Channel): void {
    const { master, node } = channel;
    if (!channel.openAtMaster) return;
    channel.openAtMaster = false;
    if (master.served.get(node.name) !== channel) return;
    master.served.delete(node.name);
    master.heardMs.set(node.name, this.nowMs);
    master.broker.nodeDetached(node.name);
  }

  /** `cutOff`: how likely it is that no other way leads to a master for a while. */
  breakChannel(node: Node, cutOff: number): void {
    const { channel } = node;
    if (channel === null) return;
    const dice = this.random.below(3);
    this.judge.count('breaks');
    if (this.random.chance(cutOff)) node.cutOffUntilMs = this.nowMs + this.random.below(4 * LEASE_MS);
    if (dice !== 0 || this.random.chance(0.5)) this.#closeAtMaster(channel);
    if (dice !== 1) this.#detached(node);
  }

  elect(node: Node): void {
    if (!node.alive || (node === this.leader && node.broker.master)) return;
    const kept = this.committed + this.random.below(this.#log.length - this.committed + 1);
    if (this.leader !== null) {
      this.leader.replacedAtMs = this.nowMs;
      this.leader.phantom = this.#log.length + 1;
    }
    const replaced = this.leader;
    this.leader = null;
    this.#log.length = kept;
    this.#replicateTo(kept);
    if (replaced !== null && (!this.faults || this.random.chance(0.5))) this.resign(replaced);
    this.resign(node);
    this.apply(node, 1e9);
    this.leader = node;
    this.judge.count('masters');
    for (const { name } of this.nodes) node.heardMs.set(name, this.nowMs);
    const propose = (commands: readonly Uint8Array[]) => this.#propose(node, commands);
    node.handed.clear();
    node.broker.becomeMaster({ propose });
    node.broker.setWindow(1 << 20, 'test');
  }

  resign(node: Node): void {
    if (!node.broker.master || node === this.leader) return;
    node.broker.resign();
    for (const channel of [...node.served.values()]) {
      channel.openAtMaster = false;
      if (!this.faults || this.random.chance(0.5)) this.#detached(channel.node);
    }
    node.served.clear();
  }

  #propose(node: Node, commands: readonly Uint8Array[]): JournalPosition | null {
    if (this.refusing && this.random.chance(0.7)) return null;
    if (node !== this.leader) {
      const first = node.phantom;
      node.phantom += commands.length;
      return first as JournalPosition;
    }
    const first = this.#log.length + 1;
    for (const command of commands) this.#log.push(command.slice());
    return first as JournalPosition;
  }

  replicate(count: number): void {
    if (this.leader !== null) this.#replicateTo(Math.min(this.#log.length, this.committed + count));
  }

  #replicateTo(committed: number): void {
    this.committed = committed;
    this.judge.commit(committed);
  }

  apply(node: Node, count: number): void {
    const { broker, effects } = node;
    if (!node.alive || broker.applied >= this.committed) return;
    // Whoever is sent a new master's log knows that it is none.
    if (node !== this.leader) this.resign(node);
    for (let i = 0; i < count && broker.applied < this.committed; i++) {
      const position = broker.applied + 1;
      broker.apply(position as JournalPosition, this.#log[position - 1]!, noRecords, effects);
    }
    this.route(node);
  }

  /** A snapshot of another carries the node past what it has not applied. */
  bring(node: Node): void {
    const other = this.random.pick(this.nodes);
    if (!node.alive || !other.alive || node === this.leader || other.broker.applied <= node.broker.applied) return;
    this.resign(node);
    this.judge.count('snapshots');
    const restore = node.broker.restore(() => {});
    for (const chunk of other.broker.snapshot()) restore.write(chunk);
    restore.finish(node.effects);
    this.route(node);
  }

  crash(node: Node): void {
    if (!node.alive || this.nodes.filter(({ alive }) => alive).length < 2) return;
    this.judge.count('crashes');
    node.alive = false;
    for (const client of node.clients) if (!client.over) client.gone(true);
    this.judge.died(node.name);
    node.clients = [];
    node.effects.length = 0;
    if (node.channel !== null && this.random.chance(0.7)) this.#closeAtMaster(node.channel);
    node.channel = null;
    for (const channel of node.served.values()) {
      channel.openAtMaster = false;
      if (this.random.chance(0.7)) this.#detached(channel.node);
    }
    node.served.clear();
    if (this.leader === node) this.leader = null;
  }

  restart(node: Node): void {
    if (node.alive) return;
    const fresh = this.#fresh(node.name, node.run + 1);
    node.broker = fresh.broker;
    node.run = fresh.run;
    node.effects = fresh.effects;
    node.alive = true;
    this.apply(node, this.random.below(this.committed + 1));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.leases();
  }

  /** What the host of the master does about nodes that are away. */
  leases(): void {
    const master = this.leader;
    if (master === null || !master.alive || !master.broker.master) return;
    for (const node of this.nodes) {
      const channel = master.served.get(node.name);
      if (channel?.openAtMaster === true) continue;
      const silentMs = node.alive ? this.nowMs - (master.heardMs.get(node.name) ?? 0) : Infinity;
      if (!this.#rules.leaseOver(silentMs, LEASE_MS)) continue;
      if (silentMs >= LEASE_MS) this.judge.leaseIsOver.add(node.name);
      else this.judge.leaseIsOver.delete(node.name);
      master.broker.lapse(node.name);
    }
  }

  read(client: Client, count: number): void {
    for (const effect of client.waiting.splice(0, count)) client.effect(effect);
  }

  /** Effects go to their clients: at once, or behind a record that has to be read. */
  route(node: Node): void {
    const { effects } = node;
    for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
      const { session } = effect;
      const client = node.clients.find(({ id }) => id === session);
      if (client === undefined || client.over) continue;
      const isRead = effect.type === 'deliverStored' && this.faults && this.random.chance(0.1);
      if (effect.type !== 'abandonSession' && (client.waiting.length > 0 || isRead)) client.waiting.push(effect);
      else if (effect.type === 'deliverStored' && this.faults && this.random.chance(0.01))
        node.broker.undeliverable(effect);
      else client.effect(effect);
    }
  }

  #fresh(name: string, run: number): Node {
    return newNode(name, run, {
      rules: this.#rules,
      wallMs: () => 1_000 + this.nowMs,
      sendsRefused: () => (this.full ? 'there is no room' : null),
    });
  }
}
