import { Broker, defaultBrokerOptions } from '../../src/index.ts';
import type { BrokerEffect, Request } from '../../src/index.ts';
import type { JournalPosition } from '@lockstep/kernel';
import { Model } from './model.ts';
import type { ModelOperation, ModelSettlement } from './model.ts';
import { realised, RecordSet, TestLog, newMessage, session as sessionId } from './test-bench.ts';

export type Step =
  | { readonly type: 'send'; readonly session: number; readonly queue: number; readonly size: number }
  | {
      readonly type: 'subscribe';
      readonly session: number;
      readonly queue: number;
      readonly prefetch: number;
      readonly bytes: number;
    }
  | { readonly type: 'unsubscribe'; readonly session: number; readonly which: number }
  | {
      readonly type: 'settle';
      readonly session: number;
      readonly which: number;
      readonly outcome: number;
      readonly first: number;
      readonly count: number;
      readonly forged: number;
    }
  | {
      readonly type: 'commit';
      readonly session: number;
      readonly which: number;
      readonly sends: readonly number[];
      readonly first: number;
      readonly count: number;
      readonly stale: boolean;
    }
  | { readonly type: 'end'; readonly session: number; readonly lost: boolean }
  | { readonly type: 'apply'; readonly count: number }
  | { readonly type: 'flush'; readonly dispatch: boolean }
  | { readonly type: 'refuse'; readonly refusing: boolean }
  | { readonly type: 'snapshot' }
  | { readonly type: 'restore'; readonly cut: number }
  | { readonly type: 'changeMaster'; readonly kept: number; readonly to: number };

const queueNames = ['/queue/a', '/queue/b', '/queue/dead'];
const outcomes = ['ack', 'requeue', 'dead-letter', 'discard'] as const;
const maxDeliveries = 3;
const options = { ...defaultBrokerOptions, maxDeliveries, deadLetterQueue: '/queue/dead' };

interface Asked {
  readonly token: number;
  /** Not answered before this has been applied; null: any time. */
  readonly position: number | null;
}

/** Tells the world which commands were proposed, as they are. */
class WatchedLog extends TestLog {
  onPropose: (types: readonly number[], first: number) => void = () => {};

  override propose(commands: readonly Uint8Array[]): JournalPosition | null {
    const first = super.propose(commands);
    if (first !== null)
      this.onPropose(
        commands.map((command) => command[1]!),
        first,
      );
    return first;
  }
}

/** A snapshot that may not have been read yet. */
interface Taken {
  readonly chunks: Iterable<Uint8Array>;
  readonly applied: number;
  readonly digest: string;
}

/** Three replicas, of which one is master, beside the model: every effect is checked as it comes. */
export class World {
  readonly #model = new Model(maxDeliveries);
  readonly #log = new WatchedLog();
  readonly #operations: { readonly position: number; readonly operation: ModelOperation }[] = [];
  #replicas = [new Broker(options), new Broker(options), new Broker(options)];
  /** What each replica says that it refers to. */
  readonly #records = [new RecordSet(), new RecordSet(), new RecordSet()];
  #master = 0;
  #applied = 0;
  #token = 0;
  #bodies = 0;
  #generation = [0, 0, 0];
  #subscription = 0;
  #asked = new Map<string, Asked[]>();
  #snapshot: Taken | null = null;
  #parts: number[] = [];
  /** What the request being handled will propose. */
  #current: ModelOperation | null = null;
  #lastProposed = 0;

  constructor() {
    this.#log.onPropose = (types, first) => this.#proposed(types, first);
    this.#become(0);
  }

  run(step: Step): void {
    switch (step.type) {
      case 'send':
        return this.#send(step);
      case 'subscribe':
        return this.#subscribe(step);
      case 'unsubscribe':
        return this.#unsubscribe(step);
      case 'settle':
        return this.#settle(step);
      case 'commit':
        return this.#commit(step);
      case 'end':
        return this.#end(step);
      case 'apply':
        for (let i = 0; i < step.count; i++) this.#applyNext();
        return this.#flush(true);
      case 'flush':
        return this.#flush(step.dispatch);
      case 'refuse':
        this.#log.refusing = step.refusing;
        return;
      case 'snapshot':
        this.#snapshot = this.#takeSnapshot();
        return;
      case 'restore':
        return this.#restore(step.cut);
      case 'changeMaster':
        return this.#changeMaster(step.kept, step.to);
    }
  }

