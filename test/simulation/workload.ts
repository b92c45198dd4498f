import type { SimRandom } from '@lockstep/testkit';

import { Ledger } from '../harness/ledger.ts';
import { SimClient } from './sim-client.ts';
import type { ClientScript } from './sim-client.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { Load } from './scenario.ts';
import { TopicListener, TopicTalker } from './sim-topic.ts';
import { SessionWorkload } from './sessions/session-workload.ts';
import { ConsumerScript, ProducerScript } from './sim-workload.ts';

const destination = '/queue/simulated';
const autoDestination = '/queue/automatic';

/** All clients of one run, and the books on what they sent and got. */
export class Workload {
  readonly ledger: Ledger = new Ledger();
  /** The books of the queue whose consumer acknowledges nothing by itself: what it misses is lost rightly. */
  readonly automatic: Ledger = new Ledger({ lossy: true });
  readonly producers: readonly ProducerScript[];
  readonly consumers: readonly ConsumerScript[];
  readonly #talker: TopicTalker | null;
  readonly #listener: TopicListener | null;
  readonly #sessions: SessionWorkload | null;

  constructor(cluster: SimCluster, load: Load, random: SimRandom) {
    const clients = cluster.world.host('clients').start();
    const start = <S extends ClientScript>(name: string, script: S): S => {
      new SimClient(name, clients, cluster.addresses, script);
      return script;
    };
    const produce = (name: string, share: Partial<ConstructorParameters<typeof ProducerScript>[0]>): ProducerScript =>
      start(
        name,
        new ProducerScript({
          name,
          destination,
          ledger: this.ledger,
          random: random.fork(name),
          clock: clients.clock,
          window: random.fork(name).pick([1, 5, 20]),
          messages: load.messages,
          paceMs: load.paceMs,
          fills: load.fills,
          ...share,
        }),
      );
    const consume = (name: string, share: Partial<ConstructorParameters<typeof ConsumerScript>[0]>): ConsumerScript => {
      const own = random.fork(name);
      const ackMode = own.pick(['client', 'client-individual'] as const);
      const prefetch = own.pick([1, 10, 100]);
      const { ledger } = this;
      return start(name, new ConsumerScript({ name, destination, ledger, random: own, ackMode, prefetch, ...share }));
    };
    const producers = ['p1', 'p2', 'p3'].slice(0, load.producers).map((name) => produce(name, {}));
    const consumers = ['c1', 'c2', 'c3'].slice(0, load.consumers).map((name) => consume(name, {}));
    if (load.automatic) {
      const apart = { destination: autoDestination, ledger: this.automatic };
      producers.push(produce('pa', { ...apart, window: 3, messages: 60, fills: [0] }));
      consumers.push(consume('ca', { ...apart, ackMode: 'auto', prefetch: 10 }));
    }
    const staying = (): SessionWorkload =>
      new SessionWorkload(clients, cluster.addresses, this.ledger, random.fork('sessions'));
    this.#sessions = load.sessions ? staying() : null;
    this.producers = producers;
    this.consumers = consumers;
    this.#talker = load.topicMs === null ? null : start('talker', new TopicTalker(clients, load.topicMs));
    this.#listener = this.#talker === null ? null : start('listener', new TopicListener(this.#talker));
  }

  /** The books are being closed: nothing new but a few last messages, nothing is given back, nobody leaves. */
  close(): void {
    this.#talker?.stop();
    this.#sessions?.close();
    for (const producer of this.producers) producer.close();
    for (const consumer of this.consumers) consumer.calm = true;
  }

  /** What is not yet as it must be in the end; null when all is. */
  get missing(): string | null {
    if (!this.producers.every(({ done }) => done)) return 'a producer still waits for receipts';
    if (this.#sessions?.done === false) return 'a transaction that stays open still waits for its receipt';
    return this.ledger.complete ? null : 'something receipted has not been delivered';
  }

  /** What no client should have seen. */
  get errors(): readonly string[] {
    const scripts = [...this.producers, ...this.consumers, ...(this.#listener === null ? [] : [this.#listener])];
    return [...scripts.flatMap((script) => script.errors), ...(this.#sessions?.errors ?? [])];
  }

  /** Acknowledged, with a receipt, and delivered again. */
  get again(): readonly string[] {
    return this.#sessions?.again ?? [];
  }

  get seen(): Readonly<Record<string, number>> {
    return {
      redeliveries: this.consumers.reduce((sum, { redelivered }) => sum + redelivered, 0),
      'dead letters': this.consumers.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      'topic messages': this.#listener?.heard ?? 0,
      'acknowledged alone': this.#sessions?.acknowledgedAlone ?? 0,
      'transactions refused after a lease': this.#sessions?.refused ?? 0,
      'acknowledged by themselves': this.automatic.deliveries,
    };
  }
}
