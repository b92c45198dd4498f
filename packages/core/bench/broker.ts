// What a message costs in the core alone, on one core: send, apply, hand out, settle, apply. `pnpm --filter @lockstep/core bench`
import type { JournalPosition, SessionId } from '@lockstep/kernel';
import { Bench } from 'tinybench';
import { Broker, defaultBrokerOptions } from '@lockstep/core';
import type { BrokerEffect, LiveRecords, Proposer } from '@lockstep/core';

const messagesPerTurn = 200;
const headerBlock = Buffer.from('content-type:text/plain\npersistent:true\nreceipt:message-4711\n');
const body = Buffer.alloc(256, 'x');
const producer = 'producer' as SessionId;
const consumer = 'consumer' as SessionId;

const { node } = defaultBrokerOptions;

const records: LiveRecords = { retain: () => {}, release: () => {} };

/** Copies commands into one buffer for each turn, as the journal does. */
class BenchLog implements Proposer {
  next = 1;
  #bytes: Uint8Array = new Uint8Array(1024 * 1024);
  #used = 0;
  readonly #positions: number[] = [];
  readonly #from: number[] = [];

  propose(commands: readonly Uint8Array[]): JournalPosition {
    const first = this.next;
    for (const command of commands) {
      if (this.#used + command.length > this.#bytes.length) this.#bytes = grown(this.#bytes);
      this.#positions.push(this.next++);
      this.#from.push(this.#used);
      this.#bytes.set(command, this.#used);
      this.#used += command.length;
    }
    return first as JournalPosition;
  }

  applyTo(broker: Broker, effects: BrokerEffect[]): void {
    this.#from.push(this.#used);
    for (const [index, position] of this.#positions.entries()) {
      const command = this.#bytes.subarray(this.#from[index]!, this.#from[index + 1]!);
      broker.apply(position as JournalPosition, command, records, effects);
    }
    this.#positions.length = 0;
    this.#from.length = 0;
    this.#used = 0;
  }
}

function grown(bytes: Uint8Array): Uint8Array {
  const more = new Uint8Array(bytes.length * 2);
  more.set(bytes);
  return more;
}

const wallMs = (): number => 1_790_000_000_000;

/** A broker that is its own master, with a producer and a consumer on each of its queues. */
class Setup {
  readonly broker = new Broker({ ...defaultBrokerOptions, wallMs, storeBytesMax: Infinity, indexBytesMax: Infinity });
  readonly #log = new BenchLog();
  readonly #queues: string[];
  readonly #effects: BrokerEffect[] = [];
  #turn = 0;

  constructor(queues: number, backlog: number) {
    this.#queues = Array.from({ length: queues }, (_, i) => `/queue/orders.${i}`);
    this.broker.becomeMaster(this.#log);
    this.broker.setWindow(Infinity, '');
    this.broker.attach(this.#effects);
    for (let i = 0; i < 3; i++) this.#endTurn(false);
    for (let i = 0; i < backlog; i += messagesPerTurn) this.#send();
    for (const [subscription, destination] of this.#queues.entries()) {
      const windows = { prefetchMessages: 1000, prefetchBytes: 16 * 1024 * 1024, attributes: null };
      this.broker.handle(
        { type: 'subscribe', session: consumer, token: 0, subscription, destination, ...windows },
        this.#effects,
      );
    }
    this.#endTurn(false);
    this.#endTurn(false);
  }

  turn(): void {
    this.#send();
    this.#exchange(true);
    const given = this.#effects.filter((effect) => effect.type === 'deliverStored');
    this.#effects.length = 0;
    for (const delivery of given) {
      if (!this.broker.give(delivery)) continue;
      const { subscription, position } = delivery;
      const settlement = { subscription, outcome: 'ack' as const, tags: [position] };
      this.broker.handle({ type: 'settle', session: consumer, token: 0, settlement }, this.#effects);
    }
    this.#endTurn(false);
  }

  /** What the two ends say to each other, until both are quiet. */
  #exchange(dispatch: boolean): void {
    const { broker } = this;
    for (let quiet = false; !quiet;) {
      broker.flush(this.#effects, dispatch);
      const asked = broker.takeNodeMessages();
      for (const message of asked) broker.fromNode(node, message);
      const told = broker.takeMasterMessages().get(node) ?? [];
      for (const message of told) broker.fromMaster(message, this.#effects);
      quiet = asked.length + told.length === 0;
    }
  }

  #endTurn(dispatch: boolean): void {
    this.#exchange(dispatch);
    this.#log.applyTo(this.broker, this.#effects);
    this.#effects.length = 0;
  }

  #send(): void {
    const message = { envelope: 0, headerBlock, body, attributes: null };
    for (let i = 0; i < messagesPerTurn; i++) {
      const destination = this.#queues[(this.#turn * messagesPerTurn + i) % this.#queues.length]!;
      this.broker.handle({ type: 'send', session: producer, token: i, destination, message }, this.#effects);
    }
    this.#turn++;
    this.#endTurn(false);
  }
}

const bench = new Bench({ time: 2000, warmupTime: 500 });
for (const [queues, backlog] of [
  [1, 0],
  [1, 500_000],
  [10_000, 0],
] as const) {
  const setup = new Setup(queues, backlog);
  bench.add(`${queues} queue(s), ${backlog} messages waiting`, () => setup.turn());
}
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => {
    const perSecond = 'throughput' in result ? result.throughput.mean * messagesPerTurn : NaN;
    return { task: name, 'messages/s': Math.round(perSecond), 'µs/message': Number((1e6 / perSecond).toFixed(2)) };
  }),
);
