import { withTimestamp } from '../attributes.ts';
import { attributesBytesMax } from '../commands/attributes.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { writeMessage } from '../commands/encoder.ts';
import { commandType } from '../commands/format.ts';
import { writeStreamedHead } from '../commands/stream-encoder.ts';
import type { NewMessage } from '../requests.ts';
import { CommandArena } from './command-arena.ts';
import type { NodeOutbox } from './node-outbox.ts';
import { CommitUnit, Outstanding, SettleUnit } from './outstanding.ts';
import type { Unit } from './outstanding.ts';
import { Publications } from './publications.ts';
import type { Publication } from './publications.ts';
import type { OutstandingGroup } from './queue-consumer.ts';
import type { ServingSession, TopicSend } from './serving-session.ts';

/** Whatever of a message's command is neither its destination nor its attributes nor its content: version, types, six numbers. */
const messageHeadBytesMax = 64;

export interface CommitWish {
  readonly sends: readonly { readonly destination: string; readonly message: NewMessage }[];
  readonly groups: readonly OutstandingGroup[];
  readonly topicSends: readonly TopicSend[];
}

/**
 * The node's proposals, numbered without holes, until each is over here: encoded once, sent, and sent again to the next master. Beside them, in a
 * series of their own, topic messages until the master has passed them on.
 */
export class ProposalStream {
  readonly outstanding: Outstanding = new Outstanding();
  readonly publications: Publications = new Publications();
  readonly #names: DestinationNames;
  readonly #outbox: NodeOutbox;
  readonly #wallMs: () => number;
  readonly #arena = new CommandArena();
  #epoch = 0;
  #last = 0;
  #messageBytes = 0;

  constructor(names: DestinationNames, outbox: NodeOutbox, wallMs: () => number) {
    this.#names = names;
    this.#outbox = outbox;
    this.#wallMs = wallMs;
  }

  /** 0: no stream is open. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The last number that was given out. */
  get last(): number {
    return this.#last;
  }

  /** Messages on their way, bytes. */
  get messageBytes(): number {
    return this.#messageBytes + this.publications.bytes;
  }

  /** Another epoch (0: none), of which `last` is over: nothing is outstanding. */
  begin(epoch: number, last: number): void {
    this.#epoch = epoch;
    this.#last = last;
    this.#messageBytes = 0;
    this.outstanding.clear();
    this.publications.clear();
    this.#arena.clear();
  }

  message(session: ServingSession, token: number, destination: string, message: NewMessage): void {
    const number = ++this.#last;
    const command = this.#encode(number, commandType.enqueue, destination, message);
    this.#messageBytes += command.length;
    this.outstanding.push(number, command, session, token);
    const { key } = session;
    if (!this.#outbox.join(command, key)) this.#outbox.propose(number, this.#over, command, key);
  }

  /** The requests that wait for it are added by the caller. */
  settle(groups: readonly OutstandingGroup[], session: ServingSession | null, token: number): void {
    const number = ++this.#last;
    this.outstanding.push(number, new SettleUnit(groups), session, token);
    this.#outbox.send({ type: 'settle', number, groups });
  }

  /** One more request that is answered with the last number. */
  alsoAnswers(session: ServingSession, token: number): void {
    this.outstanding.push(this.#last, null, session, token);
  }

  commit(session: ServingSession, token: number, { sends, groups, topicSends }: CommitWish): void {
    const number = this.#last + 1;
    const parts: Uint8Array[] = [];
    for (const { destination, message } of sends) {
      const part = this.#encode(++this.#last, commandType.transactionPart, destination, message);
      this.#messageBytes += part.length;
      parts.push(part);
    }
    this.outstanding.push(++this.#last, new CommitUnit(parts, groups, topicSends), session, token);
    this.#outbox.send({ type: 'commit', number, session: session.key, over: this.#over, commands: parts, groups });
  }

  /** A topic message, with bytes that nobody changes. `session` null: nobody waits for an answer. */
  publish(send: TopicSend, session: ServingSession | null, token: number): void {
    this.#sendPublication(this.publications.add(this.#epoch, send, session, token));
  }

  /** A message for a topic, with its own copy of the bytes. */
  topicSend(destination: string, { envelope, headerBlock, body, attributes }: NewMessage): TopicSend {
    const timestampMs = this.#wallMs();
    const own = withTimestamp(attributes, timestampMs);
    const message = { envelope, headerBlock: headerBlock.slice(), body: body.slice(), attributes: own };
    return { destination, timestampMs, message };
  }

  /** All that is outstanding from that number on, and the topic messages that the master has not passed on, once more. */
  sendAgain(from: number): void {
    this.#arena.keep();
    this.outstanding.forEachUnit((unit, last, session) => {
      if (last < from) return;
      if (unit instanceof SettleUnit) this.#outbox.send({ type: 'settle', number: last, groups: unit.groups });
      // Their sessions may have been refused since: `over` is what it surely was when they asked.
      else if (unit instanceof CommitUnit) {
        const [number, { key }] = [last - unit.parts.length, session!];
        this.#outbox.send({ type: 'commit', number, session: key, over: 0, commands: unit.parts, groups: unit.groups });
      } else if (!this.#outbox.join(unit, session!.key)) this.#outbox.propose(last, 0, unit, session!.key);
    });
    for (const publication of this.publications) this.#sendPublication(publication);
  }

  /** The unit is over: its bytes are needed no longer. Units end in their order. */
  release(unit: Unit): void {
    if (unit instanceof SettleUnit) return;
    if (unit instanceof CommitUnit) for (const part of unit.parts) this.#release(part);
    else this.#release(unit);
  }

  /** The last number that is over here. */
  get #over(): number {
    return this.outstanding.size === 0 ? this.#last : this.outstanding.number - 1;
  }

  #release(command: Uint8Array): void {
    this.#messageBytes -= command.length;
    this.#arena.release();
  }

  #sendPublication({ number, destination, timestampMs, message }: Publication): void {
    this.#outbox.send({ type: 'publish', number, destination, timestampMs, message });
  }

  #encode(
    number: number,
    type: typeof commandType.enqueue | typeof commandType.transactionPart,
    destination: string,
    message: NewMessage,
  ): Uint8Array {
    const name = this.#names.bytesOf(destination);
    const { headerBlock, body, attributes } = message;
    const timestampMs = this.#wallMs();
    const bytes = messageHeadBytesMax + attributesBytesMax(attributes) + name.length + headerBlock.length + body.length;
    const out = this.#arena.begin(bytes);
    writeStreamedHead(out, this.#epoch, number, type);
    const isDated = attributes === null || attributes.ttlMs === 0;
    const dated = isDated ? message : { ...message, attributes: withTimestamp(attributes, timestampMs) };
    writeMessage(out, name, timestampMs, dated);
    return this.#arena.end();
  }
}
