import { Broker, defaultBrokerOptions, noAttributes, noConsumerAttributes, toDelivery } from '../../src/index.ts';
import type {
  BrokerEffect,
  BrokerOptions,
  ConsumerAttributes,
  Effect,
  LiveRecords,
  Message,
  MessageAttributes,
  NewMessage,
  Proposer,
  Request,
} from '../../src/index.ts';
import type { JournalPosition, SessionId } from '@lockstep/kernel';

/** The log of a test: keeps every proposal, and applies them when it is told to. */
export class TestLog implements Proposer {
  readonly commands: { readonly position: number; readonly bytes: Uint8Array }[] = [];
  next = 1;
  refusing = false;

  propose(commands: readonly Uint8Array[]): JournalPosition | null {
    if (this.refusing) return null;
    const first = this.next;
    for (const bytes of commands) this.commands.push({ position: this.next++, bytes: bytes.slice() });
    return first as JournalPosition;
  }
}

/** Which records a replica says that its state refers to. */
export class RecordSet implements LiveRecords {
  readonly positions: Set<number> = new Set();

  retain(position: JournalPosition): void {
    if (this.positions.has(position)) throw new Error(`${position} is retained twice`);
    this.positions.add(position);
  }

  release(position: JournalPosition): void {
    if (!this.positions.delete(position)) throw new Error(`${position} is released, but was not retained`);
  }
}

/** For replicas whose records are nobody's concern. */
export const noRecords: LiveRecords = { retain: () => {}, release: () => {} };

/** What sessions are given of these effects; the records are those of the log. */
export function realised(
  broker: Broker,
  effects: readonly BrokerEffect[],
  recordAt: (position: number) => Uint8Array,
): Effect[] {
  return effects.flatMap((effect) => {
    if (effect.type === 'abandonSession') throw new Error(`${effect.session} was abandoned`);
    if (effect.type !== 'deliverStored') return [effect];
    return broker.give(effect) ? [toDelivery(effect, recordAt(effect.position))] : [];
  });
}

type Unsent<T> = T extends Request ? Omit<T, 'token'> : never;
export type RequestWish = Unsent<Request>;

/** The end of a turn: what the ends of a node that is its own master say to each other, until both are quiet. */
export function turn(broker: Broker, node: string, effects: BrokerEffect[], dispatch: boolean): void {
  for (let quiet = false; !quiet;) {
    broker.flush(effects, dispatch);
    const asked = broker.takeNodeMessages();
    for (const message of asked) {
      if (!broker.fromNode(node, message)) throw new Error(`the master has dropped ${node} for its ${message.type}`);
    }
    const told = broker.takeMasterMessages().get(node) ?? [];
    for (const message of told) broker.fromMaster(message, effects);
    quiet = asked.length + told.length === 0;
  }
}

/** A broker that is its own master, its log, and the effects it had, written short. */
export class Bench {
  readonly options: BrokerOptions;
  broker: Broker;
  log: TestLog;
  records: RecordSet = new RecordSet();
  applied = 0;
  token = 0;
  now = 1_000;

  constructor(options: Partial<BrokerOptions> = {}) {
    this.options = { ...defaultBrokerOptions, run: 'r1', wallMs: () => this.now, ...options };
    this.broker = new Broker(this.options);
    this.log = new TestLog();
    this.#lead();
    this.rest();
  }

  /** Makes requests, and ends the turn. Returns the effects. Nothing is applied. */
  ask(...requests: RequestWish[]): Effect[] {
    const effects: BrokerEffect[] = [];
    for (const request of requests) this.broker.handle({ token: ++this.token, ...request } as Request, effects);
    turn(this.broker, this.options.node, effects, true);
    return this.realised(effects);
  }

  /** Applies up to `count` commands of the log, and ends the turn. */
  apply(count: number = Infinity): Effect[] {
    const effects: BrokerEffect[] = [];
    for (let i = 0; i < count && this.applied < this.log.commands.length; i++) {
      const { position, bytes } = this.log.commands[this.applied++]!;
      this.broker.apply(position as JournalPosition, bytes, this.records, effects);
    }
    turn(this.broker, this.options.node, effects, true);
    return this.realised(effects);
  }