  /** Brings all to rest, and compares what is left with the model, message by message. */
  finish(): void {
    this.#log.refusing = false;
    this.#settleDown();
    for (const [session, asked] of this.#asked)
      this.#check(asked.length === 0, `${session} has had no reply to ${asked[0]?.token}`);
    this.#restore(7);
    this.#compareDigests();
    this.#changeMaster(0, 1);
    for (const queue of queueNames)
      this.#handle(
        {
          ...this.#base(0),
          type: 'subscribe',
          subscription: ++this.#subscription,
          destination: queue,
          prefetchMessages: 1e9,
          prefetchBytes: 1e9,
        },
        null,
        () => {
          this.#model.consumers.push({
            session: this.#session(0),
            subscription: this.#subscription,
            queue,
            messagesMax: 1e9,
            bytesMax: 1e9,
            held: [],
          });
        },
      );
    this.#settleDown();
    for (const queue of queueNames) {
      const left = this.#model.ready(queue).map(({ body }) => body);
      this.#check(left.length === 0, `${queue} still has ${left.join()}`);
    }
    const depth = this.#broker.queues().reduce((sum, status) => sum + status.depth, 0);
    this.#check(depth === [...this.#model.queues.values()].flat().length, `${depth} messages are in the queues`);
  }

  get #broker(): Broker {
    return this.#replicas[this.#master]!;
  }

  #check(condition: boolean, message: string): asserts condition {
    if (!condition) throw new Error(message);
  }

  #session(number: number): string {
    return `s${number}-${this.#generation[number]!}`;
  }

  #base(number: number): { readonly session: ReturnType<typeof sessionId>; readonly token: number } {
    return { session: sessionId(this.#session(number)), token: ++this.#token };
  }

  /** Bodies of differing lengths, each its own. */
  #body(size: number): string {
    return `${++this.#bodies}${'.'.repeat(size)}`;
  }

  #proposed(types: readonly number[], first: number): void {
    for (const [index, type] of types.entries()) {
      const position = first + index;
      this.#lastProposed = position;
      if (type === 1) this.#operations.push({ position, operation: { type: 'open' } });
      else if (type === 4) this.#operations.push({ position, operation: { type: 'part' } });
      else if (type === 3) {
        this.#operations.push({ position, operation: { type: 'settle', settlements: this.#model.gathered } });
        this.#model.gathered = [];
        for (const asked of this.#asked.values()) {
          for (const [at, { token, position: due }] of asked.entries())
            if (due === Infinity) asked[at] = { token, position };
        }
      } else {
        this.#check(this.#current !== null, 'a command without a request');
        this.#operations.push({ position, operation: this.#current });
      }
    }
  }

  /** `operation`: what it proposes, if it does. `waits`: not answered before settlements that are only gathered yet. */
  #handle(request: Request, operation: ModelOperation | null, onEffect: () => void, waits: boolean = false): void {
    this.#current = operation;
    this.#lastProposed = 0;
    const effects: BrokerEffect[] = [];
    const asked = this.#asked.get(request.session) ?? [];
    this.#asked.set(request.session, asked);
    const count = this.#operations.length;
    if (request.type !== 'endSession') asked.push({ token: request.token, position: waits ? Infinity : null });
    this.#broker.handle(request, effects);
    const proposed = this.#operations.slice(count).some((one) => one.operation === operation);
    if (request.type !== 'endSession' && proposed) {
      asked[asked.length - 1] = { token: request.token, position: this.#lastProposed };
    }
    onEffect();
    this.#effects(effects);
  }

  #send({ session, queue, size }: Extract<Step, { type: 'send' }>): void {
    const body = this.#body(size);
    const destination = queueNames[queue]!;
    const request: Request = { ...this.#base(session), type: 'send', destination, message: newMessage(body) };
    this.#handle(request, { type: 'send', queue: destination, body }, () => {});
  }

  /** Subscribing waits for the session's earlier requests; so that the model need not, these are applied first. */
  #subscribe({ session, queue, prefetch, bytes }: Extract<Step, { type: 'subscribe' }>): void {
    if (this.#log.refusing) return;
    this.#settleDown();
    const subscription = ++this.#subscription;
    const destination = queueNames[queue]!;
    const windows = { prefetchMessages: prefetch, prefetchBytes: bytes };
    this.#handle({ ...this.#base(session), type: 'subscribe', subscription, destination, ...windows }, null, () => {
      const consumer = { session: this.#session(session), subscription, queue: destination, held: [] };
      this.#model.consumers.push({ ...consumer, messagesMax: prefetch, bytesMax: bytes });
    });
  }

  #consumer(session: number, which: number) {
    const own = this.#model.consumers.filter((consumer) => consumer.session === this.#session(session));
    return own[which % Math.max(1, own.length)];
  }

  #unsubscribe({ session, which }: Extract<Step, { type: 'unsubscribe' }>): void {
    const consumer = this.#consumer(session, which);
    if (consumer === undefined || this.#log.refusing) return;
    this.#settleDown();
    this.#handle({ ...this.#base(session), type: 'unsubscribe', subscription: consumer.subscription }, null, () => {
      this.#model.leave(consumer.session, consumer.subscription, false);
    });
  }

  #settle({ session, which, outcome, first, count, forged }: Extract<Step, { type: 'settle' }>): void {
    const consumer = this.#consumer(session, which);
    if (consumer === undefined) return;
    const tags = consumer.held.slice(first, first + count).map(({ position }) => position);
    // What it does not hold, or named before, or was never a tag, is passed over.
    const asked = [...tags, forged, ...tags.slice(0, 1), -forged, forged + 0.5, NaN];
    const name = outcomes[outcome]!;
    const valid = asked.filter((tag) => this.#model.beginSettling(consumer.session, consumer.subscription, tag));
    for (const position of valid) this.#model.gathered.push({ queue: consumer.queue, position, outcome: name });
    const settlement = { subscription: consumer.subscription, outcome: name, tags: asked };
    this.#handle({ ...this.#base(session), type: 'settle', settlement }, null, () => {}, valid.length > 0);
  }

  #commit({ session, which, sends, first, count, stale }: Extract<Step, { type: 'commit' }>): void {
    const consumer = this.#consumer(session, which);
    const tags = consumer?.held.slice(first, first + count).map(({ position }) => position) ?? [];
    if (stale) tags.push(tags[0] ?? 1);
    const settlements: ModelSettlement[] = [];
    const modelSends = sends.map((queue) => ({ queue: queueNames[queue]!, body: this.#body(queue) }));
    if (consumer !== undefined)
      for (const position of tags) settlements.push({ queue: consumer.queue, position, outcome: 'ack' });
    const request: Request = {
      ...this.#base(session),
      type: 'commit',
      sends: modelSends.map(({ queue, body }) => ({ destination: queue, message: newMessage(body) })),
      settlements: consumer === undefined ? [] : [{ subscription: consumer.subscription, outcome: 'ack', tags }],
    };
    const [only] = modelSends;
    const plain = modelSends.length === 1 && settlements.length === 0;
    const operation: ModelOperation = plain
      ? { type: 'send', ...only! }
      : { type: 'end', sends: modelSends, settlements };
    const before = this.#operations.length;
    this.#handle(request, operation, () => {
      if (!this.#operations.slice(before).some((one) => one.operation === operation)) return;
      for (const { position } of settlements) {
        const held = this.#model.beginSettling(consumer!.session, consumer!.subscription, position);
        this.#check(held, `a transaction settles ${position}, which its session does not hold`);
      }
    });
  }

  #end({ session, lost }: Extract<Step, { type: 'end' }>): void {
    const name = this.#session(session);
    for (const { session: of, subscription } of this.#model.consumers) {
      if (of === name) this.#model.leave(of, subscription, lost);
    }
    this.#handle({ type: 'endSession', session: sessionId(name), how: lost ? 'lost' : 'clean' }, null, () => {});
    this.#asked.delete(name);
    this.#generation[session]!++;
  }

  /** Every replica applies it; only the master has effects. */
  #applyNext(): boolean {
    const command = this.#log.commands[this.#applied];
    if (command === undefined) return false;
    const { position, operation } = this.#operations[this.#applied++]!;
    this.#model.apply(position, operation);
    this.#parts = this.#partsAfter(position, operation);
    for (const [index, replica] of this.#replicas.entries()) {
      const effects: BrokerEffect[] = [];
      replica.apply(position as JournalPosition, command.bytes, this.#records[index]!, effects);
      this.#checkRecords(this.#records[index]!.positions);
      this.#check(
        effects.every((effect) => effect.type !== 'deliverStored'),
        'apply hands out',
      );
      this.#check(replica.master || effects.length === 0, 'a slave has effects');
      this.#effects(effects);
    }
    return true;
  }

  /** What of open transactions is in the log: their records are needed as well. */
  #partsAfter(position: number, operation: ModelOperation): number[] {
    if (operation.type === 'part') return [...this.#parts, position];
    return operation.type === 'open' || operation.type === 'end' ? [] : this.#parts;
  }

  /** Exactly what the model holds, at any time. */
  #checkRecords(positions: ReadonlySet<number>): void {
    const live = [...this.#model.live, ...this.#parts];
    const missing = live.find((position) => !positions.has(position));
    this.#check(missing === undefined, `the record of ${missing} was let go of`);
    this.#check(positions.size === live.length, `${positions.size} records are kept for ${live.length} messages`);
  }

  #flush(dispatch: boolean): void {
    const effects: BrokerEffect[] = [];
    this.#broker.flush(effects, dispatch);
    this.#check(dispatch || effects.length === 0, 'handed out without leave');
    this.#effects(effects);
    const idle = dispatch ? this.#model.idleQueue() : null;
    this.#check(idle === null, `after a turn ${idle}`);
  }

  #settleDown(): void {
    do this.#flush(true);
    while (this.#applyNext());
    this.#flush(true);
  }

  #effects(effects: readonly BrokerEffect[]): void {
    const recordAt = (position: number): Uint8Array =>
      this.#log.commands.find((command) => command.position === position)!.bytes;
    for (const effect of realised(this.#broker, effects, recordAt)) {
      this.#check(effect.type !== 'closeSession', 'a session was closed');
      if (effect.type === 'deliver') {
        const wrong = this.#model.deliver(effect);
        this.#check(wrong === null, wrong ?? '');
        continue;
      }
      const asked = this.#asked.get(effect.session)?.shift();
      this.#check(
        asked?.token === effect.token,
        `${effect.session}: a reply to ${effect.token}, but ${asked?.token} is next`,
      );
      const position = asked.position ?? 0;
      const done = this.#applied === 0 ? 0 : this.#log.commands[this.#applied - 1]!.position;
      this.#check(position <= done, `a reply before ${position} was applied`);
    }
  }

  #takeSnapshot(): Taken {
    return { chunks: this.#broker.snapshot(), applied: this.#applied, digest: this.#broker.digest() };
  }

  /** Reads the snapshot taken earlier, cut anew, into a new replica; it then applies what came since. */
  #restore(cut: number): void {
    const { chunks, applied, digest } = this.#snapshot ?? this.#takeSnapshot();
    this.#snapshot = null;
    const replica = new Broker(options);
    const records = new RecordSet();
    const restore = replica.restore((position) => records.retain(position));
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += cut) restore.write(chunk.slice(at, at + cut));
    }
    restore.finish([]);
    this.#check(replica.digest() === digest, 'the restored state is not the one that the snapshot was taken of');
    for (const { position, bytes } of this.#log.commands.slice(applied, this.#applied)) {
      replica.apply(position as JournalPosition, bytes, records, []);
    }
    this.#checkRecords(records.positions);
    const index = (this.#master + 1) % this.#replicas.length;
    this.#replicas[index] = replica;
    this.#records[index] = records;
    this.#compareDigests();
  }

  #compareDigests(): void {
    const digests = new Set(this.#replicas.map((replica) => replica.digest()));
    this.#check(digests.size === 1, `the replicas differ: ${[...digests].join()}`);
  }

  /** The first `kept` commands under way are committed all the same, the rest is lost. */
  #changeMaster(kept: number, to: number): void {
    this.#broker.resign();
    this.#asked.clear();
    this.#generation = this.#generation.map((generation) => generation + 1);
    for (let i = 0; i < kept; i++) this.#applyNext();
    this.#log.commands.length = this.#applied;
    this.#operations.length = this.#applied;
    this.#log.refusing = false;
    this.#become((this.#master + to) % this.#replicas.length);
    this.#compareDigests();
  }

  #become(replica: number): void {
    this.#master = replica;
    this.#model.becomeMaster();
    this.#broker.becomeMaster(this.#log);
  }
}
