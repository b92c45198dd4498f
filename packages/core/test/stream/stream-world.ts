import { SimRandom } from '@lockstep/testkit';
import { StreamRules } from '../../src/index.ts';
import { Client } from './client.ts';
import { askSomething } from './client-chance.ts';
import { require } from './judge.ts';
import type { Judge } from './judge.ts';
import { LEASE_MS, StreamCluster } from './stream-cluster.ts';
import type { Node } from './stream-node.ts';

/** A cluster in which all that may happen between nodes and masters happens by chance. */
export class StreamWorld {
  readonly #cluster: StreamCluster;
  readonly #random: SimRandom;
  /** Apart, so that nothing else changes with it; null: there is always room. */
  readonly #fullness: SimRandom | null;
  #clientCount = 0;
  readonly #faultiness: number;
  readonly #queues: readonly string[];
  readonly #partitions: boolean;

  constructor(seed: number, nodes: number = 3, rules: StreamRules = new StreamRules()) {
    this.#random = new SimRandom(`stream/${seed}`);
    this.#fullness = seed % 4 === 3 ? new SimRandom(`full/${seed}`) : null;
    this.#faultiness = this.#random.pick([0.01, 0.03, 0.1]);
    this.#queues = ['/queue/a', '/queue/b'].slice(this.#random.below(2));
    this.#partitions = this.#random.chance(0.5);
    this.#cluster = new StreamCluster(this.#random, nodes, rules);
  }

  get judge(): Judge {
    return this.#cluster.judge;
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) this.#step();
  }

  /** No more faults: brings all to rest, lets the clients settle everything, and looks at what is left. */
  settle(): void {
    this.#cluster.faults = false;
    this.#cluster.refusing = false;
    this.#cluster.full = false;
    for (const node of this.#cluster.nodes) this.#cluster.restart(node);
    // What a client could not be given stays with the master until there is another.
    this.#cluster.elect(this.#random.pick(this.#cluster.nodes.filter((node) => node !== this.#cluster.leader)));
    this.#rest();
    for (const client of this.#clients) {
      for (const subscription of client.queues) client.settle(subscription, subscription.held, 'ack');
      require(client.pending.size <=
        client.queues.length, `${client.id} waits for ${JSON.stringify([...client.pending])}`);
      if (client.subscriptions.size > 0) client.end('clean');
    }
    this.#rest();
    const last = this.#connect(this.#cluster.nodes[0]!);
    require(last !== null, 'a node does not accept, though all is well');
    for (const destination of this.#queues) last.subscribe(destination, 1e6);
    this.#rest();
    for (const subscription of last.queues) last.settle(subscription, subscription.held, 'ack');
    this.#rest();
    require(last.pending.size === 0, 'the last client waits for an answer');
    require(this.judge.live.size === 0, `messages ${[...this.judge.live].join()} are left`);
    for (const { name, broker } of this.#cluster.nodes) {
      require(broker.digest() === this.judge.digest, `the state of ${name} differs`);
      require(broker.outstanding === 0, `${name} has ${broker.outstanding} requests outstanding`);
    }
  }

  #rest(): void {
    let progress = '';
    for (let rounds = 0; rounds < 400; rounds++) {
      this.#cluster.nowMs += 500;
      this.#cluster.replicate(1e9);
      for (const node of this.#cluster.nodes) {
        this.#cluster.apply(node, 1e9);
        this.#cluster.attachIfNot(node);
        this.#cluster.turn(node);
        this.#cluster.carry(node.channel, 1e9);
        for (const client of node.clients) this.#cluster.read(client, 1e9);
        this.#cluster.route(node);
      }
      this.#cluster.leases();
      const now = JSON.stringify([
        this.#cluster.logLength,
        this.#cluster.nodes.map(({ broker, channel }) => [broker.applied, broker.outstanding, channel?.up.length]),
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
    return this.#cluster.nodes.flatMap(({ clients }) => clients.filter(({ over }) => !over));
  }

  #step(): void {
    const random = this.#random;
    const fullness = this.#fullness;
    if (fullness !== null) this.#cluster.full = fullness.chance(this.#cluster.full ? 0.85 : 0.03);
    const node = random.pick(this.#cluster.nodes);
    const client = node.clients.length === 0 ? undefined : random.pick(node.clients);
    if (random.chance(this.#faultiness)) this.#fault(node);
    if (client !== undefined) this.#cluster.read(client, random.below(4));
    const dice = random.below(90);
    if (dice < 36) this.#ask(node, client);
    else if (dice < 50) this.#cluster.turn(node);
    else if (dice < 62) this.#cluster.carry(node.channel, 1 + random.below(6));
    else if (dice < 72) this.#cluster.replicate(1 + random.below(8));
    else if (dice < 84) this.#cluster.apply(node, 1 + random.below(8));
    else if (dice < 88) this.#cluster.attachIfNot(node);
    else this.#cluster.pass(random.below(6_000));
    this.#cluster.route(node);
  }

  #fault(node: Node): void {
    const random = this.#random;
    // Some worlds change their master often, others cut nodes off.
    const dice = random.below(100);
    if (this.#cluster.leader === null && dice < 70) this.#cluster.elect(node);
    else if (dice < (this.#partitions ? 65 : 35)) this.#cluster.breakChannel(node, this.#partitions ? 0.8 : 0.3);
    else if (dice < (this.#partitions ? 70 : 58)) this.#cluster.elect(node);
    else if (dice < (this.#partitions ? 71 : 62)) this.#cluster.crash(node);
    else if (dice < 80) this.#cluster.restart(node);
    else if (dice < 85) this.#cluster.refusing = random.chance(0.3);
    else if (dice < 92) this.#cluster.bring(node);
    else if (dice < 97) this.#cluster.resign(node);
    else this.#cluster.pass(LEASE_MS);
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
    if (client.hadEnough) client.end('clean');
    else askSomething(client, random, this.#queues);
  }

  #connect(node: Node): Client | null {
    if (!node.broker.accepting) return null;
    const client = new Client(`c${++this.#clientCount}`, node.name, node.broker, this.judge, node.effects);
    node.clients.push(client);
    return client;
  }
}
