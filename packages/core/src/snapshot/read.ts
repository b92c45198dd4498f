import { assert, decodeText } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { defaultPriority, priorityMax } from '../attributes.ts';
import { readAttributes } from '../commands/attributes.ts';
import { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import type { Queue } from '../state/queue.ts';
import { ReplicatedState } from '../state/replicated-state.ts';
import type { DeadLetter } from '../effects.ts';
import type { StreamRules } from '../stream/stream-rules.ts';
import { Stream } from '../state/stream.ts';
import { countScale, messageFlag, recordType, snapshotVersion } from './format.ts';

/** Builds a new state from a snapshot's chunks, cut anywhere. Bytes that are no snapshot are an AssertionError. */
export class SnapshotReader {
  readonly #names: DestinationNames;
  readonly #refersTo: (position: JournalPosition) => void;
  readonly #state: ReplicatedState;
  readonly #input = new ByteReader();
  /** Bytes that do not make a record yet. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  /** Not to be looked at before so many bytes are there. */
  #neededBytes = 1;
  #stream: Stream | null = null;
  #queue: Queue | null = null;
  #priority = defaultPriority;
  #messageCount = 0;
  /** Shared by those that have the same. */
  #deadLetter: DeadLetter | null = null;
  #begun = false;
  #ended = false;

  /** `refersTo` is called with each position that the state refers to, as it is read. */
  constructor(names: DestinationNames, rules: StreamRules, refersTo: (position: JournalPosition) => void) {
    this.#names = names;
    this.#refersTo = refersTo;
    this.#state = new ReplicatedState(names, rules);
  }

  /** The chunk is not kept. */
  write(chunk: Uint8Array): void {
    this.#rest.push(chunk.slice());
    this.#restBytes += chunk.length;
    if (this.#restBytes < this.#neededBytes) return;
    const bytes = joined(this.#rest, this.#restBytes);
    const rest = bytes.subarray(this.#readRecords(bytes));
    this.#rest = [rest];
    this.#restBytes = rest.length;
  }

  /** The whole snapshot was written. */
  finish(): ReplicatedState {
    assert(this.#ended && this.#restBytes === 0, 'the snapshot is not whole');
    return this.#state;
  }

  /** Returns where the first record begins that is not whole. */
  #readRecords(bytes: Uint8Array): number {
    const input = this.#input;
    for (let at = 0; ;) {
      input.start(bytes);
      input.at = at;
      const length = numberIfWhole(input);
      if (length === null || length > bytes.length - input.at) {
        this.#neededBytes = length === null ? bytes.length - at + 1 : input.at - at + length;
        return at;
      }
      at = input.at + length;
      input.end = at;
      this.#record(input);
      assert(input.at === input.end, 'a record of the snapshot is longer than what it holds');
    }
  }

  #record(input: ByteReader): void {
    const type = input.byte();
    assert(
      !this.#ended && this.#begun === (type !== recordType.head),
      'the snapshot does not begin or end as it should',
    );
    switch (type) {
      case recordType.head:
        this.#head(input);
        break;
      case recordType.duplicateIds:
        this.#duplicateIds(input);
        break;
      case recordType.part:
        this.#part(null, input);
        break;
      case recordType.stream:
        this.#readStream(input);
        break;
      case recordType.streamPart:
        this.#part(this.#openStream, input);
        break;
      case recordType.marks: {
        const { marks } = this.#openStream;
        while (input.at < input.end) marks.add(this.#text(input));
        break;
      }
      case recordType.refused: {
        const { refused } = this.#openStream;
        while (input.at < input.end) refused.set(input.number(), input.number());
        break;
      }
      case recordType.queue:
        this.#queue = this.#state.queue(this.#text(input));
        this.#queue.suspectBelow = input.number();
        this.#priority = defaultPriority;
        break;
      case recordType.priority:
        this.#priority = input.number();
        assert(this.#priority <= priorityMax, `the snapshot has the priority ${this.#priority}`);
        break;
      case recordType.messages:
        this.#messages(input);
        break;
      case recordType.end:
        assert(input.number() === this.#messageCount, 'the snapshot lacks messages');
        this.#ended = true;
        break;
      default:
        assert(false, `the snapshot has the unknown record type ${type}`);
    }
  }

  #head(input: ByteReader): void {
    this.#begun = true;
    const version = input.number();
    assert(version === snapshotVersion, `the snapshot has the unknown version ${version}`);
    const applied = input.number();
    const opening = { position: input.number(), wallMs: input.number() };
    this.#state.restoreHead(applied, opening);
    this.#state.duplicateIds.limit({ idsMax: input.number(), ageMs: input.number() });
  }

  get #openStream(): Stream {
    assert(this.#stream !== null, 'the snapshot has something of a stream without the stream');
    return this.#stream;
  }

  #readStream(input: ByteReader): void {
    const node = decodeText(input.prefixed());
    const run = decodeText(input.prefixed());
    const stream = new Stream(node, input.number(), run);
    stream.number = input.number();
    stream.lapsedAt = input.number();
    stream.gap = input.number() === 1;
    this.#state.restoreStream(stream);
    this.#stream = stream;
  }

  #duplicateIds(input: ByteReader): void {
    while (input.at < input.end) {
      const destination = this.#text(input);
      const id = decodeText(input.prefixed());
      this.#state.duplicateIds.append({ destination, id, timestampMs: input.number() });
    }
  }

  #part(stream: Stream | null, input: ByteReader): void {
    const destination = this.#text(input);
    const position = input.number() as JournalPosition;
    const size = input.number();
    const timestampMs = input.number();
    const attributes = readAttributes(input);
    this.#state.restorePart(stream, { position, destination, size, timestampMs, attributes });
    this.#refersTo(position);
  }

  #messages(input: ByteReader): void {
    const queue = this.#queue;
    assert(queue !== null, 'the snapshot has messages without a queue');
    for (let position = 0; input.at < input.end;) {
      const distance = input.number();
      assert(distance > 0, 'the snapshot has messages out of order');
      position += distance;
      const size = input.number();
      const flags = input.number();
      const deadLetter = (flags & messageFlag.dead) === 0 ? null : this.#readDeadLetter(input, flags);
      this.#state.add(queue, this.#priority, position, size, Math.floor(flags / countScale), deadLetter);
      if ((flags & messageFlag.returned) !== 0) queue.restoreReturned(position);
      this.#refersTo(position as JournalPosition);
      this.#messageCount++;
    }
  }

  #readDeadLetter(input: ByteReader, flags: number): DeadLetter {
    if ((flags & messageFlag.deadLetterFollows) !== 0) {
      const last = this.#deadLetter;
      const reason = this.#text(input);
      const originalDestination = this.#text(input);
      const isSame = last?.reason === reason && last.originalDestination === originalDestination;
      if (!isSame) this.#deadLetter = { reason, originalDestination };
    }
    assert(this.#deadLetter !== null, 'the snapshot has a dead letter without a reason');
    return this.#deadLetter;
  }

  #text(input: ByteReader): string {
    const length = input.number();
    return this.#names.nameAt(input.bytes, input.skip(length), length);
  }
}

/** Null, and the reader's place undefined, when the number's last byte is not there yet. */
function numberIfWhole(input: ByteReader): number | null {
  for (let at = input.at; at < input.end; at++) if (input.bytes[at]! < 0x80) return input.number();
  return null;
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
