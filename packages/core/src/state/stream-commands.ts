import { assert, decodeText } from '@lockstep/kernel';
import type { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { refusalCodes } from '../commands/format.ts';
import { forgetRefused, noteRefused } from '../stream/refused-sessions.ts';
import type { StreamListener } from '../stream/stream-listener.ts';
import type { StreamRules } from '../stream/stream-rules.ts';
import type { ReplicatedState } from './replicated-state.ts';
import { Stream } from './stream.ts';

/** The nodes' proposal streams, and the commands that are about them. A part of the state. */
export class StreamCommands {
  readonly #state: ReplicatedState;
  readonly #names: DestinationNames;
  readonly #rules: StreamRules;
  readonly #byNode = new Map<string, Stream>();
  readonly #byEpoch = new Map<number, Stream>();
  /** For a log in which entries are lost: where they were. */
  readonly #lost = new Set<number>();

  constructor(state: ReplicatedState, names: DestinationNames, rules: StreamRules) {
    this.#state = state;
    this.#names = names;
    this.#rules = rules;
  }

  get byNode(): ReadonlyMap<string, Stream> {
    return this.#byNode;
  }

  /** The open stream of that epoch. */
  open(epoch: number): Stream | undefined {
    return this.#byEpoch.get(epoch);
  }

  /** For a snapshot that is being read. */
  restore(stream: Stream): void {
    assert(!this.#byNode.has(stream.node) && !this.#byEpoch.has(stream.epoch), 'the snapshot has a stream twice');
    this.#byNode.set(stream.node, stream);
    this.#byEpoch.set(stream.epoch, stream);
  }

  /** The stream to which the command of that epoch and number belongs, if it takes effect; it counts as over then. */
  take(epoch: number, number: number): Stream | null {
    const stream = this.#byEpoch.get(epoch) ?? this.#unheardOf(epoch);
    if (stream === null) return null;
    if (!this.#rules.takesNumber(stream.number, number) && !(stream.gap && number > stream.number)) return null;
    stream.gap = false;
    stream.number = number;
    return stream;
  }

  openStream(position: number, input: ByteReader, listener: StreamListener | null): void {
    const node = decodeText(input.prefixed());
    const run = decodeText(input.prefixed());
    const old = this.#byNode.get(node);
    const epoch = this.#rules.epochOf(old ?? null, run, position);
    if (old !== undefined) {
      if (epoch === old.epoch) return;
      this.#state.voidParts(old);
      this.#giveBack(old, position, listener);
      this.#byEpoch.delete(old.epoch);
    }
    const stream = new Stream(node, epoch, run);
    this.#byNode.set(node, stream);
    this.#byEpoch.set(epoch, stream);
    listener?.opened(node, run, epoch);
  }

  refuse(input: ByteReader, listener: StreamListener | null): void {
    const epoch = input.number();
    const number = input.number();
    const through = input.number();
    const session = input.number();
    const over = input.number();
    const code = refusalCodes[input.byte()];
    const stream = through >= number ? this.take(epoch, number) : null;
    if (stream === null) return;
    stream.number = through;
    forgetRefused(stream.refused, over);
    noteRefused(stream.refused, session, through);
    this.#state.voidParts(stream);
    // A code of a later version says that it is refused at least.
    const refusal = { code: code ?? 'overloaded', message: decodeText(input.bytes.subarray(input.at, input.end)) };
    listener?.refused(epoch, number, through, refusal);
  }

  mark(input: ByteReader, listener: StreamListener | null): void {
    const stream = this.#byEpoch.get(input.number());
    const on = input.byte() === 1;
    if (stream === undefined) return;
    const queues: string[] = [];
    while (input.at < input.end) {
      const length = input.number();
      const name = this.#names.nameAt(input.bytes, input.skip(length), length);
      if (on) stream.marks.add(name);
      else stream.marks.delete(name);
      queues.push(name);
    }
    listener?.marked(stream.epoch, queues, on);
  }

  lapse(position: number, input: ByteReader, listener: StreamListener | null): void {
    const stream = this.#byEpoch.get(input.number());
    if (stream !== undefined) this.#giveBack(stream, position, listener);
  }

  /** For a log in which entries are lost, of which this was one: it may have been one of any stream. */
  lose(position: number): void {
    this.#lost.add(position);
    for (const stream of this.#byNode.values()) stream.gap = true;
  }

  #giveBack(stream: Stream, position: number, listener: StreamListener | null): void {
    for (const name of stream.marks) {
      const queue = this.#state.queues.get(name);
      if (queue !== undefined && queue.list.length > 0) queue.suspectBelow = position;
    }
    stream.marks = new Set();
    stream.lapsedAt = position;
    listener?.lapsed(stream.epoch);
  }

  /** The stream whose opening is among the lost entries. */
  #unheardOf(epoch: number): Stream | null {
    if (!this.#lost.has(epoch)) return null;
    const stream = new Stream(`lost-${epoch}`, epoch, '');
    stream.gap = true;
    this.restore(stream);
    return stream;
  }
}