  /** With the bodies, from the records that the broker retains. */
  realised(effects: readonly BrokerEffect[]): Effect[] {
    return realised(this.broker, effects, (position) => {
      if (!this.records.positions.has(position)) throw new Error(`the record of ${position} was let go of`);
      return this.log.commands.find((command) => command.position === position)!.bytes;
    });
  }

  /** Asks, and applies until nothing is left. */
  do(...requests: RequestWish[]): Effect[] {
    return [...this.ask(...requests), ...this.rest()];
  }

  /** Applies until nothing is left. */
  rest(): Effect[] {
    const effects = this.apply();
    while (this.applied < this.log.commands.length) effects.push(...this.apply());
    return effects;
  }

  /** The mastership ends and begins anew: what was proposed and not applied is lost. Returns the effects. */
  changeMaster(): Effect[] {
    const effects: BrokerEffect[] = [];
    this.broker.resign();
    this.broker.detach(effects);
    this.log.commands.length = this.applied;
    this.log.next = (this.log.commands.at(-1)?.position ?? 0) + 1;
    this.#lead();
    turn(this.broker, this.options.node, effects, true);
    return this.realised(effects);
  }

  /** The node of that broker, which has applied as much, serves and leads from now on, as another process. */
  replaceBroker(broker: Broker): void {
    this.broker = broker;
    this.rest();
    this.#lead();
    this.rest();
  }

  #lead(): void {
    this.broker.becomeMaster(this.log);
    this.broker.setWindow(1 << 26, 'test');
    this.broker.attach([]);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function session(name: string): SessionId {
  return name as SessionId;
}

export function newMessage(body: string, attributes: Partial<MessageAttributes> | null = null): NewMessage {
  return {
    envelope: 7,
    headerBlock: encoder.encode(`h:${body}\n`),
    body: encoder.encode(body),
    attributes: attributes === null ? null : { ...noAttributes, ...attributes },
  };
}

export function send(
  from: string,
  destination: string,
  body: string,
  attributes: Partial<MessageAttributes> | null = null,
): RequestWish {
  return { type: 'send', session: session(from), destination, message: newMessage(body, attributes) };
}

export function subscribe(
  of: string,
  subscription: number,
  destination: string,
  prefetch: number = 1000,
  bytes: number = 1 << 24,
  attributes: Partial<ConsumerAttributes> | null = null,
): RequestWish {
  return {
    type: 'subscribe',
    session: session(of),
    subscription,
    destination,
    prefetchMessages: prefetch,
    prefetchBytes: bytes,
    attributes: attributes === null ? null : { ...noConsumerAttributes, ...attributes },
  };
}

export function unsubscribe(of: string, subscription: number): RequestWish {
  return { type: 'unsubscribe', session: session(of), subscription };
}

export function settle(
  of: string,
  subscription: number,
  outcome: 'ack' | 'requeue' | 'dead-letter' | 'discard',
  tags: readonly number[],
): RequestWish {
  return { type: 'settle', session: session(of), settlement: { subscription, outcome, tags } };
}

export function end(of: string, how: 'clean' | 'lost'): RequestWish {
  return { type: 'endSession', session: session(of), how };
}

export function bodyOf(message: Message): string {
  return decoder.decode(message.body);
}

/** `s1/1 body`, with ` again` when redelivered and ` #n` from the second counted delivery on. */
export function deliveries(effects: readonly Effect[]): string[] {
  const lines: string[] = [];
  for (const effect of effects) {
    if (effect.type !== 'deliver') continue;
    const { session: to, subscription, message, redelivered, deliveryCount } = effect;
    const count = deliveryCount > 1 ? ` #${deliveryCount}` : '';
    lines.push(`${to}/${subscription} ${bodyOf(message)}${redelivered ? ' again' : ''}${count}`);
  }
  return lines;
}

/** `s1` for a reply, `s1 store-full` for a refusal. */
export function replies(effects: readonly Effect[]): string[] {
  const lines: string[] = [];
  for (const effect of effects) {
    if (effect.type === 'reply')
      lines.push(effect.refusal === null ? effect.session : `${effect.session} ${effect.refusal.code}`);
  }
  return lines;
}

export function tags(effects: readonly Effect[]): number[] {
  return effects.flatMap((effect) => (effect.type === 'deliver' ? [effect.tag] : []));
}
