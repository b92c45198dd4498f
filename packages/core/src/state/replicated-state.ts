import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { defaultPriority } from '../attributes.ts';
import type { MessageAttributes } from '../attributes.ts';
import { readAttributes } from '../commands/attributes.ts';
import { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { commandType, commandVersion } from '../commands/format.ts';
import { readSettlements } from '../commands/settlements-reader.ts';
import type { DeadLetter } from '../effects.ts';
import type { LiveRecords } from '../live-records.ts';
import { indexBytesOf, recordOverheadBytes } from './costs.ts';
import type { Eras } from './eras.ts';
import type { StreamListener } from '../stream/stream-listener.ts';
import { StreamRules } from '../stream/stream-rules.ts';
import { DuplicateIds } from './duplicate-ids.ts';
import { addImported } from './imported.ts';
import type { Opening } from './opening.ts';
import type { Part } from './part.ts';
import { Queue } from './queue.ts';
import { MissingCounter, Settler } from './settler.ts';
import { StreamCommands } from './stream-commands.ts';
import type { Stream, StreamView } from './stream.ts';

/** With so many queue objects the empty ones go; before, they are kept for their next message. Not part of the state. */
const idleQueuesMin = 4096;

/** What all replicas agree upon: a function of the commands applied, and of nothing else. */
export class ReplicatedState {
  readonly #names: DestinationNames;
  readonly #queues = new Map<string, Queue>();
  readonly #input = new ByteReader();
  readonly #settler = new Settler(this);
  readonly #missing = new MissingCounter(this);
  readonly #eras: Eras = { snapshot: 0, mastership: 0 };
  /** Of the command that is being applied. */
  #records: LiveRecords | null = null;
  #parts: Part[] = [];
  readonly #streams: StreamCommands;
  readonly #duplicateIds = new DuplicateIds();
  #messageCount = 0;
  #messageBytes = 0;
  /** Of all parts, those of streams included. */
  #partCount = 0;
  #partBytes = 0;
  /** With messages in them. */
  #queueCount = 0;
  #dropIdleAt = idleQueuesMin;
  #applied = 0;
  #opening: Opening = { position: 0, wallMs: 0 };

  constructor(names: DestinationNames, rules: StreamRules = new StreamRules()) {
    this.#names = names;
    this.#streams = new StreamCommands(this, names, rules);
  }

  get applied(): number {
    return this.#applied;
  }

  get opening(): Opening {
    return this.#opening;
  }

  /** Parts, outside of streams, of a transaction whose end has not been applied. Not to be changed. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** Not to be changed but by a snapshot that is being read. */
  get duplicateIds(): DuplicateIds {
    return this.#duplicateIds;
  }

  /** The nodes' proposal streams, by node. Not to be changed. */
  get streams(): ReadonlyMap<string, StreamView> {
    return this.#streams.byNode;
  }

  /** The stream of that epoch, unless its node has opened another since. */
  openStream(epoch: number): StreamView | undefined {
    return this.#streams.open(epoch);
  }

  /** Bytes that the live messages take in the log, roughly. */
  get storeBytes(): number {
    return this.#messageBytes + this.#partBytes + (this.#messageCount + this.#partCount) * recordOverheadBytes;
  }

  /** Bytes of memory that the state takes, roughly. */
  get indexBytes(): number {
    return indexBytesOf(this.#messageCount + this.#partCount, this.#queueCount);
  }

  /** Every queue object, empty ones too. */
  get queues(): ReadonlyMap<string, Queue> {
    return this.#queues;
  }

  /** The queue of that name, made if need be. */
  queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    if (this.#queues.size >= this.#dropIdleAt) this.#dropIdle();
    const queue = new Queue(name, this.#eras);
    this.#queues.set(name, queue);
    return queue;
  }

  /**
   * Takes effect at once; `records` hears which records are needed from now on, and which no longer, and `listener` what became of the streams.
   * A command that asks for what can't be done any more (its stream is void, its number was there, a message of its transaction is gone) does
   * nothing. Returns false for a transaction, outside of streams, that was refused so.
   */
  apply(
    position: JournalPosition,
    command: Uint8Array,
    records: LiveRecords,
    listener: StreamListener | null = null,
  ): boolean {
    assert(position > this.#applied, `command ${position} comes after ${this.#applied} was applied`);
    this.#records = records;
    const input = this.#input;
    input.start(command);
    const version = input.byte();
    assert(version === commandVersion, `the command at ${position} has the unknown version ${version}`);
    const type = input.byte();
    this.#applied = position;
    switch (type) {
      case commandType.streamed:
        this.#streamed(position, input, listener);
        return true;
      case commandType.enqueue:
        this.#enqueue(position, input);
        return true;
      case commandType.settle:
        readSettlements(input, this.#names, this.#settler);
        return true;
      case commandType.transactionPart:
        this.#part(position, input);
        return true;
      case commandType.transactionEnd:
        return this.#end(position, input);
      case commandType.importEnd:
        this.#importEnd(position, input);
        return true;
      case commandType.open:
        this.#open(position, input);
        return true;
      default:
        this.#aboutStreams(type, position, input, listener);
        return true;
    }
  }

  /** For a log in which the entry at `lost` is lost: the parts that came belong to nothing any more. Returns their positions. */
  abandonParts(lost: JournalPosition): readonly JournalPosition[] {
    this.#streams.lose(lost);
    const positions = this.#parts.map(({ position }) => position);
    this.#clearParts();
    for (const stream of this.#streams.byNode.values()) {
      for (const { position } of stream.parts) positions.push(position);
      this.#takeParts(stream);
    }
    return positions;
  }

  /** For a log in which entries are lost: the command would end a transaction or an import of which other parts have come than it had. */
  lacksParts(command: Uint8Array): boolean {
    const input = this.#input;
    input.start(command);
    input.skip(1);
    let type = input.byte();
    let parts: readonly Part[] = this.#parts;
    if (type === commandType.streamed) {
      parts = this.#streams.open(input.number())?.parts ?? [];
      input.number();
      type = input.byte();
    }
    if (type !== commandType.transactionEnd && type !== commandType.importEnd) return false;
    return input.number() !== parts.length;
  }

  /** Puts a message into its queue, in its place. */
  add(
    queue: Queue,
    priority: number,
    position: number,
    size: number,
    count: number,
    deadLetter: DeadLetter | null,
  ): void {
    if (queue.list.length === 0) this.#queueCount++;
    this.#messageCount++;
    this.#messageBytes += size;
    queue.add(priority, position, size, count, deadLetter);
  }

  /** Removes the message that the queue's list has just found. */
  removeFound(queue: Queue): void {
    this.#messageCount--;
    this.#messageBytes -= queue.list.size;
    queue.removeFound();
    if (queue.list.length > 0) return;
    this.#queueCount--;
    queue.suspectBelow = 0;
  }

  /** As `removeFound`, and its record is needed no longer. */
  dropFound(queue: Queue): void {
    const { position } = queue.list;
    this.removeFound(queue);
    this.#records?.release(position);
  }

  /** The chunks that the queues have now are not changed any more: whoever has captured them keeps this state. */
  beginSnapshotEra(): void {
    this.#eras.snapshot++;
  }

  /** What the dispatcher noted of the messages is forgotten. */
  beginMastershipEra(): void {
    this.#eras.mastership++;
  }

  /** For a snapshot that is being read into a new state. */
  restoreHead(applied: number, opening: Opening): void {
    this.#applied = applied;
    this.#opening = opening;
  }

  /** For a snapshot that is being read into a new state. `stream`: null for a part outside of streams. */
  restorePart(stream: Stream | null, part: Part): void {
    this.#addPart(stream?.parts ?? this.#parts, part);
  }

  /** For a snapshot that is being read into a new state. */
  restoreStream(stream: Stream): void {
    this.#streams.restore(stream);
  }

  /** The transaction of which the stream has parts will have no end. */
  voidParts(stream: Stream): void {
    this.#release(this.#takeParts(stream));
  }

  #streamed(position: JournalPosition, input: ByteReader, listener: StreamListener | null): void {
    const epoch = input.number();
    const number = input.number();
    const stream = this.#streams.take(epoch, number);
    if (stream === null) return;
    let accepted = true;
    const inner = input.byte();
    switch (inner) {
      case commandType.enqueue:
        this.#enqueue(position, input);
        break;
      case commandType.settle:
        readSettlements(input, this.#names, this.#settler);
        break;
      case commandType.transactionPart:
        this.#addPart(stream.parts, this.#message(position, input));
        this.#records?.retain(position);
        break;
      case commandType.transactionEnd:
        accepted = this.#streamedEnd(stream, input);
        break;
      default:
        assert(false, `the command at ${position} holds the unknown type ${inner}`);
    }
    listener?.taken(epoch, number, accepted);
  }

  #streamedEnd(stream: Stream, input: ByteReader): boolean {
    const count = input.number();
    const parts = this.#takeParts(stream);
    return this.#complete(input, parts, parts.length === count, true);
  }

  #aboutStreams(type: number, position: JournalPosition, input: ByteReader, listener: StreamListener | null): void {
    switch (type) {
      case commandType.openStream:
        this.#streams.openStream(position, input, listener);
        return;
      case commandType.refuse:
        this.#streams.refuse(input, listener);
        return;
      case commandType.mark:
        this.#streams.mark(input, listener);
        return;
      case commandType.lapse:
        this.#streams.lapse(position, input, listener);
        return;
      case commandType.lost:
        for (const lost of this.abandonParts(position)) this.#records?.release(lost);
        return;
      default:
        assert(false, `the command at ${position} has the unknown type ${type}`);
    }
  }

  #enqueue(position: JournalPosition, input: ByteReader): void {
    input.byte();
    const timestampMs = input.number();
    const attributes = readAttributes(input);
    const destination = this.#name(input);
    if (attributes !== null && !this.#isFirst(destination, timestampMs, attributes)) return;
    const queue = this.queue(destination);
    const size = contentSize(input);
    this.add(queue, attributes?.priority ?? defaultPriority, position, size, 0, null);
    this.#records?.retain(position);
  }

  #part(position: JournalPosition, input: ByteReader): void {
    this.#addPart(this.#parts, this.#message(position, input));
    this.#records?.retain(position);
  }

  #addPart(parts: Part[], part: Part): void {
    parts.push(part);
    this.#partCount++;
    this.#partBytes += part.size;
  }

  /** Of a message's command, from behind its type. */
  #message(position: JournalPosition, input: ByteReader): Part {
    input.byte();
    const timestampMs = input.number();
    const attributes = readAttributes(input);
    const destination = this.#name(input);
    return { position, destination, size: contentSize(input), timestampMs, attributes };
  }

  /** Else it is to be taken for the one before it with the same duplicate id: nothing happens. */
  #isFirst(destination: string, timestampMs: number, { duplicateId: id }: MessageAttributes): boolean {
    return id === '' || this.#duplicateIds.admit({ destination, id, timestampMs });
  }

  #name(input: ByteReader): string {
    const length = input.number();
    return this.#names.nameAt(input.bytes, input.skip(length), length);
  }

  #end(position: JournalPosition, input: ByteReader): boolean {
    const count = input.number();
    const parts = this.#parts;
    assert(parts.length === count, `the transaction that ends at ${position} has ${count} parts, ${parts.length} came`);
    this.#clearParts();
    return this.#complete(input, parts, true, false);
  }

  /** All of a transaction, or nothing: it is refused unless it is `whole` and every message that it settles is there. */
  #complete(input: ByteReader, parts: readonly Part[], whole: boolean, streamed: boolean): boolean {
    const settlementsAt = input.at;
    this.#missing.count = 0;
    readSettlements(input, this.#names, this.#missing);
    input.at = settlementsAt;
    if (this.#missing.count > 0 || !whole) {
      this.#settler.refuse(input, this.#names, streamed);
      this.#release(parts);
      return false;
    }
    readSettlements(input, this.#names, this.#settler);
    for (const part of parts) {
      const { destination, timestampMs, attributes, position } = part;
      if (attributes === null || this.#isFirst(destination, timestampMs, attributes)) this.addPart(part, 0, null);
      else this.#records?.release(position);
    }
    return true;
  }

  #importEnd(position: JournalPosition, input: ByteReader): void {
    const count = input.number();
    const parts = this.#parts;
    assert(parts.length === count, `the import that ends at ${position} has ${count} parts, ${parts.length} came`);
    this.#clearParts();
    addImported(this, parts, input, this.#names);
  }

  /** A message that came as a part is one from now on. */
  addPart({ destination, position, size, attributes }: Part, count: number, deadLetter: DeadLetter | null): void {
    const priority = attributes?.priority ?? defaultPriority;
    this.add(this.queue(destination), priority, position, size, count, deadLetter);
  }

  #open(position: JournalPosition, input: ByteReader): void {
    this.#release(this.#parts);
    this.#clearParts();
    this.#opening = { position, wallMs: input.number() };
    this.#duplicateIds.limit({ idsMax: input.number(), ageMs: input.number() });
  }

  #clearParts(): void {
    this.#forget(this.#parts);
    this.#parts = [];
  }

  #takeParts(stream: Stream): readonly Part[] {
    const { parts } = stream;
    if (parts.length === 0) return parts;
    this.#forget(parts);
    stream.parts = [];
    return parts;
  }

  #forget(parts: readonly Part[]): void {
    this.#partCount -= parts.length;
    for (const { size } of parts) this.#partBytes -= size;
  }

  #release(parts: readonly Part[]): void {
    for (const { position } of parts) this.#records?.release(position);
  }

  #dropIdle(): void {
    for (const queue of this.#queues.values()) {
      if (queue.list.length === 0 && queue.listener === null) this.#queues.delete(queue.name);
    }
    this.#dropIdleAt = Math.max(idleQueuesMin, this.#queues.size * 2);
  }
}

/** Header block and body together, of what is left of a message's command. */
function contentSize(input: ByteReader): number {
  const headerLength = input.number();
  const from = input.at;
  input.skip(headerLength);
  return input.end - from;
}
