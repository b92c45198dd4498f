// How long each step with a deep backlog keeps the event loop: `pnpm --filter @lockstep/core pauses [messages] [queues]`
// CPU time of the process, so that it can be told on a machine with other work; the collector's threads are in it.
import type { JournalPosition, SessionId } from '@lockstep/kernel';
import { Broker, defaultBrokerOptions } from '@lockstep/core';
import type { BrokerEffect, LiveRecords, Proposer } from '@lockstep/core';

const messages = Number(process.argv[2] ?? 1_000_000);
const queues = Number(process.argv[3] ?? 1);
const options = { ...defaultBrokerOptions, storeBytesMax: Infinity, indexBytesMax: Infinity };
const records: LiveRecords = { retain: () => {}, release: () => {} };

/** Copies commands into slabs, as the journal does. */
class BenchLog implements Proposer {
  next = 1;
  commands: Uint8Array[] = [];
  #slab = new Uint8Array(0);
  #used = 0;

  propose(commands: readonly Uint8Array[]): JournalPosition {
    for (const command of commands) {
      if (this.#used + command.length > this.#slab.length) {
        this.#slab = new Uint8Array(Math.max(256 * 1024, command.length));
        this.#used = 0;
      }
      this.#slab.set(command, this.#used);
      this.commands.push(this.#slab.subarray(this.#used, (this.#used += command.length)));
    }
    this.next += commands.length;
    return (this.next - commands.length) as JournalPosition;
  }

  wallMs(): number {
    return 1_790_000_000_000;
  }

  applyTo(broker: Broker, effects: BrokerEffect[]): void {
    const first = this.next - this.commands.length;
    for (const [i, command] of this.commands.entries()) {
      broker.apply((first + i) as JournalPosition, command, records, effects);
    }
    this.commands = [];
  }
}

const rows: {
  step: string;
  times: number;
  'longest, CPU ms': number;
  'longest, ms': number;
  'together, CPU ms': number;
}[] = [];

function timed<T>(step: string, work: () => T): T {
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(cpuFrom);
  const ms = performance.now() - from;
  const cpuMs = (user + system) / 1000;
  let row = rows.find((one) => one.step === step);
  if (row === undefined) {
    rows.push((row = { step, times: 0, 'longest, CPU ms': 0, 'longest, ms': 0, 'together, CPU ms': 0 }));
  }
  row.times++;
  row['longest, CPU ms'] = Math.max(row['longest, CPU ms'], rounded(cpuMs));
  row['longest, ms'] = Math.max(row['longest, ms'], rounded(ms));
  row['together, CPU ms'] = rounded(row['together, CPU ms'] + cpuMs);
  return result;
}

function rounded(ms: number): number {
  return Number(ms.toFixed(2));
}

const log = new BenchLog();
const broker = new Broker(options);
const effects: BrokerEffect[] = [];
const session = 's' as SessionId;
const message = { envelope: 0, headerBlock: Buffer.alloc(64, 'h'), body: Buffer.alloc(256, 'x'), attributes: null };

function turn(step: string): void {
  timed(step, () => {
    broker.flush(effects, true);
    log.applyTo(broker, effects);
    broker.flush(effects, true);
  });
}

broker.becomeMaster(log);
for (let i = 0; i < messages; i++) {
  broker.handle({ type: 'send', session, token: i, destination: `/queue/${i % queues}`, message }, []);
  if (i % 4096 === 4095) turn('4,096 sends applied');
}
turn('4,096 sends applied');
effects.length = 0;

timed('resign', () => broker.resign());
timed('becomeMaster', () => broker.becomeMaster(log));
const prefetch = { prefetchMessages: 1000, prefetchBytes: 1e9, attributes: null };
timed('subscribe to all queues, first dispatch', () => {
  for (let i = 0; i < queues; i++) {
    const wish = { subscription: i, destination: `/queue/${i}`, ...prefetch };
    broker.handle({ type: 'subscribe', session, token: 0, ...wish }, effects);
  }
  broker.flush(effects, true);
});
const snapshot = timed('snapshot()', () => broker.snapshot());
const chunks: Uint8Array[] = [];
const iterator = snapshot[Symbol.iterator]();
let bytes = 0;
for (;;) {
  const { value, done } = timed('a chunk of the snapshot', () => iterator.next());
  if (done === true) break;
  chunks.push(value);
  bytes += value.length;
  // Work goes on meanwhile: what was handed out is acknowledged, and more handed out.
  const given = effects.splice(0).filter((effect) => effect.type === 'deliverStored');
  for (const { subscription, position } of given) {
    const settlement = { subscription, outcome: 'ack' as const, tags: [position] };
    broker.handle({ type: 'settle', session, token: 0, settlement }, []);
  }
  turn('up to 4,096 settled and handed out during the snapshot');
}
let live = 0;
const restore = new Broker(options).restore(() => live++);
for (const chunk of chunks) timed('a chunk restored', () => restore.write(chunk));
timed('restore: finish', () => restore.finish([]));
timed('resign with messages out', () => broker.resign());
timed('becomeMaster after it', () => broker.becomeMaster(log));
globalThis.gc?.();
const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
console.table(rows);
console.log(
  `${messages} messages in ${queues} queue(s); snapshot ${bytes} bytes in ${chunks.length} chunks, ${live} live; rss ${rss >> 20} MB, heap ${heapUsed >> 20} MB, arrays ${arrayBuffers >> 20} MB (two states)`,
);
