import type { JournalPosition } from '@lockstep/kernel';
import { SimRandom } from '@lockstep/testkit';
import { StreamRules } from '../../src/index.ts';
import type { LiveRecords, MasterMessage, NodeMessage } from '../../src/index.ts';
import { Client } from './client.ts';
import { askSomething } from './client-chance.ts';
import { Judge, require } from './judge.ts';
import { newNode } from './stream-node.ts';
import type { Channel, Node } from './stream-node.ts';

const LEASE_MS = 10_000;
/** So long a master that has been replaced may go on handing out. */
const ELECTION_MS = 1_000;

const noRecords: LiveRecords = { retain: () => {}, release: () => {} };

/** Nodes, each with a broker and clients, over one log, which the last master chosen writes to; all that may happen between them happens by chance. */
export class StreamWorld {
  readonly judge: Judge;
  readonly #random: SimRandom;
  readonly #rules: StreamRules;
  readonly #log: Uint8Array[] = [];
  readonly #nodes: Node[];
  #committed = 0;
  #leader: Node | null = null;
  #nowMs = 0;
  #refusing = false;
  #clientCount = 0;
  #faults = true;
  readonly #faultiness: number;
  readonly #queues: readonly string[];
  readonly #partitions: boolean;

  constructor(seed: number, nodes: number = 3, rules: StreamRules = new StreamRules()) {
    this.#random = new SimRandom(`stream/${seed}`);
    this.#rules = rules;
    this.#faultiness = this.#random.pick([0.01, 0.03, 0.1]);
    this.#queues = ['/queue/a', '/queue/b'].slice(this.#random.below(2));
    this.#partitions = this.#random.chance(0.5);
    this.judge = new Judge(this.#log);
    this.#nodes = ['a', 'b', 'c', 'd', 'e'].slice(0, nodes).map((name) => this.#fresh(name, 1));
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) this.#step();
  }

  /** No more faults: brings all to rest, lets the clients settle everything, and looks at what is left. */
  settle(): void {
    this.#faults = false;
    this.#refusing = false;
    for (const node of this.#nodes) this.#restart(node);
    // What a client could not be given stays with the master until there is another.
    this.#elect(this.#random.pick(this.#nodes.filter((node) => node !== this.#leader)));
    this.#rest();
    for (const client of this.#clients) {
      for (const subscription of client.queues) client.settle(subscription, subscription.held, 'ack');
      require(client.pending.size <=
        client.queues.length, `${client.id} waits for ${JSON.stringify([...client.pending])}`);
      if (client.subscriptions.size > 0) client.end('clean');
    }
    this.#rest();
    const last = this.#connect(this.#nodes[0]!);
    require(last !== null, 'a node does not accept, though all is well');
    for (const destination of this.#queues) last.subscribe(destination, 1e6);
    this.#rest();
    for (const subscription of last.queues) last.settle(subscription, subscription.held, 'ack');
    this.#rest();
    require(last.pending.size === 0, 'the last client waits for an answer');
    require(this.judge.live.size === 0, `messages ${[...this.judge.live].join()} are left`);
    for (const { name, broker } of this.#nodes) {
      require(broker.digest() === this.judge.digest, `the state of ${name} differs`);
      require(broker.outstanding === 0, `${name} has ${broker.outstanding} requests outstanding`);
    }
  }

  #rest(): void {
    let progress = '';
    for (let rounds = 0; rounds < 400; rounds++) {
      this.#nowMs += 500;
      this.#replicate(1e9);
      for (const node of this.#nodes) {
        this.#apply(node, 1e9);
        this.#attachIfNot(node);
        this.#turn(node);
        this.#carry(node.channel, 1e9);
        for (const client of node.clients) this.#read(client, 1e9);
        this.#route(node);
      }
      this.#leases();
      const now = JSON.stringify([
        this.#log.length,
        this.#nodes.map(({ broker, channel }) => [broker.applied, broker.outstanding, channel?.up.length]),
        this.#clients.map(({ pending, waiting }) => [pending.size, waiting.length]),
        this.judge.seen['deliveries'],
      ]);
      // The lease of a node that nobody has heard of may have to run out.
      if (now === progress && rounds % 30 === 29) return;
      if (rounds % 30 === 20) progress = now;
    }
    require(false, 'it does not come to rest');
  }

  get #clients(): readonly Client[] {
    return this.#nodes.flatMap(({ clients }) => clients.filter(({ over }) => !over));
  }

