import { assert } from '@lockstep/kernel';
import type { JournalPosition } from '@lockstep/kernel';
import { ByteReader } from '../commands/byte-reader.ts';
import type { DestinationNames } from '../commands/destination-names.ts';
import { commandType, commandVersion } from '../commands/format.ts';
import type { Policy } from '../commands/format.ts';
import { readSettlements } from '../commands/settlements-reader.ts';
import type { DeadLetter } from '../effects.ts';
import type { LiveRecords } from '../live-records.ts';
import { indexBytesOf, recordOverheadBytes } from './costs.ts';
import type { Eras } from './eras.ts';
import { deliveriesMax } from './message-chunk.ts';
import { Queue } from './queue.ts';
import { MissingCounter, Settler } from './settler.ts';

/** With so many queue objects the empty ones go; before, they are kept for their next message. Not part of the state. */
const idleQueuesMin = 4096;

/** A new master's mark in the log. */
export interface Opening {
  readonly position: number;
  /** The master's clock: when this mastership began. */
  readonly wallMs: number;
}

/** A message of a transaction that has no end yet. */
export interface Part {
  readonly position: JournalPosition;
  readonly destination: string;
  /** Header block and body together, bytes. */
  readonly size: number;
}

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
  #messageCount = 0;
  #messageBytes = 0;
  #partBytes = 0;
  /** With messages in them. */
  #queueCount = 0;
  #dropIdleAt = idleQueuesMin;
  #applied = 0;
  #opening: Opening = { position: 0, wallMs: 0 };
  #policy: Policy = { maxDeliveries: 1, deadLetterQueue: '' };

  constructor(names: DestinationNames) {
    this.#names = names;
  }

  get applied(): number {
    return this.#applied;
  }

  get opening(): Opening {
    return this.#opening;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Parts of a transaction whose end has not been applied. Not to be changed. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** Bytes that the live messages take in the log, roughly. */
  get storeBytes(): number {
    return this.#messageBytes + this.#partBytes + (this.#messageCount + this.#parts.length) * recordOverheadBytes;
  }

  /** Bytes of memory that the state takes, roughly. */
  get indexBytes(): number {
    return indexBytesOf(this.#messageCount + this.#parts.length, this.#queueCount);
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
   * Takes effect at once; `records` hears which records are needed from now on, and which no longer. Returns false for a transaction that was
   * refused: nothing of it happened.
   */
  apply(position: JournalPosition, command: Uint8Array, records: LiveRecords): boolean {
    assert(position > this.#applied, `command ${position} comes after ${this.#applied} was applied`);
    this.#records = records;
    const input = this.#input;
    input.start(command);
    const version = input.byte();
    assert(version === commandVersion, `the command at ${position} has the unknown version ${version}`);
    const type = input.byte();
    this.#applied = position;
    switch (type) {
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
        assert(false, `the command at ${position} has the unknown type ${type}`);
    }
  }

  /** For a log in which entries are lost: the parts that came belong to nothing any more. Returns their positions. */
  abandonParts(): readonly JournalPosition[] {
    const positions = this.#parts.map(({ position }) => position);
    this.#clearParts();
    return positions;
  }

  /** For a log in which entries are lost: the command would end a transaction or an import of which other parts have come than it had. */
  lacksParts(command: Uint8Array): boolean {
    if (command[1] !== commandType.transactionEnd && command[1] !== commandType.importEnd) return false;
    this.#input.start(command);
    this.#input.skip(2);
    return this.#input.number() !== this.#parts.length;
  }

  /** Puts a message into its queue, in its place. */
  add(queue: Queue, position: number, size: number, count: number, deadLetter: DeadLetter | null): void {
    if (queue.list.length === 0) this.#queueCount++;
    this.#messageCount++;
    this.#messageBytes += size;
    queue.add(position, size, count, deadLetter);
  }

  /** Removes the message that the queue's list has just found. */
  removeFound(queue: Queue): void {
    this.#messageCount--;
    this.#messageBytes -= queue.list.size;
    queue.removeFound();
    if (queue.list.length === 0) this.#queueCount--;
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
  restoreHead(applied: number, opening: Opening, policy: Policy): void {
    this.#applied = applied;
    this.#opening = opening;
    this.#policy = policy;
  }

  /** For a snapshot that is being read into a new state. */
  addPart(position: JournalPosition, destination: string, size: number): void {
    this.#parts.push({ position, destination, size });
    this.#partBytes += size;
  }

  #enqueue(position: JournalPosition, input: ByteReader): void {
    const queue = this.queue(this.#destination(input));
    this.add(queue, position, contentSize(input), 0, null);
    this.#records?.retain(position);
  }

  #part(position: JournalPosition, input: ByteReader): void {
    const destination = this.#destination(input);
    this.addPart(position, destination, contentSize(input));
    this.#records?.retain(position);
  }

  /** Of a message's command, from behind its type. */
  #destination(input: ByteReader): string {
    input.byte();
    input.number();
    const length = input.number();
    return this.#names.nameAt(input.bytes, input.skip(length), length);
  }

  #end(position: JournalPosition, input: ByteReader): boolean {
    const count = input.number();
    const parts = this.#parts;
    assert(parts.length === count, `the transaction that ends at ${position} has ${count} parts, ${parts.length} came`);
    this.#clearParts();
    const settlementsAt = input.at;
    this.#missing.count = 0;
    readSettlements(input, this.#names, this.#missing);
    input.at = settlementsAt;
    if (this.#missing.count > 0) {
      this.#settler.refuse(input, this.#names);
      this.#release(parts);
      return false;
    }
    readSettlements(input, this.#names, this.#settler);
    for (const part of parts) this.#addNew(part);
    return true;
  }

  /** As the end of a transaction, but each message may bring along what it had been through elsewhere. */
  #importEnd(position: JournalPosition, input: ByteReader): void {
    const count = input.number();
    const parts = this.#parts;
    assert(parts.length === count, `the import that ends at ${position} has ${count} parts, ${parts.length} came`);
    this.#clearParts();
    let next = 0;
    while (input.at < input.end) {
      const part = next + input.number();
      assert(part < count, `the import that ends at ${position} has no part ${part}`);
      while (next < part) this.#addNew(parts[next++]!);
      this.#addWithPast(parts[next++]!, input);
    }
    while (next < count) this.#addNew(parts[next++]!);
  }

  #addNew({ destination, position, size }: Part): void {
    this.add(this.queue(destination), position, size, 0, null);
  }

  #addWithPast({ destination, position, size }: Part, input: ByteReader): void {
    const deliveries = input.number();
    const dead = input.byte() === 1;
    const deadLetter = dead ? { reason: this.#text(input), originalDestination: this.#text(input) } : null;
    this.add(this.queue(destination), position, size, Math.min(deliveriesMax, deliveries), deadLetter);
  }

  #text(input: ByteReader): string {
    const length = input.number();
    return this.#names.nameAt(input.bytes, input.skip(length), length);
  }

  #open(position: JournalPosition, input: ByteReader): void {
    this.#release(this.#parts);
    this.#clearParts();
    this.#opening = { position, wallMs: input.number() };
    const maxDeliveries = input.number();
    const length = input.number();
    this.#policy = { maxDeliveries, deadLetterQueue: this.#names.nameAt(input.bytes, input.skip(length), length) };
  }

  #clearParts(): void {
    this.#parts = [];
    this.#partBytes = 0;
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
