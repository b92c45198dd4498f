import type { DestinationNames } from '../commands/destination-names.ts';
import { Fifo } from '../dispatch/fifo.ts';
import type { BrokerEffect, StoredDelivery } from '../effects.ts';
import { notHeld } from '../master/refusals.ts';
import type { NewMessage, Refusal, Request } from '../requests.ts';
import type { SubscriptionFacts, TopicStatus } from '../status.ts';
import type { MasterMessage, NodeMessage } from '../stream/messages.ts';
import { NodeOutbox } from './node-outbox.ts';
import { ProposalStream } from './proposal-stream.ts';
import { topicMessage } from './publications.ts';
import type { QueueConsumer } from './queue-consumer.ts';
import { QueueConsumers } from './queue-consumers.ts';
import type { ServedQueues } from './queue-consumers.ts';
import { Sessions } from './sessions.ts';
import { TopicAnswers } from './topic-answers.ts';
import type { Answer } from './topic-answers.ts';
import { TopicFanOut } from './topic-fan-out.ts';

/** What of the replicated state a node's end looks at. */
export interface ServedState extends ServedQueues {
  readonly applied: number;
  /** By node: who opened its stream, and the last number that is over. */
  readonly streams: ReadonlyMap<string, { readonly epoch: number; readonly run: string; readonly number: number }>;
}

export interface ServingOptions {
  readonly node: string;
  readonly run: string;
  readonly wallMs: () => number;
  /** `StreamRules`. */
  readonly rules: {
    resendFrom(applied: number): number;
    heldForAttach(settling: boolean): boolean;
  };
  readonly messageBytesMax: number;
  readonly waitingBytesMax: number;
  readonly topicBacklogBytesMax: number;
}

type Attached = Extract<MasterMessage, { type: 'attached' }>;
type Published = Extract<MasterMessage, { type: 'publish' }>;

const noMaster = 'there is no master';

/**
 * The node's end of the broker, on every node: its sessions' requests, its proposal stream, its consumers and what they hold. What it wants of
 * the master are `NodeMessage`s, in order; the master answers in `MasterMessage`s. Durable outcomes come from the node's own apply. Effects are
 * appended to the array that is passed, which is not kept.
 */
export class ServingNode {
  #state: ServedState;
  readonly #options: ServingOptions;
  readonly #outbox = new NodeOutbox();
  readonly #stream: ProposalStream;
  readonly #consumers: QueueConsumers;
  readonly #topics = new TopicFanOut();
  readonly #answers = new TopicAnswers(this.#outbox);
  readonly #sessions: Sessions;
  /** `opening`: the master has been asked for a stream. `attaching`: it has been told all, and not yet answered. */
  #phase: 'detached' | 'opening' | 'attaching' | 'attached' = 'detached';
  /** Grows with each way to the master that opens or closes. */
  #attachment = 0;
  /** `applied` of the last `attached`; 0: none in this epoch. */
  #attachedAt = 0;
  /** Answered when the attachment has been taken. */
  #whenAttached: Answer[] = [];
  /** Messages of the master that wait until enough is applied here, with bytes of their own. */
  #inbox = new Fifo<MasterMessage>();
  #windowBytes = 0;
  #reason = noMaster;

