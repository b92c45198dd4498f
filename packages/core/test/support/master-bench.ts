import type { JournalPosition } from '@lockstep/kernel';
import { DestinationNames } from '../../src/commands/destination-names.ts';
import { commandType } from '../../src/commands/format.ts';
import { defaultBrokerOptions, StreamRules } from '../../src/index.ts';
import type { AttachedConsumer, BrokerOptions, MasterMessage, NodeMessage, SettlementGroup } from '../../src/index.ts';
import { Mastership } from '../../src/master/mastership.ts';
import { ReplicatedState } from '../../src/state/replicated-state.ts';
import { streamed } from './stream-commands.ts';
import { RecordSet, TestLog } from './test-bench.ts';

type Outcome = SettlementGroup['outcome'];

/** A node's end, as plainly as can be: it says what the test has it say, and keeps nothing but its numbers. */
export class TestNode {
  readonly name: string;
  readonly #bench: MasterBench;
  epoch = 0;
  number = 0;
  /** What it says with the next commands. */
  over = 0;
  sessions = 100;

  constructor(bench: MasterBench, name: string) {
    this.#bench = bench;
    this.name = name;
  }

  say(message: NodeMessage): boolean {
    return this.#bench.mastership.fromNode(this.name, message);
  }

  /** Opens a stream, and applies what the log holds. */
  open(run: string): void {
    this.say({ type: 'open', run });
    this.#bench.apply();
    this.epoch = this.#bench.state.streams.get(this.name)!.epoch;
    this.number = 0;
  }

  attach(consumers: readonly AttachedConsumer[] = [], attachedAt = 0, topics: readonly string[] = []): void {
    const interests = topics.map((topic) => ({ topic, consumers: 1 }));
    this.say({ type: 'attach', epoch: this.epoch, attachedAt, consumers, topics: interests });
  }

  subscribe(consumer: number, destination: string, prefetchMessages = 1000): void {
    this.say({ type: 'subscribe', ...wish(consumer, destination), prefetchMessages });
  }

  /** Each of these messages from a session of its own. */
  send(queue: string, ...bodies: string[]): boolean {
    return this.sendFrom(
      bodies.map(() => ++this.sessions),
      queue,
      ...bodies,
    );
  }

  /** One session to each message. */
  sendFrom(sessions: readonly number[], queue: string, ...bodies: string[]): boolean {
    const number = this.number + 1;
    const commands = bodies.map((body) => streamed(commandType.enqueue, this.epoch, ++this.number, queue, body));
    return this.say({ type: 'propose', number, over: this.over, commands, sessions });
  }

  settle(consumer: number, destination: string, outcome: Outcome, positions: readonly number[]): boolean {
    return this.say({ type: 'settle', number: ++this.number, groups: [{ consumer, destination, outcome, positions }] });
  }

  /** A transaction that sends these bodies to `/queue/r`. */
  commit(bodies: readonly string[], groups: readonly SettlementGroup[], session: number = ++this.sessions): boolean {
    const number = this.number + 1;
    const commands = bodies.map((body) =>
      streamed(commandType.transactionPart, this.epoch, ++this.number, '/queue/r', body),
    );
    this.number++;
    return this.say({ type: 'commit', number, session, over: this.over, commands, groups });
  }
}

/** A state, its log, and one mastership after the other. */
export class MasterBench {
  readonly options: BrokerOptions;
  readonly names: DestinationNames = new DestinationNames();
  readonly rules: StreamRules;
  readonly state: ReplicatedState;
  readonly log: TestLog = new TestLog();
  readonly records: RecordSet = new RecordSet();
  /** What became of numbers: `epoch:number`, with `-` for a refused transaction, and for a `refuse` its code. */
  readonly outcomes: string[] = [];
  mastership: Mastership;
  applied = 0;

  constructor(options: Partial<BrokerOptions> = {}) {
    this.options = { ...defaultBrokerOptions, wallMs: () => this.log.next, ...options };
    this.rules = options.rules ?? new StreamRules();
    this.state = new ReplicatedState(this.names, this.rules);
    this.mastership = this.#newMastership();
    this.apply();
  }

  /** A node that is attached, with no consumers yet. */
  node(name: string): TestNode {
    const node = new TestNode(this, name);
    node.open('r1');
    node.attach();
    this.turn();
    return node;
  }

  /** Applies up to `count` commands of the log. */
  apply(count: number = Infinity): void {
    const { outcomes, mastership } = this;
    for (let i = 0; i < count && this.applied < this.log.commands.length; i++) {
      const { position, bytes } = this.log.commands[this.applied++]!;
      this.state.apply(position as JournalPosition, bytes, this.records, {
        opened: () => {},
        taken: (epoch, number, accepted) => outcomes.push(`${epoch}:${number}${accepted ? '' : '-'}`),
        refused: (epoch, number, through, { code }) => outcomes.push(`${epoch}:${number}-${through} ${code}`),
        marked: (epoch, queues) => mastership.marked(epoch, queues),
        lapsed: (epoch) => mastership.lapsed(epoch),
      });
      mastership.applied(bytes);
    }
  }

  /** Ends the turn. Returns what the nodes are told. */
  turn(): Map<string, MasterMessage[]> {
    this.mastership.flush(true);
    return this.mastership.takeMessages();
  }

  /** Turns, with all applied between them, until the log rests. Returns what the nodes are told. */
  rest(): Map<string, MasterMessage[]> {
    const told = new Map<string, MasterMessage[]>();
    for (;;) {
      for (const [node, messages] of this.turn()) told.set(node, [...(told.get(node) ?? []), ...messages]);
      if (this.applied === this.log.commands.length) return told;
      this.apply();
    }
  }

  /** Another mastership; what was proposed and not applied is lost. */
  changeMaster(): void {
    this.mastership.dispatcher.close();
    this.log.commands.length = this.applied;
    this.mastership = this.#newMastership();
    this.apply();
  }

  #newMastership(): Mastership {
    return new Mastership(this.state, this.options, this.names, this.rules, this.log);
  }
}

/** `consumer:position` for each delivery to that node, with `!` when it is redelivered, and the count from 2 on. */
export function given(told: ReadonlyMap<string, readonly MasterMessage[]>, node: string): string[] {
  return (told.get(node) ?? []).flatMap((message) =>
    message.type === 'deliver'
      ? message.positions.map((position, i) => line(message.consumers[i]!, position, message.counts[i]!))
      : [],
  );
}

function line(consumer: number, position: number, counts: number): string {
  const count = Math.floor(counts / 2);
  return `${consumer}:${position}${counts % 2 === 1 ? '!' : ''}${count > 1 ? ` #${count}` : ''}`;
}

export function wish(consumer: number, destination: string, held: readonly number[] = []): AttachedConsumer {
  return { consumer, destination, prefetchMessages: 1000, prefetchBytes: 1 << 20, attributes: null, held };
}

export function types(messages: readonly MasterMessage[] | undefined): string[] {
  return (messages ?? []).map(({ type }) => type);
}