  #step(): void {
    const random = this.#random;
    const node = random.pick(this.#nodes);
    const client = node.clients.length === 0 ? undefined : random.pick(node.clients);
    if (random.chance(this.#faultiness)) this.#fault(node);
    if (client !== undefined) this.#read(client, random.below(4));
    const dice = random.below(90);
    if (dice < 36) this.#ask(node, client);
    else if (dice < 50) this.#turn(node);
    else if (dice < 62) this.#carry(node.channel, 1 + random.below(6));
    else if (dice < 72) this.#replicate(1 + random.below(8));
    else if (dice < 84) this.#apply(node, 1 + random.below(8));
    else if (dice < 88) this.#attachIfNot(node);
    else this.#pass(random.below(6_000));
    this.#route(node);
  }

  #fault(node: Node): void {
    const random = this.#random;
    // Some worlds change their master often, others cut nodes off.
    const dice = random.below(100);
    if (this.#leader === null && dice < 70) this.#elect(node);
    else if (dice < (this.#partitions ? 65 : 35)) this.#breakChannel(node);
    else if (dice < (this.#partitions ? 70 : 58)) this.#elect(node);
    else if (dice < (this.#partitions ? 71 : 62)) this.#crash(node);
    else if (dice < 80) this.#restart(node);
    else if (dice < 85) this.#refusing = random.chance(0.3);
    else if (dice < 92) this.#bring(node);
    else if (dice < 97) this.#resign(node);
    else this.#pass(LEASE_MS);
  }

  #ask(node: Node, client: Client | undefined): void {
    const random = this.#random;
    if (!node.alive) return;
    if (client === undefined || (node.clients.length < 4 && random.chance(0.04))) {
      this.#connect(node);
      return;
    }
    if (client.over) {
      node.clients = node.clients.filter((one) => one !== client);
      return;
    }
    askSomething(client, random, this.#queues);
  }

  #connect(node: Node): Client | null {
    if (!node.broker.accepting) return null;
    const client = new Client(`c${++this.#clientCount}`, node.name, node.broker, this.judge, node.effects);
    node.clients.push(client);
    return client;
  }

  /** The end of a turn of the node. */
  #turn(node: Node): void {
    const { broker, effects } = node;
    if (!node.alive) return;
    const dispatch = node === this.#leader || this.#nowMs - node.replacedAtMs < ELECTION_MS;
    let rounds = 0;
    for (let quiet = false; !quiet;) {
      require(rounds++ < 100, `a turn of ${node.name} does not end`);
      this.#route(node);
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
    this.#route(node);
  }

  #handedOut({ handed }: Node, message: MasterMessage): void {
    if (message.type !== 'deliver') return;
    for (const [i, position] of message.positions.entries()) {
      this.judge.handedOut(position, message.counts[i]! % 2 === 1, handed.has(position));
      handed.add(position);
    }
  }

  /** So many messages each way arrive. */
  #carry(channel: Channel | null, count: number): void {
    if (channel === null || channel.master === channel.node) return;
    const { up, down, node, master } = channel;
    for (const message of up.splice(0, count)) if (channel.openAtMaster) this.#toMaster(channel, message);
    if (channel.openAtMaster) this.#turn(master);
    if (channel.openAtNode) for (const message of down.splice(0, count)) node.broker.fromMaster(message, node.effects);
    this.#route(node);
  }

  #toMaster(channel: Channel, message: NodeMessage): void {
    const { node, master } = channel;
    master.heardMs.set(node.name, this.#nowMs);
    if (message.type === 'settle' && master.broker.awaited.length > 0) {
      for (const { positions } of message.groups) this.judge.unsure(positions);
    }
    if (master.broker.fromNode(node.name, message)) return;
    // Who has applied less than the node can't know what it talks about.
    const behind = master.broker.applied < node.broker.applied;
    require(behind, `the master has dropped ${node.name} for its ${message.type}`);
    this.#closeAtMaster(channel);
  }

  #attachIfNot(node: Node): void {
    if (!node.alive) return;
    if (node.channel?.openAtMaster === true) return;
    if (node.channel !== null) this.#detached(node);
    if (this.#faults && this.#nowMs < node.cutOffUntilMs) return;
    const masters = this.#nodes.filter(({ broker, alive }) => alive && broker.master);
    if (masters.length === 0) return;
    const master =
      this.#leader?.alive === true && (!this.#faults || this.#random.chance(0.8))
        ? this.#leader
        : this.#random.pick(masters);
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
    this.#route(node);
  }

  #closeAtMaster(channel: Channel): void {
    const { master, node } = channel;
    if (!channel.openAtMaster) return;
    channel.openAtMaster = false;
    if (master.served.get(node.name) !== channel) return;
    master.served.delete(node.name);
    master.heardMs.set(node.name, this.#nowMs);
    master.broker.nodeDetached(node.name);
  }

  #breakChannel(node: Node): void {
    const { channel } = node;
    if (channel === null) return;
    const dice = this.#random.below(3);
    this.judge.count('breaks');
    if (this.#random.chance(this.#partitions ? 0.8 : 0.3))
      node.cutOffUntilMs = this.#nowMs + this.#random.below(4 * LEASE_MS);
    if (dice !== 0 || this.#random.chance(0.5)) this.#closeAtMaster(channel);
    if (dice !== 1) this.#detached(node);
  }

  #elect(node: Node): void {
    if (!node.alive || (node === this.#leader && node.broker.master)) return;
    const kept = this.#committed + this.#random.below(this.#log.length - this.#committed + 1);
    if (this.#leader !== null) {
      this.#leader.replacedAtMs = this.#nowMs;
      this.#leader.phantom = this.#log.length + 1;
    }
    const replaced = this.#leader;
    this.#leader = null;
    this.#log.length = kept;
    this.#replicateTo(kept);
    if (replaced !== null && (!this.#faults || this.#random.chance(0.5))) this.#resign(replaced);
    this.#resign(node);
    this.#apply(node, 1e9);
    this.#leader = node;
    this.judge.count('masters');
    for (const { name } of this.#nodes) node.heardMs.set(name, this.#nowMs);
    const propose = (commands: readonly Uint8Array[]) => this.#propose(node, commands);
    node.handed.clear();
    node.broker.becomeMaster({ propose });
    node.broker.setWindow(1 << 20, 'test');
  }

  #resign(node: Node): void {
    if (!node.broker.master || node === this.#leader) return;
    node.broker.resign();
    for (const channel of [...node.served.values()]) {
      channel.openAtMaster = false;
      if (!this.#faults || this.#random.chance(0.5)) this.#detached(channel.node);
    }
    node.served.clear();
  }

  #propose(node: Node, commands: readonly Uint8Array[]): JournalPosition | null {
    if (this.#refusing && this.#random.chance(0.7)) return null;
    if (node !== this.#leader) {
      const first = node.phantom;
      node.phantom += commands.length;
      return first as JournalPosition;
    }
    const first = this.#log.length + 1;
    for (const command of commands) this.#log.push(command.slice());
    return first as JournalPosition;
  }

  #replicate(count: number): void {
    if (this.#leader !== null) this.#replicateTo(Math.min(this.#log.length, this.#committed + count));
  }

  #replicateTo(committed: number): void {
    this.#committed = committed;
    this.judge.commit(committed);
  }

  #apply(node: Node, count: number): void {
    const { broker, effects } = node;
    if (!node.alive || broker.applied >= this.#committed) return;
    // Whoever is sent a new master's log knows that it is none.
    if (node !== this.#leader) this.#resign(node);
    for (let i = 0; i < count && broker.applied < this.#committed; i++) {
      const position = broker.applied + 1;
      broker.apply(position as JournalPosition, this.#log[position - 1]!, noRecords, effects);
    }
    this.#route(node);
  }

  /** A snapshot of another carries the node past what it has not applied. */
  #bring(node: Node): void {
    const other = this.#random.pick(this.#nodes);
    if (!node.alive || !other.alive || node === this.#leader || other.broker.applied <= node.broker.applied) return;
    this.#resign(node);
    this.judge.count('snapshots');
    const restore = node.broker.restore(() => {});
    for (const chunk of other.broker.snapshot()) restore.write(chunk);
    restore.finish(node.effects);
    this.#route(node);
  }

  #crash(node: Node): void {
    if (!node.alive || this.#nodes.filter(({ alive }) => alive).length < 2) return;
    this.judge.count('crashes');
    node.alive = false;
    for (const client of node.clients) if (!client.over) client.gone(true);
    this.judge.died(node.name);
    node.clients = [];
    node.effects.length = 0;
    if (node.channel !== null && this.#random.chance(0.7)) this.#closeAtMaster(node.channel);
    node.channel = null;
    for (const channel of node.served.values()) {
      channel.openAtMaster = false;
      if (this.#random.chance(0.7)) this.#detached(channel.node);
    }
    node.served.clear();
    if (this.#leader === node) this.#leader = null;
  }

  #restart(node: Node): void {
    if (node.alive) return;
    const fresh = this.#fresh(node.name, node.run + 1);
    node.broker = fresh.broker;
    node.run = fresh.run;
    node.effects = fresh.effects;
    node.alive = true;
    this.#apply(node, this.#random.below(this.#committed + 1));
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    this.#leases();
  }

  /** What the host of the master does about nodes that are away. */
  #leases(): void {
    const master = this.#leader;
    if (master === null || !master.alive || !master.broker.master) return;
    for (const node of this.#nodes) {
      const channel = master.served.get(node.name);
      if (channel?.openAtMaster === true) continue;
      const silentMs = node.alive ? this.#nowMs - (master.heardMs.get(node.name) ?? 0) : Infinity;
      if (!this.#rules.leaseOver(silentMs, LEASE_MS)) continue;
      if (silentMs >= LEASE_MS) this.judge.leaseIsOver.add(node.name);
      else this.judge.leaseIsOver.delete(node.name);
      master.broker.lapse(node.name);
    }
  }

  #read(client: Client, count: number): void {
    for (const effect of client.waiting.splice(0, count)) client.effect(effect);
  }

  /** Effects go to their clients: at once, or behind a record that has to be read. */
  #route(node: Node): void {
    const { effects } = node;
    for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
      const { session } = effect;
      const client = node.clients.find(({ id }) => id === session);
      if (client === undefined || client.over) continue;
      const isRead = effect.type === 'deliverStored' && this.#faults && this.#random.chance(0.1);
      if (effect.type !== 'abandonSession' && (client.waiting.length > 0 || isRead)) client.waiting.push(effect);
      else if (effect.type === 'deliverStored' && this.#faults && this.#random.chance(0.01))
        node.broker.undeliverable(effect);
      else client.effect(effect);
    }
  }

  #fresh(name: string, run: number): Node {
    return newNode(name, run, this.#rules, () => 1_000 + this.#nowMs);
  }
}