  constructor(state: ServedState, names: DestinationNames, options: ServingOptions) {
    this.#state = state;
    this.#options = options;
    const { wallMs, rules } = options;
    this.#stream = new ProposalStream(names, this.#outbox, wallMs);
    this.#consumers = new QueueConsumers(this.#outbox, (settling) => rules.heldForAttach(settling));
    const parts = { names, stream: this.#stream, consumers: this.#consumers, topics: this.#topics };
    this.#sessions = new Sessions({ ...parts, answers: this.#answers, state: () => this.#state }, options);
  }

  /** Takes a session's request, whether attached or not. Bytes in it may be used again once it returns. */
  handle(request: Request, effects: BrokerEffect[]): void {
    this.#sessions.handle(request, effects);
  }

  /**
   * Called right before the delivery goes to its client, which then holds the message. False: it is void (the attachment by which it came or the
   * subscription is over), and nothing is to be done with it.
   */
  give({ attachment, consumer: key, priority, position }: StoredDelivery): boolean {
    const consumer = attachment === this.#attachment ? this.#consumers.get(key) : undefined;
    if (consumer === undefined || !consumer.open) return false;
    consumer.write(priority, position);
    return true;
  }

  /** Called instead of `give` where the record can't be read. False: the message is live no more, as far as this node knows. */
  undeliverable({ attachment, consumer, destination, position, size }: StoredDelivery): boolean {
    if (attachment === this.#attachment && this.#consumers.get(consumer)?.open === true) {
      this.#outbox.send({ type: 'undeliverable', consumer, position, size });
    }
    return this.#state.queues.get(destination)?.list.find(position) === true;
  }

  /** Of the node's stream; 0: it has none yet, and takes nothing for the log. */
  get epoch(): number {
    return this.#stream.epoch;
  }

  /** `attach` was called, and `detach` not since. */
  get attached(): boolean {
    return this.#phase !== 'detached';
  }

  /** A way to the master is open: `takeMessages` gives what it is to be told first (`open`, or `attach` and what is outstanding). */
  attach(effects: BrokerEffect[]): void {
    this.detach(effects);
    this.#attachment++;
    this.#reason = 'the master has not answered yet';
    if (this.#stream.epoch === 0) this.#open();
    else this.#attach();
  }

  /** The way to the master is gone. All is kept; references that were not given to a client yet are void. Harmless when not attached. */
  detach(effects: BrokerEffect[]): void {
    if (this.#phase === 'detached') return;
    this.#phase = 'detached';
    this.#attachment++;
    this.#outbox.close();
    this.#windowBytes = 0;
    this.#reason = noMaster;
    const waiting = this.#inbox;
    this.#inbox = new Fifo();
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      // Nobody says it again.
      if (message.type === 'publish') this.#publish(message, true);
      else if (message.type === 'published') this.#sessions.published(message.number, effects);
    }
  }

  /** The master has taken the attachment, and its window has room for SENDs. */
  get accepting(): boolean {
    return this.#phase === 'attached' && this.#stream.messageBytes < this.#windowBytes;
  }

  /** Why it does not accept, for people. */
  get heldUpBy(): string {
    if (this.#phase !== 'attached' || this.#windowBytes === 0) return this.#reason;
    return `${this.#stream.messageBytes} bytes sent before wait for the members' disks`;
  }

  /** Messages on their way: commands that are not over here, and topic messages that the master has not acknowledged. */
  get outstandingBytes(): number {
    return this.#stream.messageBytes;
  }

  /** Requests that are not answered because the log or the master has to speak first. */
  get outstanding(): number {
    const { outstanding, publications } = this.#stream;
    return outstanding.size + publications.size + this.#sessions.gathered;
  }

  /** Something waits until more is applied here: the attachment, what the master has said, a request. */
  get waitsForApply(): boolean {
    if (this.#phase === 'detached') return false;
    return this.#phase !== 'attached' || this.#inbox.size > 0 || this.#stream.outstanding.size > 0;
  }

  /** In the order in which they came. What this node has not applied enough for waits until a `flush`, and all that comes later behind it. */
  fromMaster(message: MasterMessage, effects: BrokerEffect[]): void {
    if (this.#phase === 'detached') return;
    if (this.#inbox.size > 0 || !this.#isDue(message)) this.#inbox.push(withOwnBytes(message));
    else this.#act(message, false, effects);
  }

  /** The end of a turn: acts on what waited, gathers the settlements of the turn, hands topic messages out. */
  flush(effects: BrokerEffect[]): void {
    for (let next = this.#inbox.peek(); next !== undefined && this.#isDue(next); next = this.#inbox.peek()) {
      this.#inbox.shift();
      this.#act(next, true, effects);
    }
    this.#topics.dispatch(effects);
    for (const consumer of this.#topics.takeSlow(this.#options.topicBacklogBytesMax)) {
      this.#sessions.closeSlow(consumer, effects);
    }
    this.#sessions.gather();
    this.#consumers.tellLeft();
  }

  /** For the master, in order, since the last call; empty while detached. The array is the caller's. Bytes of commands are good until they are over here. */
  takeMessages(): NodeMessage[] {
    return this.#outbox.take();
  }

  /** The node's own apply: a stream of this node was opened, by this process (`run`) or another. */
  opened(run: string, epoch: number, effects: BrokerEffect[]): void {
    this.#streamIs(run === this.#options.run ? epoch : 0, effects);
  }

  /** That number of this node's epoch is over. Not `accepted`: a transaction of which nothing happened, as a message that it settles is gone. */
  taken(number: number, accepted: boolean, effects: BrokerEffect[]): void {
    this.#sessions.over(number, accepted ? null : notHeld(), effects);
  }

  /** All of its numbers up to `through` are over: those that were not before are refused. */
  refused(through: number, refusal: Refusal, effects: BrokerEffect[]): void {
    this.#sessions.over(through, refusal, effects);
  }

  /** The state is another, from a snapshot. Sessions whose requests it carried the node past are abandoned; all are if the epoch is not open in it. */
  restored(state: ServedState, effects: BrokerEffect[]): void {
    this.#state = state;
    const stream = state.streams.get(this.#options.node);
    this.#streamIs(stream?.run === this.#options.run ? stream.epoch : 0, effects);
    if (stream !== undefined && stream.epoch === this.#stream.epoch) this.#sessions.passedOver(stream.number, effects);
  }

  /** Subscriptions of this node's sessions to that destination, in no order. */
  subscriptions(destination: string): readonly SubscriptionFacts[] {
    return [...this.#consumers.facts(destination), ...this.#topics.facts(destination)];
  }

  /** Topics with subscriptions on this node, in no order. */
  topics(): readonly TopicStatus[] {
    return this.#topics.statuses();
  }

  /** 0: none. Another one than before: what was under way in that one is void. */
  #streamIs(epoch: number, effects: BrokerEffect[]): void {
    if (epoch === this.#stream.epoch) return;
    if (this.#stream.epoch !== 0) this.#reset(effects);
    if (epoch !== 0) this.#stream.begin(epoch, this.#state.streams.get(this.#options.node)?.number ?? 0);
    if (this.#phase === 'detached') return;
    this.#outbox.close();
    if (epoch === 0) this.#open();
    else this.#attach();
  }

  #open(): void {
    this.#phase = 'opening';
    this.#outbox.begin(false, { type: 'open', run: this.#options.run });
  }

  /** Tells the master all that it has to know, in one go. */
  #attach(): void {
    this.#phase = 'attaching';
    this.#sessions.gather();
    const consumers = this.#consumers.attached(this.#state, (consumer) => this.#answerLater(consumer));
    for (const { consumer: key } of consumers) this.#answerLater(this.#consumers.get(key)!);
    this.#whenAttached.push(...this.#answers.takeAll());
    const { epoch } = this.#stream;
    const topics = this.#topics.interests();
    this.#outbox.begin(true, { type: 'attach', epoch, attachedAt: this.#attachedAt, consumers, topics });
    const over = this.#state.streams.get(this.#options.node)?.number ?? 0;
    this.#stream.sendAgain(this.#options.rules.resendFrom(over));
    this.#consumers.tellLeft();
  }

  #isDue(message: MasterMessage): boolean {
    return (message.type !== 'deliver' && message.type !== 'attached') || message.applied <= this.#state.applied;
  }

  #act(message: MasterMessage, owned: boolean, effects: BrokerEffect[]): void {
    switch (message.type) {
      case 'stale':
        this.#streamIs(0, effects);
        return;
      case 'attached':
        if (this.#phase === 'attaching') this.#attached(message, effects);
        return;
      case 'window':
        this.#windowBytes = message.bytes;
        this.#reason = message.reason;
        return;
      case 'deliver':
        if (this.#phase === 'attached') this.#consumers.deliver(message, this.#state, this.#attachment, effects);
        return;
      case 'publish':
        this.#publish(message, owned);
        return;
      case 'published':
        this.#sessions.published(message.number, effects);
        return;
      case 'interested':
        this.#answer(this.#answers.take(message.topic), effects);
        return;
      case 'subscribed':
      case 'unsubscribed':
        this.#consumerAnswered(message, effects);
    }
  }

  #attached({ applied, number, windowBytes, lapsed }: Attached, effects: BrokerEffect[]): void {
    this.#phase = 'attached';
    this.#attachedAt = applied;
    this.#windowBytes = windowBytes;
    this.#reason = 'the master takes no messages now';
    if (lapsed) this.#consumers.lapse();
    this.#consumers.taken(number);
    const answers = this.#whenAttached;
    this.#whenAttached = [];
    for (const answer of answers) this.#answer(answer, effects);
  }

  #consumerAnswered(
    message: Extract<MasterMessage, { type: 'subscribed' | 'unsubscribed' }>,
    effects: BrokerEffect[],
  ): void {
    const consumer = this.#consumers.get(message.consumer);
    if (consumer === undefined) return;
    if (message.type === 'unsubscribed') {
      this.#sessions.answer(consumer, null, effects);
      this.#consumers.unsubscribed(consumer);
    } else if (consumer.open) {
      this.#sessions.answer(consumer, message.refusal, effects);
      if (message.refusal !== null) this.#consumers.remove(consumer.key);
    }
  }

  /** Its request is answered with the attachment. */
  #answerLater(consumer: QueueConsumer): void {
    const { session, token, left, outstanding } = consumer;
    if (token === null || (left && outstanding.length > 0)) return;
    consumer.token = null;
    this.#whenAttached.push({ session, token });
  }

  #answer(answer: Answer | null, effects: BrokerEffect[]): void {
    if (answer === null || answer.session.over) return;
    effects.push({ type: 'reply', session: answer.session.id, token: answer.token, refusal: null });
  }

  /** `owned`: the bytes of the message are this node's. */
  #publish({ epoch, number, destination, timestampMs, message }: Published, owned: boolean): void {
    if (!this.#topics.isNew(epoch, number, (one) => this.#isOpen(one)) || !this.#topics.has(destination)) return;
    const isOwn = epoch === this.#stream.epoch;
    const kept = isOwn ? this.#stream.publications.find(number) : undefined;
    const bytes = owned || kept !== undefined ? message : copyOf(message);
    const shared = kept ?? topicMessage(epoch, number, { destination, timestampMs, message: bytes });
    this.#topics.publish(shared, isOwn ? number : Infinity);
  }

  #isOpen(epoch: number): boolean {
    for (const stream of this.#state.streams.values()) if (stream.epoch === epoch) return true;
    return false;
  }

  /** The stream is void, and so is what was under way in it: the sessions are abandoned. */
  #reset(effects: BrokerEffect[]): void {
    this.#sessions.abandonAll(effects);
    this.#consumers.clear();
    this.#topics.clear();
    this.#answers.takeAll();
    this.#whenAttached = [];
    this.#inbox = new Fifo();
    this.#attachedAt = 0;
    this.#windowBytes = 0;
    this.#stream.begin(0, 0);
  }
}

function copyOf({ envelope, headerBlock, body, attributes }: NewMessage): NewMessage {
  return { envelope, headerBlock: headerBlock.slice(), body: body.slice(), attributes };
}

function withOwnBytes(message: MasterMessage): MasterMessage {
  return message.type === 'publish' ? { ...message, message: copyOf(message.message) } : message;
}
