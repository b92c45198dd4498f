import { Broker, defaultBrokerOptions, noConsumerAttributes } from '../../src/index.ts';
import type { BrokerEffect, Effect, Request } from '../../src/index.ts';
import type { JournalPosition } from '@lockstep/kernel';
import { decoded } from './decoded.ts';
import { duplicateAgeMs, duplicateIdsMax, Model } from './model.ts';
import { realised, RecordSet, TestLog, newMessage, session as sessionId } from './test-bench.ts';

export type Step =
  | {
      readonly type: 'send';
      readonly session: number;
      readonly queue: number;
      readonly size: number;
      readonly priority: number | null;
      /** 0: none. */
      readonly duplicate: number;
    }
  | {
      readonly type: 'subscribe';
      readonly session: number;
      readonly queue: number;
      readonly prefetch: number;
      readonly bytes: number;
      /** The consumer's priority. */
      readonly rank: number;
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
const maxDeliveries = 2;
/** The wall clock of all nodes: another time whenever one looks. */
let now = 1;
const nodes = ['n0', 'n1', 'n2'];

function newBroker(node: string): Broker {
  const policy = { maxDeliveries, deadLetterQueue: '/queue/dead', duplicateIdsMax, duplicateAgeMs };
  return new Broker({ ...defaultBrokerOptions, ...policy, wallMs: () => ++now, node, run: 'r' });
}

/** A snapshot that may not have been read yet. */
interface Taken {
  readonly chunks: Iterable<Uint8Array>;
  readonly applied: number;
  readonly digest: string;
}

type Delivery = Extract<Effect, { type: 'deliver' }>;

/**
 * Three nodes, each with a session, of which one is master, and a replica without any, beside the model: every effect is checked as it comes.
 * All apply in step, and nothing that they say to each other is lost while the master is the same.
 */
export class World {
  readonly #model = new Model(maxDeliveries);
  readonly #log = new TestLog();
  readonly #brokers = nodes.map(newBroker);
  #watcher = newBroker('watcher');
  /** What each replica says that it refers to, the watcher last. */
  readonly #records = [...nodes, 'watcher'].map(() => new RecordSet());
  readonly #effects: BrokerEffect[][] = nodes.map(() => []);
  #master = 0;
  #applied = 0;
  #token = 0;
  #bodies = 0;
  #generation = [0, 0, 0];
  #subscription = 0;
  /** Of each session: tokens that have had no reply, with the bodies of what was sent. */
  readonly #asked = new Map<string, Map<number, readonly string[]>>();
  /** Tokens of transactions. */
  readonly #commits = new Set<number>();
  /** Sessions of which a transaction was refused, and their tokens of what they have sent since. */
  readonly #barred = new Set<string>();
  readonly #behind = new Set<number>();
  #snapshot: Taken | null = null;
  /** A consumer waits until all know that its node may hold messages of its queue. */
  #marking = false;

  constructor() {
    now = 1;
    this.#lead(0);
    this.#settleDown();
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
        return this.#turn(true);
      case 'flush':
        return this.#turn(step.dispatch);
      case 'refuse':
        // What was said before is taken before.
        this.#turn(true);
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
    this.#check(this.#model.underWay.size === 0, `${[...this.#model.underWay.keys()].join()} were never settled`);
    for (const [session, asked] of this.#asked)
      this.#check(asked.size === 0, `${session} has had no reply to ${[...asked.keys()].join()}`);
    this.#restore(7);
    this.#changeMaster(0, 1);
    for (const session of [0, 1, 2]) this.#end({ type: 'end', session, lost: false });
    for (const queue of [0, 1, 2]) {
      this.#subscribe({ type: 'subscribe', session: 0, queue, prefetch: 1e9, bytes: 1e9, rank: 0 });
    }
    this.#settleDown();
    for (const queue of queueNames) {
      const left = this.#model.ready(queue).map(({ body }) => body);
      this.#check(left.length === 0, `${queue} still has ${left.join()}`);
    }
    const depth = this.#brokers[0]!.queues().reduce((sum, status) => sum + status.depth, 0);
    this.#check(depth === [...this.#model.queues.values()].flat().length, `${depth} messages are in the queues`);
    this.#compareDigests();
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

  /** The session's node is the one of its number. `bodies`: what is to be in queues before the reply, unless it is a refusal. */
  #handle(number: number, request: Request, bodies: readonly string[] = []): void {
    if (request.type !== 'endSession') {
      const asked = this.#asked.get(request.session) ?? new Map<number, readonly string[]>();
      this.#asked.set(request.session, asked.set(request.token, bodies));
    }
    this.#brokers[number]!.handle(request, this.#effects[number]!);
  }

  #send({ session, queue, size, priority, duplicate }: Extract<Step, { type: 'send' }>): void {
    const body = this.#body(size);
    const destination = queueNames[queue]!;
    const base = this.#base(session);
    if (this.#barred.has(base.session)) this.#behind.add(base.token);
    const duplicateId = duplicate === 0 ? '' : `${duplicate}`;
    const attributes = priority === null && duplicate === 0 ? null : { priority, duplicateId };
    const message = newMessage(body, attributes);
    this.#handle(session, { ...base, type: 'send', destination, message }, [body]);
  }

  /** Subscribing waits for the session's earlier requests; so that the model need not, these are applied first, and what the master asks for. */
  #subscribe({ session, queue, prefetch, bytes, rank }: Extract<Step, { type: 'subscribe' }>): void {
    if (this.#log.refusing) return;
    this.#settleDown();
    const subscription = ++this.#subscription;
    const destination = queueNames[queue]!;
    const attributes = rank === 0 ? null : { ...noConsumerAttributes, priority: rank };
    const windows = { prefetchMessages: prefetch, prefetchBytes: bytes, attributes };
    this.#handle(session, { ...this.#base(session), type: 'subscribe', subscription, destination, ...windows });
    const consumer = { session: this.#session(session), subscription, queue: destination, rank, held: [] };
    this.#model.consumers.push({ ...consumer, messagesMax: prefetch, bytesMax: bytes, newest: new Map() });
    this.#marking = true;
    do this.#turn(true);
    while (this.#applyNext());
    this.#marking = false;
    this.#settleDown();
  }

  #consumer(session: number, which: number) {
    const own = this.#model.consumers.filter((consumer) => consumer.session === this.#session(session));
    return own[which % Math.max(1, own.length)];
  }

  #unsubscribe({ session, which }: Extract<Step, { type: 'unsubscribe' }>): void {
    const consumer = this.#consumer(session, which);
    if (consumer === undefined || this.#log.refusing) return;
    this.#settleDown();
    const { subscription } = consumer;
    this.#handle(session, { ...this.#base(session), type: 'unsubscribe', subscription });
    this.#model.leave(consumer.session, subscription, false);
  }

  #settle({ session, which, outcome, first, count, forged }: Extract<Step, { type: 'settle' }>): void {
    const consumer = this.#consumer(session, which);
    if (consumer === undefined) return;
    const tags = consumer.held.slice(first, first + count).map(({ position }) => position);
    // What it does not hold, or named before, or was never a tag, is passed over.
    const asked = [...tags, forged, ...tags.slice(0, 1), -forged, forged + 0.5, NaN];
    const name = outcomes[outcome]!;
    for (const tag of asked) this.#model.beginSettling(consumer.session, consumer.subscription, tag, name);
    const settlement = { subscription: consumer.subscription, outcome: name, tags: asked };
    this.#handle(session, { ...this.#base(session), type: 'settle', settlement });
  }

  #commit({ session, which, sends, first, count, stale }: Extract<Step, { type: 'commit' }>): void {
    const consumer = this.#consumer(session, which);
    const tags = consumer?.held.slice(first, first + count).map(({ position }) => position) ?? [];
    if (stale) tags.push(tags[0] ?? 1);
    const bodies = sends.map((queue) => this.#body(queue));
    const refused = consumer !== undefined && new Set(tags).size + Number(tags[0] === 1) < tags.length;
    const messages = sends.map((queue, i) => ({
      destination: queueNames[queue]!,
      message: newMessage(bodies[i]!, i % 2 === 0 ? null : { priority: 5, duplicateId: `${i}` }),
    }));
    const settlements =
      consumer === undefined ? [] : [{ subscription: consumer.subscription, outcome: 'ack' as const, tags }];
    const base = this.#base(session);
    this.#commits.add(base.token);
    this.#handle(session, { ...base, type: 'commit', sends: messages, settlements }, bodies);
    if (this.#barred.has(base.session)) {
      this.#behind.add(base.token);
      return;
    }
    if (consumer === undefined) return;
    const held = new Set(consumer.held.map(({ position }) => position));
    if (refused || !tags.every((tag) => held.has(tag))) {
      this.#barred.add(base.session);
      return;
    }
    for (const tag of tags) this.#model.beginSettling(consumer.session, consumer.subscription, tag, 'ack');
  }

  #end({ session, lost }: Extract<Step, { type: 'end' }>): void {
    if (this.#log.refusing) return;
    const name = this.#session(session);
    // Until a transaction is decided, its node keeps the consumers, and the master may still give them something.
    const inDoubt = [...(this.#asked.get(name)?.keys() ?? [])].some((token) => this.#commits.has(token));
    if (inDoubt) this.#settleDown();
    // What it is told by now was on its way before.
    this.#takeEffects(false);
    for (const { session: of, subscription } of this.#model.consumers) {
      if (of === name) this.#model.leave(of, subscription, lost);
    }
    this.#handle(session, { type: 'endSession', session: sessionId(name), how: lost ? 'lost' : 'clean' });
    this.#asked.delete(name);
    this.#generation[session]!++;
  }

  /** Every replica applies it. */
  #applyNext(): boolean {
    const command = this.#log.commands[this.#applied];
    if (command === undefined) return false;
    this.#applied++;
    const { bytes } = command;
    const position = command.position as JournalPosition;
    const operation = decoded(bytes);
    const wrong = operation === null ? null : this.#model.apply(position, operation);
    this.#check(wrong === null, wrong ?? '');
    for (const [index, broker] of this.#brokers.entries()) {
      broker.apply(position, bytes, this.#records[index]!, this.#effects[index]!);
    }
    const effects: BrokerEffect[] = [];
    this.#watcher.apply(position, bytes, this.#records.at(-1)!, effects);
    this.#check(effects.length === 0, 'a node without sessions has effects');
    const { live } = this.#model;
    for (const { positions } of this.#records) this.#checkRecords(positions, live);
    return true;
  }

  /** Exactly what the model holds, at any time. */
  #checkRecords(positions: ReadonlySet<number>, live: readonly number[]): void {
    const missing = live.find((position) => !positions.has(position));
    this.#check(missing === undefined, `the record of ${missing} was let go of`);
    this.#check(positions.size === live.length, `${positions.size} records are kept for ${live.length} messages`);
  }

  /** Until all nodes and the master are quiet. */
  #turn(dispatch: boolean): void {
    const master = this.#brokers[this.#master]!;
    for (let quiet = false; !quiet;) {
      quiet = true;
      for (const [index, broker] of this.#brokers.entries()) {
        broker.flush(this.#effects[index]!, false);
        for (const message of broker.takeNodeMessages()) {
          quiet = false;
          this.#check(master.fromNode(nodes[index]!, message), `${nodes[index]} said what can't be`);
        }
      }
      // What the nodes have said comes first: nothing is handed out to a consumer that has left.
      master.flush(this.#effects[this.#master]!, dispatch);
      for (const [node, messages] of master.takeMasterMessages()) {
        const index = nodes.indexOf(node);
        for (const message of messages) this.#brokers[index]!.fromMaster(message, this.#effects[index]!);
        quiet = false;
      }
    }
    this.#takeEffects(dispatch);
    const idle = dispatch && !this.#log.refusing && !this.#marking ? this.#model.idleQueue() : null;
    this.#check(idle === null, `after a turn ${idle}`);
  }

  #settleDown(): void {
    do this.#turn(true);
    while (this.#applyNext());
    this.#turn(true);
  }

  /** Hand-outs of a turn come in the order of their queues, whichever nodes they go to. */
  #takeEffects(dispatch: boolean): void {
    const recordAt = (position: number): Uint8Array =>
      this.#log.commands.find((command) => command.position === position)!.bytes;
    const deliveries: Delivery[] = [];
    for (const [index, effects] of this.#effects.entries()) {
      for (const effect of realised(this.#brokers[index]!, effects, recordAt)) {
        this.#check(effect.type !== 'closeSession', 'a session was closed');
        if (effect.type === 'deliver') deliveries.push(effect);
        else this.#reply(effect);
      }
      effects.length = 0;
    }
    this.#check(dispatch || deliveries.length === 0, 'handed out without leave');
    for (const effect of deliveries.sort((a, b) => this.#model.order(a.tag, b.tag))) {
      const wrong = this.#model.deliver(effect);
      this.#check(wrong === null, wrong ?? '');
    }
  }

  #reply({ session, token, refusal }: Extract<Effect, { type: 'reply' }>): void {
    const bodies = this.#asked.get(session)?.get(token);
    this.#check(bodies !== undefined, `${session} has a reply to ${token}, which it did not ask for`);
    this.#asked.get(session)!.delete(token);
    const lacking = bodies.filter((body) => this.#model.sent.has(body) !== (refusal === null));
    this.#check(lacking.length === 0, `${lacking.join()}: the reply to ${session} says otherwise`);
    const isBehind = refusal?.code === 'behind-refused';
    this.#check(isBehind === this.#behind.has(token), `${session} has the wrong reply to ${token}: ${refusal?.code}`);
  }

  #takeSnapshot(): Taken {
    const broker = this.#brokers[this.#master]!;
    return { chunks: broker.snapshot(), applied: this.#applied, digest: broker.digest() };
  }

  /** Reads the snapshot taken earlier, cut anew, into a new replica; it then applies what came since. */
  #restore(cut: number): void {
    const { chunks, applied, digest } = this.#snapshot ?? this.#takeSnapshot();
    this.#snapshot = null;
    const replica = newBroker('watcher');
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
    this.#checkRecords(records.positions, this.#model.live);
    this.#watcher = replica;
    this.#records[this.#records.length - 1] = records;
    this.#compareDigests();
  }

  #compareDigests(): void {
    const digests = new Set([...this.#brokers, this.#watcher].map((replica) => replica.digest()));
    this.#check(digests.size === 1, `the replicas differ: ${[...digests].join()}`);
  }

  /** The first `kept` commands under way are committed all the same, the rest is lost. Sessions stay, and so does what they hold. */
  #changeMaster(kept: number, to: number): void {
    this.#brokers[this.#master]!.resign();
    for (const [index, broker] of this.#brokers.entries()) broker.detach(this.#effects[index]!);
    for (let i = 0; i < kept; i++) this.#applyNext();
    this.#log.commands.length = this.#applied;
    this.#log.next = (this.#log.commands.at(-1)?.position ?? 0) + 1;
    this.#log.refusing = false;
    this.#lead((this.#master + to) % nodes.length);
    this.#compareDigests();
    this.#turn(true);
  }

  #lead(index: number): void {
    this.#master = index;
    const master = this.#brokers[index]!;
    master.becomeMaster(this.#log);
    master.setWindow(1 << 26, 'test');
    for (const [i, broker] of this.#brokers.entries()) broker.attach(this.#effects[i]!);
  }
}
